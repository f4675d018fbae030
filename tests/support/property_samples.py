"""Small files with properties beyond picture and sound, and a look at files that shares no code with framewatch."""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import av
import imageio_ffmpeg

from blobs import stated_siting

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
Property = tuple[str, str, str]  # kind, kind of stream and its number there ("audio 1"), what it says

_STREAMS = re.compile(r"^ +Stream #0:(\d+)[^\n]*\n((?: {4,}[^\n]*\n)*)", re.MULTILINE)
_SIDE_DATA = {
    "Stereo 3D": "stereo3d",
    "Spherical Mapping": "spherical",
    "Display Matrix": "display_matrix",
    "Frame Cropping": "cropping",
    "Mastering display metadata": "hdr_mastering",
    "Content light level metadata": "hdr_light",
    "DOVI configuration record": "dolby_vision",
    "Ambient viewing environment": "ambient_viewing",
}
_FRAMES = {
    "STEREO3D": "stereo3d",
    "SPHERICAL": "spherical",
    "MASTERING_DISPLAY_METADATA": "hdr_mastering",
    "CONTENT_LIGHT_LEVEL": "hdr_light",
    "DISPLAYMATRIX": "display_matrix",
    "A53_CC": "captions_a53",
    "AFD": "afd",
    "PANSCAN": "pan_scan",
    "S12M_TIMECODE": "frame_timecode",
    "GOP_TIMECODE": "timecode_gop",
    "SEI_UNREGISTERED": "user_data",
    "AMBIENT_VIEWING_ENVIRONMENT": "ambient_viewing",
}


