"""The parameters that a key frame states about its picture, as bytes that are equal where nothing changed. Pure.

Nothing is computed from them: bytes that differ only say that a frame is worth decoding. So a header that is cut too
large costs time, and one that is cut too small hides a change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from framewatch.media.probe.changes.bits import BitReader

_START = b"\0\0\1"
_MOST_HEADER = 4096  # bytes of a key frame in which its headers are looked for
_MOST_UNITS = 64  # of a frame that are looked at

Header = Callable[[bytes], bytes]
"""Returns the parameters in the first `HEADER_BYTES` of a key frame; none where it states none."""

HEADER_BYTES = 65_536


def picture_header(codec: str, extradata: bytes) -> Header | None:
    """Return what finds the parameters in a codec's key frames; None where they cannot change, or are not known.

    Args:
        codec: libav's name of the decoder.
        extradata: of the stream; it says whether H.264, HEVC and VVC come in units with a length.
    """
    if codec in _UNITS:
        name, sizes_at = _UNITS[codec]
        has_lengths = len(extradata) > sizes_at and extradata[0] == 1 and not extradata.startswith(_START)
        length = (extradata[sizes_at] & 3) + 1 if has_lengths else 0
        return lambda data: b"".join(unit for unit in _units(data, length) if name(unit))
    return _HEADERS.get(codec)


# Whether a unit is a sequence parameter set; and the byte of extradata that states how long lengths are.
_UNITS: dict[str, tuple[Callable[[bytes], bool], int]] = {
    "h264": (lambda unit: unit[0] & 31 == 7, 4),
    "hevc": (lambda unit: unit[0] >> 1 & 63 == 33, 21),
}


def _units(data: bytes, length: int) -> Iterator[bytes]:
    """Yield the first NAL units, each cut after so many bytes as a parameter set may have."""
    if not length:
        yield from _between_start_codes(data[:_MOST_HEADER])
        return
    position = 0
    for _ in range(_MOST_UNITS):
        begin = position + length
        if begin >= len(data):
            return
        size = int.from_bytes(data[position:begin], "big")
        if size:
            yield data[begin : begin + min(size, _MOST_HEADER)]
        position = begin + size


def _between_start_codes(data: bytes) -> Iterator[bytes]:
    begin = data.find(_START)
    for _ in range(_MOST_UNITS):
        if begin < 0 or begin + 3 >= len(data):
            return
        end = data.find(_START, begin + 3)
        yield data[begin + 3 : end if end >= 0 else len(data)].rstrip(b"\0") or b"\0"
        begin = end


def _mpeg_video(data: bytes) -> bytes:
    """Size, shape and rate; profile and chroma; and the colours: not the bit rate and the quantizers."""
    found = b""
    for unit in _between_start_codes(data[:_MOST_HEADER]):
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
    return b"".join(unit for unit in _between_start_codes(data[:_MOST_HEADER]) if 0x20 <= unit[0] <= 0x2F)


def _vc1(data: bytes) -> bytes:
    return b"".join(unit for unit in _between_start_codes(data[:_MOST_HEADER]) if unit[0] == 0x0F)


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
    position = 0
    for _ in range(_MOST_UNITS):
        if position >= len(data):
            break
        first = data[position]
        position += 2 if first & 4 else 1
        size, shift = len(data), 0
        if first & 2:
            size = 0
            while position < len(data) and shift < 56:
                byte = data[position]
                size |= (byte & 0x7F) << shift
                position, shift = position + 1, shift + 7
                if byte < 0x80:
                    break
        if first >> 3 & 15 == 1:
            return data[position : position + min(size, _MOST_HEADER)]
        position += size
    return b""


def _jpeg(data: bytes) -> bytes:
    position = 2
    for _ in range(_MOST_UNITS):
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
