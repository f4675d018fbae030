"""Pictures that HEIF and AVIF files hold in tiles: where each lies, and how they are shown (ISO/IEC 23008-12)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Literal, NamedTuple

from framewatch.media.iso_files.boxes import boxes, head
from framewatch.media.iso_files.heif import MAX_TABLE, item_kinds, primary_item, references
from framewatch.media.iso_files.sample_places import Reader

MAX_TILES = 900
"""libav opens at most a thousand streams, and each tile is one. A photograph of 48 megapixels has 192."""

_MAX_ITEMS = 10_000
_HEAD = 64  # bytes of a property that matter; colour profiles are longer


class Grid(NamedTuple):
    """A picture that consists of tiles of one size."""

    columns: int
    rows: int
    width: int  # of the picture, to which the tiles are cut at the right and at the bottom
    height: int
    tiles: tuple[int, ...]  # the items, row by row; libav's streams have their numbers
    rotation: Literal[0, 90, 180, 270] = 0  # clockwise, after it was mirrored
    mirrored: bool = False  # left to right
    icc: bytes | None = None  # the profile that the picture has itself; its tiles may have one, too


def read_grid(file: BinaryIO, size: int) -> Grid | None:
    """Read how the picture of a file of `size` bytes is put together; None if it is not of tiles, or cut further."""
    for kind, start, stop in boxes(file, 0, size, ()):
        if kind == b"meta":
            return _grid(file, start + 4, stop)
    return None


def _grid(file: BinaryIO, start: int, stop: int) -> Grid | None:
    parts = {kind: (begin, end) for kind, begin, end in boxes(file, start, stop, ())}
    if not all(kind in parts for kind in (b"pitm", b"iinf", b"iref", b"iprp", b"iloc")):
        return None
    primary = primary_item(file, *parts[b"pitm"])
    if item_kinds(file, *parts[b"iinf"]).get(primary) != b"grid":
        return None
    links = references(file, *parts[b"iref"])
    tiles = next((each.to for each in links if each.kind == b"dimg" and each.item == primary), ())
    data = _item_data(file, parts, primary)
    if len(data) < 8 or len(tiles) > MAX_TILES:
        return None
    rows, columns, wide = data[2] + 1, data[3] + 1, 4 if data[1] & 1 else 2
    width, height = int.from_bytes(data[4 : 4 + wide]), int.from_bytes(data[4 + wide : 4 + 2 * wide])
    if rows * columns != len(tiles) or len(set(tiles)) != len(tiles) or not (width and height):
        return None
    properties = list(_properties(file, *parts[b"iprp"], primary))
    if any(kind == b"clap" for kind, _ in properties):
        return None
    turns, mirrored = _orientation(properties)
    rotation: tuple[Literal[0, 90, 180, 270], ...] = (0, 90, 180, 270)
    icc = next((value[4:] for kind, value in properties if kind == b"colr" and value[:4] in (b"prof", b"rICC")), None)
    return Grid(columns, rows, width, height, tiles, rotation[turns], mirrored, icc)


def _orientation(properties: list[tuple[bytes, bytes]]) -> tuple[int, bool]:
    """Return the quarters of a turn, clockwise, that come after mirroring left to right, and whether it does.

    The properties hold in their order. A mirror behind a turn is one before a turn the other way.
    """
    turns, mirrored = 0, False
    for kind, value in properties:
        if kind == b"irot":  # anticlockwise
            turns -= value[0] & 3 if value else 0
        elif kind == b"imir":  # 0: top and bottom are exchanged, which is left and right and half a turn
            turns = -turns + (0 if value and value[0] & 1 else 2)
            mirrored = not mirrored
    return turns % 4, mirrored


def _item_data(file: BinaryIO, parts: dict[bytes, tuple[int, int]], item: int) -> bytes:
    """Return the first bytes of an item (ISO/IEC 14496-12, section 8.11.3); nothing if they cannot be found."""
    reader = Reader(head(file, *parts[b"iloc"], MAX_TABLE))
    version = reader.number(1)
    reader.number(3)
    sizes = reader.number(2)
    offset, length, base, index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    wide = 4 if version == 2 else 2
    for _ in range(min(reader.number(wide), _MAX_ITEMS)):
        number = reader.number(wide)
        method = reader.number(2) & 15 if version in (1, 2) else 0
        reader.number(2)
        begin = reader.number(base)
        for part in range(min(reader.number(2), _MAX_ITEMS)):
            reader.number(index if version in (1, 2) else 0)
            place, size = begin + reader.number(offset), reader.number(length)
            if reader.is_over:
                return b""
            if number == item and part == 0:
                return _data_at(file, parts, method, place, size)
    return b""


def _data_at(file: BinaryIO, parts: dict[bytes, tuple[int, int]], method: int, place: int, size: int) -> bytes:
    if method == 1 and b"idat" in parts:
        begin, end = parts[b"idat"]
        return head(file, begin + place, min(begin + place + size, end), _HEAD)
    return head(file, place, place + size, _HEAD) if method == 0 else b""


def _properties(file: BinaryIO, start: int, stop: int, item: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and content of the properties of an item, in their order (section 8.11.14)."""
    known: list[tuple[bytes, int, int]] = []
    for kind, begin, end in boxes(file, start, stop, ()):
        if kind == b"ipco":
            known = [each for each, _ in zip(boxes(file, begin, end, ()), range(_MAX_ITEMS), strict=False)]
    for kind, begin, end in boxes(file, start, stop, ()):
        for number in _associated(head(file, begin, end, MAX_TABLE), item) if kind == b"ipma" else ():
            if 0 < number <= len(known):
                name, content, behind = known[number - 1]
                yield name, head(file, content, behind, MAX_TABLE if name == b"colr" else _HEAD)


def _associated(table: bytes, item: int) -> list[int]:
    """Return the numbers of the properties of an item, counted from 1."""
    reader = Reader(table)
    version, flags = reader.number(1), reader.number(3)
    for _ in range(min(reader.number(4), _MAX_ITEMS)):
        number = reader.number(4 if version else 2)
        wide = 2 if flags & 1 else 1
        found = [reader.number(wide) & (0x7FFF if flags & 1 else 0x7F) for _ in range(reader.number(1))]
        if reader.is_over:
            return []
        if number == item:
            return found
    return []
