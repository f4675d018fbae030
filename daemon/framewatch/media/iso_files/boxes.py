"""Boxes of ISO media files (ISO/IEC 14496-12, section 4.2), whose sizes anybody may have written."""

from __future__ import annotations

import struct
from collections.abc import Container, Iterator
from typing import BinaryIO

PARENTS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf")
"""Boxes that consist of others, down to the index."""

MAX_BOXES = 1_000_000
"""A fragmented file has a few a second."""


def boxes(
    file: BinaryIO, start: int, end: int, parents: Container[bytes] = PARENTS
) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and end of the content of each box; of `parents`, what they consist of follows them."""
    ranges = [(start, end)]
    for _ in range(MAX_BOXES):
        if not ranges:
            return
        start, end = ranges.pop()
        header = head(file, start, end, 16)
        if len(header) < 8:
            continue
        size, kind = struct.unpack_from(">I4s", header)
        content = start + 8
        if size == 1 and len(header) == 16:
            size, content = struct.unpack_from(">Q", header, 8)[0], start + 16
        stop = end if size == 0 else min(start + size, end)
        if stop < content:
            continue
        yield kind, content, stop
        ranges.append((stop, end))
        if kind in parents:
            ranges.append((content, stop))


def head(file: BinaryIO, start: int, stop: int, size: int) -> bytes:
    """Return the first bytes of a box's content, at most `size`."""
    file.seek(start)
    return file.read(max(min(size, stop - start), 0))


def numbers(data: bytes, at: int) -> tuple[int, ...]:
    """Return the 32-bit numbers of a box from there on; 0 where it ends before."""
    rest = data[at : len(data) - (len(data) - at) % 4] if len(data) > at else b""
    return tuple(number for (number,) in struct.iter_unpack(">I", rest)) or (0,)
