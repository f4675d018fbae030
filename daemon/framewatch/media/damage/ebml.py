"""Elements of Matroska files (RFC 8794, RFC 9559)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

EBML = b"\x1a\x45\xdf\xa3"
SEGMENT = b"\x18\x53\x80\x67"
CLUSTER = b"\x1f\x43\xb6\x75"
_OTHERS = frozenset(  # SeekHead, Info, Tracks, Cues, Attachments, Chapters, Tags, CRC-32, Void
    bytes.fromhex(name)
    for name in ("114d9b74", "1549a966", "1654ae6b", "1c53bb6b", "1941a469", "1043a770", "1254c367", "bf", "ec")
)
_MAX_ELEMENTS = 1_000_000  # clusters: there is about one a second


class Element(NamedTuple):
    """An element at the top of a segment."""

    name: bytes
    start: int  # of its header
    end: int | None  # None: it does not say how long it is


def read_vint(file: BinaryIO) -> int | None:
    """Read an EBML length; None if it is unknown or truncated."""
    first = file.read(1)
    if not first or first[0] == 0:
        return None
    width = 8 - first[0].bit_length() + 1
    rest = file.read(width - 1)
    if len(rest) < width - 1:
        return None
    value = int.from_bytes(bytes([first[0] & ((1 << (8 - width)) - 1)]) + rest)
    return None if value == (1 << (7 * width)) - 1 else value


def segment_start(file: BinaryIO) -> int | None:
    """Return where the first element of the segment is; None if the file does not begin as Matroska."""
    file.seek(len(EBML))
    header = read_vint(file)
    if header is None:
        return None
    file.seek(header, os.SEEK_CUR)
    if file.read(4) != SEGMENT:
        return None
    read_vint(file)
    return file.tell()


def elements(file: BinaryIO) -> Iterator[Element]:
    """Yield the elements of a segment, up to the first that has no length or is none."""
    position = segment_start(file)
    for _ in range(_MAX_ELEMENTS):
        if position is None:
            return
        file.seek(position)
        first = file.read(1)
        width = 9 - first[0].bit_length() if first and first[0] else 0
        if not 1 <= width <= 4:
            return
        name = first + file.read(width - 1)
        if name != CLUSTER and name not in _OTHERS:  # nothing but noise, which may look like an element
            return
        length = read_vint(file)
        end = None if length is None else file.tell() + length
        yield Element(name, position, end)
        position = end
