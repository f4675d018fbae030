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
_SEEK_HEAD, _SEEK, _SEEK_ID, _SEEK_POSITION = (bytes.fromhex(name) for name in ("114d9b74", "4dbb", "53ab", "53ac"))
_MAX_ELEMENTS = 1_000_000  # clusters: there is about one a second
_MAX_FRONT = 200  # elements in front of the first cluster
_MAX_INDEX = 4 * 2**20  # bytes of the list of places of elements
_MAX_CHILDREN = 20_000


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


def find_element(file: BinaryIO, wanted: bytes, most: int) -> bytes:
    """Return the content of an element that is in front of the first cluster, or that the file's index names.

    Args:
        file: the file.
        wanted: the element's name.
        most: bytes that are read of it; only these are returned. Without the element, none are.
    """
    start, places = segment_start(file), {}
    for number, element in enumerate(elements(file)):
        if element.name == CLUSTER or number >= _MAX_FRONT or element.end is None:
            break
        if element.name == wanted:
            return _content(file, element.start, most)
        if element.name == _SEEK_HEAD:
            places = _places(_content(file, element.start, _MAX_INDEX))
    if start is None or wanted not in places:
        return b""
    file.seek(start + places[wanted])
    return _content(file, start + places[wanted], most) if file.read(len(wanted)) == wanted else b""


def _places(index: bytes) -> dict[bytes, int]:
    entries = (dict(children(entry)) for name, entry in children(index) if name == _SEEK)
    return {
        entry.get(_SEEK_ID, b""): int.from_bytes(entry.get(_SEEK_POSITION, b"")[-8:]) % 2**62 for entry in entries
    }


def _content(file: BinaryIO, start: int, most: int) -> bytes:
    file.seek(start)
    data = file.read(12)
    found = _header(data, 0)
    if found is None:
        return b""
    _, at, size = found
    file.seek(start + at)
    return file.read(min(size, most))


def children(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and content of each element that another one consists of."""
    at = 0
    for _ in range(_MAX_CHILDREN):
        found = _header(data, at)
        if found is None:
            return
        name, begin, size = found
        yield name, data[begin : begin + size]
        at = begin + size


def _header(data: bytes, at: int) -> tuple[bytes, int, int] | None:
    """Return the name of an element, where its content begins, and how long that is; None at the end."""
    width = 9 - data[at].bit_length() if at < len(data) and data[at] else 9
    after = at + width
    if width > 4 or after >= len(data) or not data[after]:
        return None
    length = 9 - data[after].bit_length()
    size = int.from_bytes(data[after : after + length]) & ((1 << (7 * length)) - 1)
    return data[at:after], after + length, size
