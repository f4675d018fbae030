"""The parameters that a key frame states about its picture, as bytes that are equal where nothing changed. Pure.

Nothing is computed from them: bytes that differ only say that a frame is worth decoding. So a header that is cut too
large costs time, and one that is cut too small hides a change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from framewatch.media.bitstreams.bits import BitReader
from framewatch.media.bitstreams.nal_units import nal_length_size, nal_units
from framewatch.media.bitstreams.obus import obus

_MOST_HEADER = 4096  # bytes of a key frame in which its headers are looked for
_MOST_SEGMENTS = 64  # of a JPEG that are looked at
_AV1_SEQUENCE = 1  # a type of OBUs

Header = Callable[[bytes], bytes]
"""Returns the parameters in the first `HEADER_BYTES` of a key frame; none where it states none."""

HEADER_BYTES = 65_536


def picture_header(codec: str, extradata: bytes) -> Header | None:
    """Return what finds the parameters in a codec's key frames; None where they cannot change, or are not known.

    Args:
        codec: libav's name of the decoder.
        extradata: of the stream; it says whether H.264 and HEVC come in units with a length.
    """
    if codec in _IS_SEQUENCE:
        is_sequence, length = _IS_SEQUENCE[codec], nal_length_size(codec, extradata)
        return lambda data: b"".join(unit for unit in _units(data, length) if is_sequence(unit))
    return _HEADERS.get(codec)


# Whether a NAL unit is a sequence parameter set.
_IS_SEQUENCE: dict[str, Callable[[bytes], bool]] = {
    "h264": lambda unit: unit[0] & 31 == 7,
    "hevc": lambda unit: unit[0] >> 1 & 63 == 33,
}


def _units(data: bytes, length: int | None = None) -> Iterator[bytes]:
    """Yield the first units, without zeros behind them; each at most as long as a parameter set may be."""
    part = memoryview(data if length else data[:_MOST_HEADER])
    for begin, end in nal_units(part, length):
        yield bytes(part[begin : min(end, begin + _MOST_HEADER)]).rstrip(b"\0") or b"\0"


def _mpeg_video(data: bytes) -> bytes:
    """Size, shape and rate; profile and chroma; and the colours: not the bit rate and the quantizers."""
    found = b""
    for unit in _units(data):
        if unit[0] == 0xB3:
            found += unit[1:5]
        elif unit[0] == 0xB5 and len(unit) > 3 and unit[1] >> 4 == 1:
            found += bytes([unit[1], unit[2], unit[3] & 0xE0])
        elif unit[0] == 0xB5 and len(unit) > 1 and unit[1] >> 4 == 2:
            found += unit[1:10]
        elif unit[0] == 0:
            break
    return found


def _mpeg4(data: bytes) -> bytes:
    return b"".join(unit for unit in _units(data) if 0x20 <= unit[0] <= 0x2F)


def _vc1(data: bytes) -> bytes:
    return b"".join(unit for unit in _units(data) if unit[0] == 0x0F)


def _vp8(data: bytes) -> bytes:
    return data[6:10] if data[3:6] == b"\x9d\x01\x2a" else b""


def _vp9(data: bytes) -> bytes:
    """Everything up to the size (VP9 bitstream specification, 6.2)."""
    bits = BitReader(data[:32])
    if bits.read(2) != 2:
        return b""
    profile = bits.read(1) | bits.read(1) << 1
    bits.read(profile == 3)
    if bits.read(1) or bits.read(1):  # shows an earlier frame, or is no key frame
        return b""
    bits.read(2)
    if bits.read(24) != 0x498342:
        return b""
    depth = bits.read(1) if profile >= 2 else 0
    space = bits.read(3)
    rest = (0 if space == 7 else 1) + (3 if profile in (1, 3) and space != 7 else profile in (1, 3))
    colour, size, render = bits.read(rest), bits.read(32), bits.read(1)
    shown = bits.read(32) if render else 0
    numbers = (profile, depth, space, colour, size, shown)
    return b"".join(number.to_bytes(4, "big") for number in numbers)


def _av1(data: bytes) -> bytes:
    """The sequence header (AV1 bitstream specification, 5.3)."""
    found = (obu for obu in obus(memoryview(data)) if obu.kind == _AV1_SEQUENCE)
    return next((data[obu.payload : min(obu.end, obu.payload + _MOST_HEADER)] for obu in found), b"")


def _jpeg(data: bytes) -> bytes:
    position = 2
    for _ in range(_MOST_SEGMENTS):
        if position + 4 > len(data) or data[position] != 0xFF:
            break
        marker, size = data[position + 1], int.from_bytes(data[position + 2 : position + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return data[position + 1 : position + 2] + data[position + 4 : position + 2 + size]
        position += 2 + size
    return b""


def _dv(data: bytes) -> bytes:
    """The system, and the shape in the video's control pack (IEC 61834-2)."""
    return bytes([data[3] & 0x80, data[455] & 7]) if len(data) > 455 else b""


_HEADERS: dict[str, Header] = {
    "mpeg1video": _mpeg_video,
    "mpeg2video": _mpeg_video,
    "mpeg4": _mpeg4,
    "vc1": _vc1,
    "vp8": _vp8,
    "vp9": _vp9,
    "av1": _av1,
    "libdav1d": _av1,
    "mjpeg": _jpeg,
    "dvvideo": _dv,
    "prores": lambda data: data[10:12] + data[16:26] if data[4:8] == b"icpf" else b"",
    "dnxhd": lambda data: data[0x18:0x1C] + data[0x21:0x22] + data[0x28:0x2C],
    "png": lambda data: data[16:26],
    "jpeg2000": lambda data: data[4:40] if data.startswith(b"\xff\x4f\xff\x51") else b"",
}
