"""Colours, HDR and shapes of frames."""

from __future__ import annotations

from kinds.kind import Kind, kind

_HDR = "@v,format=yuv420p10le -c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -color_primaries bt2020 -color_trc {trc} -colorspace bt2020nc -x265-params log-level=none:colorprim=bt2020:transfer={trc}:colormatrix=bt2020nc{more}"
_MASTER = ":master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400:hdr10=1".replace(
    "(", "\\("
).replace(")", "\\)")
_PLAIN = "-c:v libx264 -preset ultrafast"


def _tagged(name: str, what: str, primaries: str, transfer: str, matrix: str, more: str = "") -> Kind:
    tags = f"-color_primaries {primaries} -color_trc {transfer} -colorspace {matrix}"
    return kind(
        name,
        what,
        f"@v,setparams=color_primaries={primaries}:color_trc={transfer}:colorspace={matrix} {_PLAIN} -pix_fmt yuv420p {tags} {more}",
    )


COLOURS: list[Kind] = [
    kind("hdr10.mkv", "HDR10 in Matroska", _HDR.format(trc="smpte2084", more=_MASTER), quick=True),
    kind("hdr10.mp4", "HDR10 in MP4", f"{_HDR.format(trc='smpte2084', more=_MASTER)} -tag:v hvc1"),
    kind("hdr10.ts", "HDR10 in a transport stream", _HDR.format(trc="smpte2084", more=_MASTER)),
    kind("pq.mkv", "PQ without metadata", _HDR.format(trc="smpte2084", more="")),
    kind("hlg.mkv", "HLG", _HDR.format(trc="arib-std-b67", more="")),
    kind("hlg.mp4", "HLG in MP4", _HDR.format(trc="arib-std-b67", more="")),
    kind("hdr10-av1.mkv", "HDR10 in AV1", "@v -c:v libsvtav1 -preset 12 -pix_fmt yuv420p10le -svtav1-params 'color-primaries=9:transfer-characteristics=16:matrix-coefficients=9:mastering-display=G(0.265,0.69)B(0.15,0.06)R(0.68,0.32)WP(0.3127,0.329)L(1000,0.0001):content-light=1000,400'"),
    kind("hlg-vp9.webm", "HLG in VP9", "@v -c:v libvpx-vp9 -deadline realtime -pix_fmt yuv420p10le -color_primaries bt2020 -color_trc arib-std-b67 -colorspace bt2020nc"),
    _tagged("bt709.mp4", "BT.709", "bt709", "bt709", "bt709"),
    _tagged("bt601-625.mp4", "BT.601 of 625 lines", "bt470bg", "bt470bg", "bt470bg"),
    _tagged("bt601-525.mp4", "BT.601 of 525 lines", "smpte170m", "smpte170m", "smpte170m"),
    _tagged("bt470m.mkv", "NTSC of 1953", "bt470m", "bt470m", "fcc"),
    _tagged("smpte240m.mkv", "SMPTE 240M", "smpte240m", "smpte240m", "smpte240m"),
    _tagged("srgb.mkv", "sRGB transfer", "bt709", "iec61966-2-1", "bt709"),
    _tagged("linear.mkv", "linear light", "bt709", "linear", "bt709"),
    _tagged("p3.mov", "Display P3", "smpte432", "bt709", "bt709"),
    _tagged("film.mkv", "film primaries", "film", "bt709", "bt709"),
    _tagged("xyz.mkv", "DCI", "smpte431", "smpte428", "bt709"),
    _tagged("ycgco.mkv", "YCgCo", "bt709", "bt709", "ycgco"),
    _tagged("bt2020.mkv", "BT.2020, SDR", "bt2020", "bt2020-10", "bt2020nc"),
    _tagged("bt2020c.mkv", "BT.2020, constant luminance", "bt2020", "bt2020-10", "bt2020c"),
    *(kind(f"siting-{place}.mkv", f"chroma siting {place}", f"@v {_PLAIN} -pix_fmt yuv420p -chroma_sample_location {place}")
      for place in ("left", "center", "topleft", "top", "bottomleft", "bottom")),
]  # fmt: skip

_P = f"{_PLAIN} -pix_fmt yuv420p"
SHAPES: list[Kind] = [
    *(kind(f"rotated-{turn}.mp4", f"turned by {turn} degrees", f"@v {_P} up.mp4", f"-display_rotation {turn} -i up.mp4 -c copy", quick=turn == 90)
      for turn in (90, 180, 270)),
    kind("flipped.mp4", "mirrored", f"@v {_P} up.mp4", "-display_hflip -i up.mp4 -c copy"),
    kind("flipped-v.mp4", "upside down and mirrored", f"@v {_P} up.mp4", "-display_vflip -i up.mp4 -c copy"),
    kind("rotated-45.mp4", "turned by 45 degrees", f"@v {_P} up.mp4", "-display_rotation 45 -i up.mp4 -c copy"),
    kind("rotated-90.mkv", "turned by 90 degrees in Matroska", f"@v {_P} up.mp4", "-display_rotation 90 -i up.mp4 -c copy"),
    kind("rotated-90.mov", "turned by 90 degrees in QuickTime, with sound", f"@v @a {_P} -c:a aac up.mp4", "-display_rotation 90 -i up.mp4 -c copy"),
    kind("rotated-sei.mp4", "turned by the stream itself", f"@v {_P} up.mp4", "-i up.mp4 -c copy -bsf:v h264_metadata=rotate=90"),
    kind("sar-dvd.mkv", "DVD's pixels, 16:11", f"@v,setsar=16/11 {_P}"),
    kind("sar-wide.mp4", "pixels of 2:1", f"@v,setsar=2/1 {_P}"),
    kind("sar-odd.mp4", "pixels of 4096:2987", f"@v,setsar=4096/2987 {_P}"),
    kind("sar-container.mkv", "pixels of 4:3 by the container only", f"@v {_P} -aspect 2:1 a.mp4", "-i a.mp4 -c copy -aspect 4:3"),
    kind("odd.mkv", "odd width and height", f"@v:s=95x63 {_PLAIN} -pix_fmt yuv444p"),
    kind("odd-420.mkv", "odd width and height, 4:2:0", "@v:s=95x63 -c:v ffv1 -pix_fmt yuv420p"),
    kind("tiny.mkv", "frames of 16x16", f"@v:s=16x16 {_P}"),
    kind("tiny.avi", "frames of 2x2", "@v:s=2x2 -c:v rawvideo -pix_fmt yuv420p"),
    kind("tall.mp4", "upright", f"@v:s=48x128 {_P}"),
    kind("line.mkv", "frames of 512x16", f"@v:s=512x16 {_P}"),
    kind("crop-h264.mkv", "edges hidden by the stream", f"@v {_P} a.mkv", "-i a.mkv -c copy -bsf:v h264_metadata=crop_left=8:crop_top=4"),
    kind("stereo-sbs.mkv", "stereo 3D, side by side", f"@v {_P} -metadata:s:v:0 stereo_mode=left_right"),
    kind("stereo-tb.webm", "stereo 3D, one above the other", "@v -c:v libvpx -metadata:s:v:0 stereo_mode=top_bottom"),
    kind("stereo-frames.mkv", "stereo 3D, frame by frame", "@v -c:v libx264 -preset ultrafast -pix_fmt yuv420p -x264-params frame-packing=5"),
    kind("stereo-sei.mp4", "stereo 3D by the stream", "@v -c:v libx264 -preset ultrafast -pix_fmt yuv420p -x264-params frame-packing=3"),
]  # fmt: skip

KINDS = [*COLOURS, *SHAPES]
