"""Times of frames, fields, and files that begin, jump or end oddly."""

from __future__ import annotations

from pathlib import Path

from kinds.kind import Kind, Step, kind

_P = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"
_X = f"@v @a {_P} -c:a aac"
_SMALL = f"@v:s=64x48:r=25 @a {_P} -g 25 -c:a aac"


def joined(*names: str, to: str) -> Step:
    """Return the step that appends files to each other."""

    def join(folder: Path) -> None:
        (folder / to).write_bytes(b"".join((folder / name).read_bytes() for name in names))

    join.__doc__ = f"cat {' '.join(names)} > {to}"
    return join


def appended(data: bytes, what: str, to: str, source: str) -> Step:
    def append(folder: Path) -> None:
        (folder / to).write_bytes((folder / source).read_bytes() + data)

    append.__doc__ = f"{source} and {what}"
    return append


def _junk(suffix: str, args: str, data: bytes, what: str, name: str) -> Kind:
    file = f"{name}.{suffix}"
    return kind(
        file, f"{suffix} with {what} at its end", f"{args} a.{suffix}", appended(data, what, file, f"a.{suffix}")
    )


def _cat(name: str, what: str, *parts: str, quick: bool = False) -> Kind:
    suffix = name.rpartition(".")[2]
    files = [f"p{number}.{suffix}" for number in range(len(parts))]
    steps = [f"{part} {file}" for part, file in zip(parts, files, strict=True)]
    return kind(name, what, *steps, joined(*files, to=name), quick=quick)


_HTML = b"<html><body>503 Service Unavailable</body></html>\n"
_WEB = "@v @a:stereo -c:v libvpx -c:a libvorbis"
_FILES: list[Kind] = [
    _junk("mp4", _X, b"\n", "one byte", "trailing-byte"),
    _junk("mp4", _X, _HTML, "a page of HTML", "trailing-html"),
    _junk("mov", _X, b"\0" * 1000, "zeros", "trailing-zeros"),
    _junk("mkv", _X, _HTML, "a page of HTML", "trailing"),
    _junk("ts", _X, _HTML, "a page of HTML", "trailing"),
    _junk("avi", "@v @a -c:v mpeg4 -c:a libmp3lame", _HTML, "a page of HTML", "trailing"),
    _junk("webm", _WEB, _HTML, "a page of HTML", "trailing"),
    _junk("flv", _X, _HTML, "a page of HTML", "trailing"),
    _cat("joined.ts", "the same transport stream twice", f"{_SMALL}", f"{_SMALL}", quick=True),
    _cat("jump.ts", "a jump of 1000 s in a transport stream", _SMALL, f"{_SMALL} -output_ts_offset 1000"),
    _cat("jump-back.ts", "a jump back in a transport stream", f"{_SMALL} -output_ts_offset 1000", _SMALL),
    _cat("size-change.ts", "frames that change their size", _SMALL, f"@v:s=128x96 @a {_P} -g 25 -c:a aac -output_ts_offset 0.8"),
    _cat("sar-change.ts", "frames that change their shape", _SMALL, f"@v:s=64x48:r=25,setsar=16/11 @a {_P} -g 25 -c:a aac -output_ts_offset 0.8"),
    _cat("format-change.h264", "a stream that changes its size, without a container", f"@v {_P}", f"@v:s=64x48 {_P}"),
    _cat("channels-change.ts", "sound that changes from stereo to 5.1", f"@v @a:stereo {_P} -c:a ac3", f"@v @a:5.1 {_P} -c:a ac3 -output_ts_offset 0.8"),
    _cat("codec-change.ts", "pictures that change from MPEG-2 to H.264", "@v @a -c:v mpeg2video -c:a aac", f"{_X} -output_ts_offset 0.8"),
    _cat("joined.mp3", "two MP3s one after the other", "@a:stereo -c:a libmp3lame", "@a:stereo -c:a libmp3lame"),
]  # fmt: skip
_FILES[-1] = Kind(_FILES[-1].name, _FILES[-1].what, _FILES[-1].steps, sound_only=True)