def run(*args: object, stdin: bytes | None = None) -> None:
    command = [FFMPEG, "-hide_banner", "-loglevel", "error", "-y", *map(str, args)]
    done = subprocess.run(command, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")


# --- a look at a file ----------------------------------------------------------------------------------------------


def properties(path: Path) -> set[Property]:
    """Return what a file has beyond picture and sound, as PyAV shows it."""
    with av.open(str(path)) as container:
        names = _names(container)
        found = {(kind, names[index], detail) for index, kind, detail in _attached(container)}
        for stream in container.streams:
            found |= {(kind, names[stream.index], detail) for kind, detail in _of_stream(stream)}
        code = _tag(container.metadata, "timecode")
        found |= {("timecode", "file", code)} if code else set()
        found |= {("tag", "file", name.lower()) for name in container.metadata}
        video = container.streams.video[0] if container.streams.video else None
        if video is not None:
            frame = next(container.decode(video))
            found |= {(kind, names[video.index], "") for kind in _of_frame(frame)}
            siting = stated_siting(path)
            found |= {("chroma_siting", names[video.index], siting)} if siting != "left" else set()
    return found


def _names(container: Any) -> dict[int, str]:
    names, counts = {}, dict[str, int]()
    for stream in container.streams:
        number = counts[stream.type] = counts.get(stream.type, -1) + 1
        names[stream.index] = f"{stream.type} {number}"
    return names


def _attached(container: Any) -> Iterator[tuple[int, str, str]]:
    av.logging.set_level(av.logging.INFO)
    text = container.dumps_format()
    av.logging.set_level(av.logging.PANIC)
    for index, body in _STREAMS.findall(text):
        for name, kind in _SIDE_DATA.items():
            line = re.search(rf"^ +{name}:? ?([^\n]*)$", body, re.MULTILINE)
            if line is not None:
                yield int(index), _layout(kind, line[1]), line[1].strip()


def _layout(kind: str, detail: str) -> str:
    return "stereo3d_other" if kind == "stereo3d" and "checkerboard" in detail else kind


def _of_stream(stream: Any) -> Iterator[tuple[str, str]]:
    for flag in av.stream.Disposition:
        if stream.disposition & flag and flag.name != "attached_pic":
            yield f"disposition.{flag.name}", ""
    yield from (("tag_of_track", name.lower()) for name in stream.metadata)
    if language := _tag(stream.metadata, "language"):
        yield "language", language
    if stream.type != "data" and (code := _tag(stream.metadata, "timecode")):
        yield "timecode", code
    if stream.type == "video" and _tag(stream.metadata, "alpha_mode") == "1":
        yield "alpha", ""


def _tag(metadata: dict[str, str], name: str) -> str:
    return {key.lower(): value for key, value in metadata.items()}.get(name, "")


def _of_frame(frame: Any) -> Iterator[str]:
    for data in frame.side_data:
        kind = _FRAMES.get(data.type.name)
        if kind == "user_data" and b"x26" in bytes(data):
            continue
        if kind == "stereo3d" and bytes(data)[0] not in (1, 2, 8):  # side by side, top and bottom, or unknown
            kind = "stereo3d_other"
        if kind is not None:
            yield kind
    name, bits = frame.format.name, max(each.bits for each in frame.format.components)
    if any(each.is_alpha for each in frame.format.components):
        yield "alpha"
    if "422" in name or "444" in name or "gbr" in name:
        yield "chroma_422"
    if "444" in name or "gbr" in name:
        yield "chroma_444"
    if bits > 8:
        yield "depth_10"
    if bits > 10:
        yield "depth_12"


# --- files ---------------------------------------------------------------------------------------------------------


class Sample(NamedTuple):
    """A file, and the kinds that it is for."""

    make: Callable[[Path, str], Path]  # with H.264 or, for webm, with VP9
    kinds: tuple[str, ...]
    only: tuple[str, ...] = ()  # containers that its video can be copied into; all, where it is H.264 or VP9


def _encode(path: Path, codec: str, *options: object, pixels: str = "yuv420p", sound: bool = False) -> Path:
    tone = (
        ("-f", "lavfi", "-i", "sine=duration=0.16", "-c:a", "ac3" if codec != "vp9" else "libopus") if sound else ()
    )
    encoder = {"vp9": ("libvpx-vp9", "-cpu-used", "8"), "h264": ("libx264", "-preset", "ultrafast")}.get(
        codec, (codec,)
    )
    pattern = "testsrc2=size=64x48:rate=25:duration=0.16"
    run("-f", "lavfi", "-i", pattern, *tone[:4], *tone[4:], "-c:v", *encoder, "-pix_fmt", pixels, *options, path)
    return path


def with_boxes(path: Path, boxes: bytes) -> Path:
    """Put boxes at the end of the sample entry of an mp4 whose index is at its end."""
    data = bytearray(path.read_bytes())
    moov = data.rindex(b"moov") - 4
    entry = data.index(b"stsd", moov) + 12
    end = entry + int.from_bytes(data[entry : entry + 4])
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", data[entry + 4 : entry + 8]):
        at = data.index(name, moov) - 4
        data[at : at + 4] = (int.from_bytes(data[at : at + 4]) + len(boxes)).to_bytes(4)
    data[end:end] = boxes
    path.write_bytes(data)
    return path


def box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _layouts(folder: Path, codec: str) -> Path:
    """Views one above the other, and a sphere (Spherical Video V2 RFC), turned by 10 and 20 degrees."""
    pose = box(b"prhd", bytes(4), struct.pack(">3i", 10 << 16, 20 << 16, 0))
    shape = box(b"equi", bytes(4), bytes(16))
    sphere = box(b"sv3d", box(b"svhd", bytes(4), b"x\0"), box(b"proj", pose, shape))
    return with_boxes(_encode(folder / "layouts.mp4", codec), box(b"st3d", bytes(4), b"\1") + sphere)


def _ambient(folder: Path, codec: str) -> Path:
    return with_boxes(
        _encode(folder / "ambient.mp4", codec), box(b"amve", struct.pack(">IHH", 314_000, 15_635, 16_450))
    )


def _turned(folder: Path, codec: str) -> Path:
    plain = _encode(folder / "plain.mp4", codec)
    run("-display_rotation", "90", "-i", plain, "-c", "copy", folder / "turned.mp4")
    return folder / "turned.mp4"


def _hidden(folder: Path, codec: str) -> Path:
    """Show 56x40 of 64x48 (ISO 14496-12, 12.1.4)."""
    clap = box(b"clap", struct.pack(">8i", 56, 1, 40, 1, 0, 1, 0, 1))
    return with_boxes(_encode(folder / "hidden.mp4", codec), clap)


def _hdr(folder: Path, _: str) -> Path:
    display = "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400"
    tags = ("-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc")
    options = ("-preset", "ultrafast", "-x265-params", f"{display}:log-level=none", *tags)
    return _encode(folder / "hdr.mkv", "libx265", *options, pixels="yuv422p10le")


def _deep(folder: Path, _: str) -> Path:
    options = ("-preset", "ultrafast", "-x265-params", "log-level=none")
    return _encode(folder / "deep.mkv", "libx265", *options, pixels="yuv444p12le")


def _clear(folder: Path, codec: str) -> Path:
    if codec == "vp9":
        return _encode(folder / "clear.webm", codec, "-auto-alt-ref", "0", pixels="yuva420p")
    return _encode(folder / "clear.mov", "prores_ks", pixels="yuva444p10le")


def _timecode(folder: Path, codec: str) -> Path:
    if codec == "vp9":
        return _encode(folder / "timecode.mkv", codec, "-metadata:s:v", "timecode=01:02:03:04")
    return _encode(folder / "timecode.mov", codec, "-timecode", "01:02:03:04")


def _odd_timecode(folder: Path, codec: str) -> Path:
    return _encode(folder / "odd.mkv", codec, "-metadata", "timecode=01:02:03;04")


def _marks(folder: Path, codec: str) -> Path:
    """Marks of sound tracks that Matroska has, and one of the video."""
    sound = "ac3" if codec == "h264" else "libopus"
    flags = ("original+default", "comment", "hearing_impaired", "visual_impaired", "forced", "dub", "0")
    path = folder / "marks.mkv"
    run(
        *("-i", _encode(folder / "plain.mkv", codec)),
        *(part for _ in flags for part in ("-f", "lavfi", "-i", "sine=duration=0.16")),
        *(part for number in range(len(flags) + 1) for part in ("-map", str(number))),
        *("-c:v", "copy", "-c:a", sound, "-disposition:v:0", "default+original"),
        *(part for number, flag in enumerate(flags) for part in (f"-disposition:a:{number}", flag)),
        *("-metadata:s:a:0", "language=pt-BR", "-metadata:s:a:1", "language=deu"),
        path,
    )
    return path


def _marks_of_mp4(folder: Path, codec: str) -> Path:
    """Marks that only mp4 has: captions come with hearing_impaired, descriptions with visual_impaired."""
    plain = _encode(folder / "plain.mp4", codec, sound=True)
    flags = ("-disposition:a:0", "captions", "-disposition:v:0", "default+descriptions")
    run("-i", plain, "-c", "copy", *flags, folder / "marks.mp4")
    return folder / "marks.mp4"


def _marks_of_ts(folder: Path, _: str) -> Path:
    plain = _encode(folder / "plain.mkv", "h264", sound=True)
    run(
        "-i",
        plain,
        "-c",
        "copy",
        "-disposition:a:0",
        "clean_effects",
        "-metadata:s:a:0",
        "language=eng",
        folder / "m.ts",
    )
    return folder / "m.ts"


def _programs(folder: Path, _: str) -> Path:
    plain = _encode(folder / "plain.mkv", "h264", sound=True)
    programs = ("-program", "title=One:st=0:st=1", "-program", "title=Two:st=2")
    run("-i", plain, "-i", plain, "-map", "0", "-map", "1:a", "-c", "copy", *programs, folder / "programs.ts")
    return folder / "programs.ts"


def _groups(folder: Path, _: str) -> Path:
    return _encode(folder / "groups.mkv", "mpeg2video")


def _user_data(folder: Path, codec: str) -> Path:
    text = "h264_metadata=sei_user_data=086f3693-b7b3-4f2c-9653-21492feee5b8+hello"
    return _encode(folder / "user.mkv", codec, "-bsf:v", text)


def _with_sei(folder: Path, payload: bytes, kind: int) -> Path:
    """Put an SEI message before each picture of an H.264 stream (ITU-T H.264, 7.3.2.3)."""
    _encode(folder / "plain.h264", "h264", "-x264-params", "sliced-threads=0:threads=1", "-bsf:v", "h264_mp4toannexb")
    data = (folder / "plain.h264").read_bytes()
    message = bytes([kind, len(payload)]) + payload + b"\x80"
    sei = b"\0\0\0\1\6" + message
    data = re.sub(rb"\x00\x00\x00?\x01[\x25\x65\x41\x61\x01\x21]", lambda found: sei + found[0], data)
    (folder / "sei.h264").write_bytes(data)
    run(
        "-f",
        "h264",
        "-r",
        "25",
        "-i",
        folder / "sei.h264",
        "-c",
        "copy",
        "-bsf:v",
        "setts=pts=N*3600:dts=N*3600:time_base=1/90000",
        folder / "sei.mp4",
    )
    return folder / "sei.mp4"


def _format(folder: Path, _: str) -> Path:
    """Say that the picture is 4:3 in a wider frame (ETSI TS 101 154, annex B)."""
    return _with_sei(folder, b"\xb5\0\x31DTG1\x41\xf9", 4)


def _tags(folder: Path, codec: str) -> Path:
    of_file = ("title=Film", "artist=me", "mood=calm", "composer=you", "director=she", "make=camera", "comment=a;b=c")
    said = [part for each in of_file for part in ("-metadata", each)]
    said += ["-metadata:s:v:0", "source=tape", "-metadata:s:a:0", "note=hiss"]
    return _encode(folder / "tags.mkv", codec, *said, sound=True)


def _checkerboard(folder: Path, codec: str) -> Path:
    return _encode(folder / "checkerboard.mkv", codec, "-metadata:s:v", "stereo_mode=checkerboard_lr")


def _dolby(folder: Path, _: str) -> Path:
    """State profile 8.1 (Dolby Vision Streams Within the ISO Base Media File Format, 3.2)."""
    options = ("-preset", "ultrafast", "-x265-params", "log-level=none", "-tag:v", "hvc1")
    configuration = bytes([1, 0, 8 << 1, 1 << 3 | 4 | 1, 1 << 4])
    plain = _encode(folder / "dolby.mp4", "libx265", *options, pixels="yuv420p10le")
    return with_boxes(plain, box(b"dvvC", configuration.ljust(24, b"\0")))


def _upper_left(folder: Path, _: str) -> Path:
    return _encode(folder / "corner.mp4", "h264", "-chroma_sample_location", "topleft")


def _upper_left_vp9(folder: Path, _: str) -> Path:
    return _encode(folder / "corner.webm", "vp9", "-chroma_sample_location", "topleft")


def _between_columns(folder: Path, _: str) -> Path:
    return _encode(folder / "between.avi", "mjpeg", pixels="yuvj422p")


SAMPLES = {
    "layouts": Sample(_layouts, ("stereo3d", "spherical")),
    "ambient": Sample(_ambient, ("ambient_viewing",)),
    "turned": Sample(_turned, ("display_matrix",)),
    "hidden": Sample(_hidden, ("cropping",)),
    "hdr": Sample(
        _hdr, ("hdr_mastering", "hdr_light", "depth_10", "chroma_422"), ("mp4", "mov", "mkv", "m2t", "m2ts")
    ),
    "deep": Sample(_deep, ("depth_12", "chroma_444"), ("mp4", "mov", "mkv", "m2t", "m2ts")),
    "clear": Sample(_clear, ("alpha",), ("mov", "mkv", "webm")),
    "timecode": Sample(_timecode, ("timecode",)),
    "odd timecode": Sample(_odd_timecode, ("timecode_odd",)),
    "marks": Sample(
        _marks,
        (
            "language_tag",
            *(f"disposition.{each}" for each in ("default", "original", "comment", "hearing_impaired")),
            *(f"disposition.{each}" for each in ("visual_impaired", "forced", "dub")),
        ),
    ),
    "marks of mp4": Sample(_marks_of_mp4, ("disposition.captions", "disposition.descriptions")),
    "marks of ts": Sample(_marks_of_ts, ("disposition.clean_effects",), ("mp4", "mov", "mkv", "m2t", "m2ts")),
    "programs": Sample(_programs, ("programs",), ("mp4", "mov", "mkv", "m2t", "m2ts")),
    "groups": Sample(_groups, ("timecode_gop",), ("mov", "mkv", "m2t", "m2ts")),
    "user data": Sample(_user_data, ("user_data",), ("mp4", "mov", "mkv", "m2t", "m2ts")),
    "format": Sample(_format, ("afd",), ("mp4", "mov", "mkv", "m2t", "m2ts")),
    "tags": Sample(_tags, ("tag", "tag_of_track")),
    "checkerboard": Sample(_checkerboard, ("stereo3d_other",), ("mkv", "mov", "mp4", "m2t", "m2ts")),
    "siting": Sample(_upper_left, ("chroma_siting",), ("mp4", "mov", "mkv", "m2t", "m2ts")),
    "siting of vp9": Sample(_upper_left_vp9, ("chroma_siting_of_container",), ("mp4", "mkv", "webm")),
    "siting of 4:2:2": Sample(_between_columns, ("chroma_siting_422",), ("mov", "mkv")),
    "dolby": Sample(_dolby, ("dolby_vision",), ("mp4", "mov", "mkv", "m2t", "m2ts")),
}
