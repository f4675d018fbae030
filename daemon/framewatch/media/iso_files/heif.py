"""Which pictures a HEIF or AVIF file has, and what they are made of (ISO/IEC 23008-12)."""

from __future__ import annotations

from typing import BinaryIO, NamedTuple

from framewatch.media.iso_files.boxes import boxes, head

COMPOSED = {b"grid": "tiles", b"iovl": "layers"}
"""Kinds of items that are composed of others, by what of."""

MAX_TABLE = 4 * 2**20
"""Bytes of a table that are read."""

_PICTURES = (b"hvc1", b"av01", b"avc1", b"vvc1", b"jpeg", b"j2k1")
_ALPHA = (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1\0")
_BESIDE = (b"thmb", b"auxl")  # references of previews, and of transparency and depth
_MAX_ITEMS = 10_000


class Pictures(NamedTuple):
    """What a file holds beside the picture that it shows."""

    composed_of: str | None = None  # of which parts the picture is composed
    has_alpha: bool = False  # the transparency of the picture is an item of its own
    others: int = 0  # pictures that are neither part, preview nor transparency of another


def read_pictures(file: BinaryIO, size: int) -> Pictures:
    """Read what pictures a file of `size` bytes has; none if it has a video, or is no HEIF."""
    found = Pictures()
    for kind, start, stop in boxes(file, 0, size, ()):
        if kind == b"moov":
            return Pictures()
        if kind == b"meta":
            found = _pictures(file, start + 4, stop)
    return found


def _pictures(file: BinaryIO, start: int, stop: int) -> Pictures:
    primary, kinds, links, properties = 0, dict[int, bytes](), list[Reference](), b""
    for kind, begin, end in boxes(file, start, stop, ()):
        if kind == b"pitm":
            primary = primary_item(file, begin, end)
        elif kind == b"iinf":
            kinds = item_kinds(file, begin, end)
        elif kind == b"iref":
            links = references(file, begin, end)
        elif kind == b"iprp":
            properties = head(file, begin, end, MAX_TABLE)
    shown = {number for number, kind in kinds.items() if kind in _PICTURES or kind in COMPOSED}
    for each in links:
        shown -= {each.item} if each.kind in _BESIDE else set(each.to) if each.kind == b"dimg" else set()
    auxiliary = any(each.kind == b"auxl" and primary in each.to for each in links)
    alpha = auxiliary and any(name in properties for name in _ALPHA)
    return Pictures(COMPOSED.get(kinds.get(primary, b"")), alpha, len(shown - {primary}))


class Reference(NamedTuple):
    """What an item refers to."""

    kind: bytes
    item: int
    to: tuple[int, ...]


def primary_item(file: BinaryIO, start: int, stop: int) -> int:
    """Return the item that is the picture, from the content of `pitm`."""
    data = head(file, start, stop, 8)
    return int.from_bytes(data[4:8] if data[:1] != b"\0" else data[4:6])


def references(file: BinaryIO, start: int, stop: int) -> list[Reference]:
    """Return what items refer to, from the content of `iref`."""
    width = 2 if head(file, start, stop, 1) == b"\0" else 4
    found: list[Reference] = []
    for kind, begin, end in boxes(file, start + 4, min(stop, start + MAX_TABLE), ()):
        data = head(file, begin, end, MAX_TABLE)
        numbers = [int.from_bytes(data[at : at + width]) for at in range(width + 2, len(data) - width + 1, width)]
        found.append(Reference(kind, int.from_bytes(data[:width]), tuple(numbers)))
        if len(found) >= _MAX_ITEMS:
            break
    return found


def item_kinds(file: BinaryIO, start: int, stop: int) -> dict[int, bytes]:
    """Return what each item is, from the content of `iinf`."""
    wide = head(file, start, stop, 1) != b"\0"
    found: dict[int, bytes] = {}
    for kind, begin, end in boxes(file, start + (8 if wide else 6), min(stop, start + MAX_TABLE), ()):
        data = head(file, begin, end, 14)
        if kind != b"infe" or data[:1] not in (b"\2", b"\3") or len(found) >= _MAX_ITEMS:
            continue
        width = 2 if data[0] == 2 else 4
        found[int.from_bytes(data[4 : 4 + width])] = data[6 + width : 10 + width]
    return found