_UNEVEN = "settb=1/1000,setpts=40*N+N*N*4"
_RATES: list[Kind] = [
    kind("vfr.mkv", "variable frame rate in Matroska", f"@v,{_UNEVEN} {_P} -fps_mode passthrough", quick=True),
    kind("same-times.mkv", "frames at the same times", f"@v,setpts=N*N*0.004/TB {_P} -fps_mode passthrough"),
    kind("vfr.mp4", "variable frame rate in MP4", f"@v,{_UNEVEN} {_P} -fps_mode passthrough -video_track_timescale 90000"),
    kind("vfr.wmv", "variable frame rate in WMV", f"@v,{_UNEVEN} {_P} -fps_mode passthrough -f asf"),
    kind("gap.mp4", "a gap of 2 s between frames", f"@v {_P} -bsf:v 'setts=ts=TS+gte(N\\,10)*2/TB'"),
    *(kind(f"rate-{name}.mp4", f"{rate} frames a second", f"@v:r={rate} {_P}") for name, rate in (
        ("1", "5"), ("24p", "24000/1001"), ("2997", "30000/1001"), ("60", "60"), ("120", "120"), ("12", "12"), ("odd", "17.23"))),
    kind("rate-24p.mkv", "24000/1001 frames a second in Matroska", f"@v:r=24000/1001 {_P}"),
    kind("rate-5994.ts", "60000/1001 frames a second in TS", f"@v:r=60000/1001 {_P}"),
    kind("two-frames.mkv", "two frames", f"@v {_P} -frames:v 2"),
    kind("start-10.mkv", "times that begin at 10 s", f"{_X} -output_ts_offset 10"),
    kind("start-10.mp4", "times that begin at 10 s in MP4", f"{_X} -output_ts_offset 10"),
    kind("start-1000.flv", "times that begin at 1000 s in FLV", f"{_X} -output_ts_offset 1000"),
    kind("wrap.ts", "times that wrap around at 33 bits", f"{_X} -output_ts_offset 95443.3"),
    kind("wrap.mpg", "times that wrap around in a program stream", "@v @a:stereo -c:v mpeg2video -c:a mp2 -f vob -output_ts_offset 95442.3"),
    kind("edit-list.mp4", "a clip trimmed by its edit list", f"@v {_P} -g 25 -bf 2 long.mp4", "-ss 0.4 -i long.mp4 -c copy"),
    kind("edit-list-sound.mp4", "a clip with sound trimmed by its edit list", f"{_X} -g 25 -bf 2 long.mp4", "-ss 0.3 -i long.mp4 -c copy"),
    kind("cut-copy.mkv", "a cut that keeps frames before its begin", f"@v:d=2 {_P} -g 25 long.mkv", "-copyts -ss 1.4 -i long.mkv -c copy"),
    kind("timecode.mov", "a track of time codes", f"@v:r=30000/1001 @a {_P} -c:a aac -timecode 01:00:00;02".replace(";", "\\;")),
    kind("timecode.mp4", "a track of time codes in MP4", f"@v {_P} -timecode 10:00:00:00"),
    kind("timecode.mkv", "a time code as a tag", f"@v {_P} -timecode 10:00:00:00"),
    kind("timecode.mxf", "a time code in MXF", "@v -c:v mpeg2video -timecode 10:00:00:00"),
    kind("timecode-gop.mpg", "time codes in MPEG-2", "@v -c:v mpeg2video -timecode 10:00:00:00 -f vob"),
    kind("no-times.h264", "H.264 of 50 frames a second without times", f"@v:r=50 {_P}"),
]  # fmt: skip

_FIELDS: list[Kind] = [
    kind("mbaff-tff.mkv", "H.264 MBAFF, top field first", "@vi -c:v libx264 -preset ultrafast -pix_fmt yuv420p -flags +ildct+ilme -x264-params tff=1", quick=True),
    kind("mbaff-bff.mp4", "H.264 MBAFF, bottom field first", "@vi -c:v libx264 -preset ultrafast -pix_fmt yuv420p -flags +ildct+ilme -x264-params bff=1"),
    kind("mbaff.ts", "H.264 MBAFF in a broadcast", "@vi @a:stereo -c:v libx264 -preset ultrafast -pix_fmt yuv420p -flags +ildct+ilme -x264-params tff=1 -c:a ac3"),
    kind("fake-interlaced.mkv", "progressive H.264 that claims fields", "@v -c:v libx264 -preset ultrafast -pix_fmt yuv420p -x264-params fake-interlaced=1"),
    kind("fields.m2v", "interlaced MPEG-2", "@vi -c:v mpeg2video -flags +ildct+ilme -pix_fmt yuv420p"),
    kind("fields.mpg", "interlaced MPEG-2 with sound", "@vi @a:stereo -c:v mpeg2video -flags +ildct+ilme -pix_fmt yuv420p -c:a mp2 -f vob"),
    kind("fields.avi", "interlaced MPEG-4", "@vi -c:v mpeg4 -flags +ildct+ilme"),
    kind("fields.mxf", "interlaced MPEG-2 4:2:2 in MXF", "@vi @a -c:v mpeg2video -flags +ildct+ilme -pix_fmt yuv422p -c:a pcm_s16le"),
    kind("fields-hevc.mkv", "HEVC in fields", "@vi -c:v libx265 -preset ultrafast -x265-params log-level=none:interlace=tff"),
    kind("fields-mjpeg.avi", "interlaced Motion JPEG", "@vi -c:v mjpeg -pix_fmt yuvj422p -field_order tt"),
    kind("fields-ffv1.mkv", "interlaced FFV1, marked by the container", "@vi -c:v ffv1 -pix_fmt yuv422p -field_order tt"),
]  # fmt: skip


def pulldown(folder: Path) -> None:
    """film.m2v with the flags of 3:2 pulldown in telecine.m2v."""
    data = bytearray((folder / "film.m2v").read_bytes())
    shown, at = 0, 0
    while (at := data.find(b"\0\0\1\xb5", at)) >= 0:
        if data[at + 4] >> 4 == 1:  # the sequence: interlaced
            data[at + 5] &= ~0x08
        if data[at + 4] >> 4 == 8:  # a picture: which field comes first, and whether it comes twice
            twice = (True, False, True, False)[shown % 4]
            top = (True, False, False, True)[shown % 4]
            data[at + 7] = (data[at + 7] & ~0x82) | (0x80 * top) | (0x02 * twice)
            shown += 1
        at += 4
    (folder / "telecine.m2v").write_bytes(data)


_FIELDS.append(kind(
    "telecine.m2v", "film at 30 frames a second by repeated fields (soft telecine)",
    "@v:r=24000/1001:d=1 -c:v mpeg2video -bf 0 -f mpeg2video film.m2v", pulldown,
))  # fmt: skip

KINDS = [*_FILES, *_RATES, *_FIELDS]
