"""NAL units of H.264 and H.265, and the start codes that MPEG-1, MPEG-2 and MPEG-4 have as well.

Packets are hostile: every size is checked against what is there, and only so many units are looked at.
"""

from __future__ import annotations

from collections.abc import Iterator

MAX_UNITS = 256  # of a packet that are looked at
START_CODE = b"\x00\x00\x01"
_ESCAPED, _UNESCAPED = b"\x00\x00\x03", b"\x00\x00"
_HVCC_ARRAYS = 22  # where the number of arrays stands (ISO/IEC 14496-15, 8.3.2)
_HEAD, _TAIL = 1 << 16, 1 << 12  # bytes of a packet in which start codes are searched for


def nal_length_size(codec: str, extradata: bytes) -> int | None:
    """Return how many bytes state the length of a NAL unit; None where start codes separate them."""
    at = 4 if codec == "h264" else 21  # in avcC and hvcC (ISO/IEC 14496-15)
    if len(extradata) <= at or extradata[0] != 1:
        return None
    return (extradata[at] & 3) + 1


def hvcc_arrays(extradata: bytes) -> Iterator[tuple[int, int]]:
    """Yield begin and end of each array of NAL units in an hvcC; two bytes state the length of each unit."""
    at = _HVCC_ARRAYS + 1
    for _ in range(extradata[_HVCC_ARRAYS] if len(extradata) > _HVCC_ARRAYS else 0):
        begin = end = at + 3
        for _ in range(int.from_bytes(extradata[at + 1 : begin], "big")):
            end += 2 + int.from_bytes(extradata[end : end + 2], "big")
            if end > len(extradata):
                return
        yield begin, end
        at = end


def nal_units(packet: memoryview, length: int | None) -> Iterator[tuple[int, int]]:
    """Yield begin and end of each NAL unit that is not empty; of a large packet, maybe only the first and last ones.

    Messages come before the picture, and Dolby Vision's metadata after it. To look for start codes in between would
    take a second for each GB.
    """
    if length is not None:
        yield from _measured_units(packet, length)
        return
    yield from _separated_units(packet, 0, _HEAD)
    if len(packet) > _HEAD:
        yield from _separated_units(packet, max(_HEAD, len(packet) - _TAIL), len(packet))


def _measured_units(packet: memoryview, length: int) -> Iterator[tuple[int, int]]:
    at = 0
    for _ in range(MAX_UNITS):
        begin = at + length
        if begin >= len(packet):
            return
        at = begin + int.from_bytes(packet[at:begin], "big")
        if at > len(packet):
            return
        if at > begin:
            yield begin, at


def _separated_units(packet: memoryview, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Units after start codes in a part of a packet."""
    data = bytes(packet[first:last])
    at = data.find(START_CODE)
    for _ in range(MAX_UNITS):
        begin = at + len(START_CODE)
        if at < 0 or begin >= len(data):
            return
        at = data.find(START_CODE, begin)
        if (end := len(data) if at < 0 else at) > begin:
            yield first + begin, first + end


def unescaped(unit: bytes) -> bytes:
    """Return a NAL unit without the bytes that keep start codes out of it (H.264, 7.4.1)."""
    return unit.replace(_ESCAPED, _UNESCAPED)


def escaped(data: bytes) -> bytes:
    """Keep what looks like a start code out of a NAL unit (H.264, 7.4.1)."""
    made, zeros = bytearray(), 0
    for byte in data:
        if zeros >= 2 and byte <= 3:
            made.append(3)
            zeros = 0
        made.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(made)
