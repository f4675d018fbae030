"""Boxes for segments: what the source says of its whole video and no encoder can be told.

Frames from the network are bare pixels, and ffmpeg has no option for these properties. But it reads them from a file
that has them and writes them into any container that can. So they are put into the sample entry of each segment, an
mp4 or mov, from where ffmpeg takes them as it joins the segments.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from fractions import Fraction

from framewatch.domain import Hdr, MasteringDisplay
from framewatch.media.inventory.carriage import Carriage

# AVSphericalMapping (libavutil/spherical.h): projection; yaw, pitch, roll in 16.16; the bounds left, top, right and
# bottom in 0.32; padding in pixels.
_SPHERICAL = struct.Struct("i3i5I")
_STEREO3D = struct.Struct("2i")  # AVStereo3D (libavutil/stereo3d.h) begins with type and flags
_EQUIRECTANGULAR, _CUBEMAP, _TILE = 0, 1, 2  # enum AVSphericalProjection
_LAYOUTS = {1: 2, 2: 1}  # AV_STEREO3D_SIDEBYSIDE and _TOPBOTTOM as in st3d (Google's Spherical Video V2)
_AMBIENT = struct.Struct("6i")  # AVAmbientViewingEnvironment (libavutil): illuminance, x and y as AVRationals
_AMBIENT_STEPS = (10_000, 50_000, 50_000)  # of lux and of chromaticities (ITU-T H.265, D.3.39)
_WRITTEN = ("stereo3d", "spherical", "ambient_viewing")


def segment_boxes(carriage: Iterable[Carriage], stream: int, scale: int, hdr: Hdr | None) -> bytes:
    """Return the boxes for what a plan carries of a stream.

    Args:
        carriage: what becomes of each property.
        stream: the index of the video.
        scale: by which frames are enlarged; padding is counted in pixels.
        hdr: what its encoder cannot signal.
    """
    kept = {each.kind: bytes.fromhex(each.data) for each in carriage if _is_written(each, stream)}
    layouts = _st3d(kept.get("stereo3d", b"")) + _sv3d(kept.get("spherical", b""), scale)
    return layouts + _amve(kept.get("ambient_viewing", b"")) + hdr_boxes(hdr)


def can_be_written(kind: str, data: bytes) -> bool:
    """Return whether there are boxes for such a property."""
    return bool(_sv3d(data, 1) if kind == "spherical" else _st3d(data))


def _is_written(each: Carriage, stream: int) -> bool:
    return each.stream == stream and each.outcome == "carried" and each.kind in _WRITTEN


def _st3d(data: bytes) -> bytes:
    if len(data) < _STEREO3D.size:
        return b""
    layout, flags = _STEREO3D.unpack_from(data)
    return _full_box(b"st3d", bytes([_LAYOUTS[layout]])) if layout in _LAYOUTS and not flags else b""


def _sv3d(data: bytes, scale: int) -> bytes:
    if len(data) < _SPHERICAL.size:
        return b""
    projection, yaw, pitch, roll, left, top, right, bottom, padding = _SPHERICAL.unpack_from(data)
    if projection in (_EQUIRECTANGULAR, _TILE):
        shape = _full_box(b"equi", struct.pack(">4I", top, bottom, left, right))
    elif projection == _CUBEMAP and padding < 1 << 20:
        shape = _full_box(b"cbmp", struct.pack(">2I", 0, padding * scale))
    else:
        return b""
    pose = _full_box(b"prhd", struct.pack(">3i", yaw, pitch, roll))
    return _box(b"sv3d", _full_box(b"svhd", b"framewatch\0") + _box(b"proj", pose + shape))


def _amve(data: bytes) -> bytes:
    if len(data) < _AMBIENT.size:
        return b""
    numbers = _AMBIENT.unpack_from(data)
    pairs = zip(numbers[::2], numbers[1::2], _AMBIENT_STEPS, strict=True)
    steps = [round(Fraction(above, below) * step) if below > 0 else 0 for above, below, step in pairs]
    fits = 0 < steps[0] < 1 << 32 and all(0 <= step < 1 << 16 for step in steps[1:])
    return _box(b"amve", struct.pack(">I2H", *steps)) if fits else b""


def hdr_boxes(hdr: Hdr | None) -> bytes:
    """Return HDR10's static metadata as boxes (ISO 14496-12, 12.1.6 and 12.1.7); without parts that say nothing."""
    if hdr is None:
        return b""
    display = _mdcv(hdr.mastering) if hdr.mastering else b""
    return display + (_box(b"clli", struct.pack(">2H", *hdr.light)) if hdr.light else b"")


def _mdcv(display: MasteringDisplay) -> bytes:
    """Return the box for a whole display: it has no value for what is unknown."""
    if not (display.colours and display.luminance):
        return b""
    red, green, blue, white = display.colours
    points = [round(50_000 * value) for point in (green, blue, red, white) for value in point]
    darkest, brightest = (round(10_000 * value) for value in display.luminance)
    return _box(b"mdcv", struct.pack(">8H2I", *points, brightest, darkest))


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def _full_box(kind: bytes, content: bytes) -> bytes:
    return _box(kind, bytes(4) + content)
