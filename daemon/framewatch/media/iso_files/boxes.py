"""Boxes of ISO media files (ISO/IEC 14496-12, section 4.2), whose sizes anybody may have written."""

from __future__ import annotations

import struct
from collections.abc import Container, Iterator
from typing import BinaryIO, NamedTuple

PARENTS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf")
"""Boxes that consist of others, down to the index."""

MAX_BOXES = 1_000_000
"""A fragmented file has a few a second."""

_SHORT, _LONG = struct.Struct(">I4s"), struct.Struct(">I4sQ")

HEAD_BYTES = _LONG.size
"""The most that the head of a box takes."""


class UnexpectedFileError(ValueError):
    """The file is not laid out as our encoders' files are."""


class BoxHead(NamedTuple):
    """What a box says of itself."""

    kind: bytes
    length: int  # of the head, in bytes
    size: int | None  # of the whole box; None: it reaches to the end


class Box(NamedTuple):
    """A box that is whole."""

    kind: bytes
    begin: int
    content: int
    end: int


def box_head(data: bytes) -> BoxHead | None:
    """Return what the first `HEAD_BYTES` of a box say, fewer if there are no more; None if they begin no box."""
    if len(data) < _SHORT.size:
        return None
    size, kind = _SHORT.unpack_from(data)
    length = _SHORT.size
    if size == 0:
        return BoxHead(kind, length, None)
    if size == 1 and len(data) >= HEAD_BYTES:
        _, _, size = _LONG.unpack_from(data)
        length = HEAD_BYTES
    return BoxHead(kind, length, size) if size >= length else None


def whole_boxes(file: BinaryIO, begin: int, end: int) -> Iterator[Box]:
    """Yield the boxes of one level in a file of our own encoders.

    Raises:
        UnexpectedFileError: they do not fill that part of the file.
    """
    while begin < end:
        found = box_head(head(file, begin, end, HEAD_BYTES))
        if found is None or found.size is None or begin + found.size > end:
            raise UnexpectedFileError("its boxes do not fit together")
        yield Box(found.kind, begin, begin + found.length, begin + found.size)
        begin += found.size


def boxes(
    file: BinaryIO, start: int, end: int, parents: Container[bytes] = PARENTS
) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and end of the content of each box, whatever it is worth; of `parents`, also their parts."""
    ranges = [(start, end)]
    for _ in range(MAX_BOXES):
        if not ranges:
            return
        start, end = ranges.pop()
        found = box_head(head(file, start, end, HEAD_BYTES))
        if found is None:
            continue
        content = start + found.length
        stop = end if found.size is None else min(start + found.size, end)
        yield found.kind, content, stop
        ranges.append((stop, end))
        if found.kind in parents:
            ranges.append((content, stop))


def head(file: BinaryIO, start: int, stop: int, size: int) -> bytes:
    """Return the first bytes of a box's content, at most `size`."""
    file.seek(start)
    return file.read(max(min(size, stop - start), 0))


def numbers(data: bytes, at: int) -> tuple[int, ...]:
    """Return the 32-bit numbers of a box from there on; 0 where it ends before."""
    rest = data[at : len(data) - (len(data) - at) % 4] if len(data) > at else b""
    return tuple(number for (number,) in struct.iter_unpack(">I", rest)) or (0,)
