"""Time stamps of MPEG streams as bytes: where they are, and others in their place. Pure (ISO/IEC 13818-1, 2.4)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np

from framewatch.media.clock.jumps import WRAP

MARGIN = 1024  # bytes around a piece of a file: what a packet that begins or ends there is recognised by
SYNC = 0x47
_TS = 188
_TS_SIZES = (188, 192, 204)  # plain, with an arrival time before each (Blu-ray, camcorders), with error correction
_SURVEYED = 64 * 1024
_SURE = 4  # marks in a row behind the first: fewer may be content
# Streams whose packets may have time stamps (table 2-21): not padding, private 2, and those that control others.
_WITHOUT_STAMPS = frozenset((0xBC, 0xBE, 0xBF, 0xF0, 0xF1, 0xF2, 0xF8, 0xFF))
_WITH_STAMPS = frozenset(range(0xBD, 0xFF)) - _WITHOUT_STAMPS
_PACKET = re.compile(rb"\x00\x00\x01[\xbd\xfd\xc0-\xef]")
_MOST_STUFFING = 16  # bytes before the fields of an MPEG-1 packet (ISO/IEC 11172-1, 2.4.3.3)

Offset = Callable[[int | None, int], int]
"""Returns what is added to the time stamps of a stream, by its identifier, in a packet that begins at a byte."""


def patch_transport(data: bytearray, begin: int, size: int, offset: Offset) -> None:
    """Correct the time stamps in a piece of a transport stream.

    Args:
        data: the piece, changed in place; what is cut off at its ends stays as it is.
        begin: its place in the file.
        size: from `packet_size`.
        offset: what is added.
    """
    for place in _transport_packets(data, size):
        stream = (data[place + 1] & 0x1F) << 8 | data[place + 2]
        head, control = place + 4, data[place + 3] >> 4 & 3
        if control & 2:
            length = data[head]
            if length >= 7 and data[head + 1] & 0x10:
                # The clock itself is in the stream of its program, which may be another one than that of a picture.
                _add_to_clock(data, head + 2, offset(stream, begin + place))
            head += 1 + length
        if control & 1 and data[place + 1] & 0x40 and head + 9 <= place + _TS:
            _patch_certain_packet(data, head, place + _TS, offset(stream, begin + place))


def packet_size(data: bytes) -> int:
    """Return the distance of packets in a transport stream, by its beginning."""
    found = np.frombuffer(data[:_SURVEYED], np.uint8) == SYNC
    return max(_TS_SIZES, key=lambda size: max(_hits(found, size)))


def _hits(found: np.ndarray, size: int) -> list[int]:
    return [int(found[phase::size].sum()) for phase in range(min(size, len(found)))] or [0]


def _transport_packets(data: bytearray, size: int) -> Iterator[int]:
    """Yield the places of the whole packets that may hold time stamps."""
    values = np.frombuffer(bytes(data), np.uint8)
    place = 0
    while place + _TS <= len(data):
        if any(each != SYNC for each in data[place : place + (_SURE + 1) * size : size]):
            place = data.find(SYNC, place + 1)
            if place < 0:
                return
            continue
        heads = np.arange(place, len(data) - _TS + 1, size)
        lost = np.flatnonzero(values[heads] != SYNC)
        heads = heads[: lost[0]] if len(lost) else heads
        starts = values[heads + 1] & 0x40 != 0
        clocks = (values[heads + 3] & 0x20 != 0) & (values[heads + 4] > 0) & (values[heads + 5] & 0x10 != 0)
        yield from heads[starts | clocks].tolist()
        place = int(heads[-1]) + size


def patch_program(data: bytearray, begin: int, offset: Offset) -> None:
    """Correct the time stamps in a piece of a program stream; as `patch_transport`."""
    for found in _PACKET.finditer(data):
        stream = data[found.start() + 3]
        patch_packet(data, found.start(), len(data), offset(stream, begin + found.start()))


def patch_packet(data: bytearray, head: int, end: int, ticks: int) -> None:
    """Add to the time stamps of the packet of elementary data that begins at `head` and is known up to `end`."""
    if not ticks or head + 9 > end or data[head : head + 3] != b"\0\0\1" or data[head + 3] not in _WITH_STAMPS:
        return
    if data[head + 6] & 0xC0 == 0x80:
        kinds, place = data[head + 7] >> 6, head + 9
    else:
        place = _mpeg1_stamps(data, head + 6, end)
        kinds = data[place] >> 4 if place < end else 0
    # What looks like a header may be anything: only what has the marks of time stamps is changed.
    if kinds & 2 and place + 5 <= end and data[place] >> 4 == kinds & 3 and _is_stamp(data, place):
        both = kinds & 1 and place + 10 <= end and data[place + 5] >> 4 == 1 and _is_stamp(data, place + 5)
        _add_to_stamp(data, place, ticks)
        if both:
            _add_to_stamp(data, place + 5, ticks)


def _patch_certain_packet(data: bytearray, head: int, end: int, ticks: int) -> None:
    """Do the same where a transport packet says that one begins: whatever libav takes for a time stamp is one.

    A damaged header that libav reads and this does not would leave its packet hours away from those around it.
    """
    if not ticks or data[head : head + 3] != b"\0\0\1" or data[head + 3] in _WITHOUT_STAMPS:
        return
    kinds = data[head + 7] >> 6
    for place in (head + 9, head + 14)[: max(kinds - 1, 0)]:
        if place + 5 <= end:
            _add_to_stamp(data, place, ticks)


def _mpeg1_stamps(data: bytearray, place: int, end: int) -> int:
    first = place
    while place < min(end, first + _MOST_STUFFING) and data[place] == 0xFF:
        place += 1
    if place < end and data[place] & 0xC0 == 0x40:  # the size of the decoder's buffer
        place += 2
    return place


def _is_stamp(data: bytearray, place: int) -> bool:
    return bool(data[place] & data[place + 2] & data[place + 4] & 1)


def _add_to_stamp(data: bytearray, place: int, ticks: int) -> None:
    first, high, low = data[place], *(data[place + at] << 8 | data[place + at + 1] for at in (1, 3))
    value = ((first >> 1 & 7) << 30 | high >> 1 << 15 | low >> 1) + ticks & WRAP - 1
    high, low = value >> 14 & 0xFFFE | 1, value << 1 & 0xFFFE | 1
    data[place : place + 5] = bytes(
        (first & 0xF0 | value >> 29 & 0xE | 1, high >> 8, high & 0xFF, low >> 8, low & 0xFF)
    )


def _add_to_clock(data: bytearray, place: int, ticks: int) -> None:
    """Add to a program clock reference, whose base has 33 bits."""
    value = int.from_bytes(data[place : place + 5]) >> 7
    value = value + ticks & WRAP - 1
    data[place : place + 5] = (value << 7 | data[place + 4] & 0x7F).to_bytes(5)
