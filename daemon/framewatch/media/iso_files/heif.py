"""What kind of item the picture of a HEIF or AVIF file is (ISO/IEC 23008-12)."""

from __future__ import annotations

from typing import BinaryIO

from framewatch.media.iso_files.boxes import boxes, head

COMPOSED = {b"grid": "tiles", b"iovl": "layers"}
"""Kinds of items that are composed of others, by what of."""

_MAX_TABLE = 4 * 2**20  # bytes
_MAX_ITEMS = 10_000


def composed_of(file: BinaryIO, size: int) -> str | None:
    """Return what the picture of a file is composed of: tiles or layers; None: of nothing, or it has a video, too."""
    found = None
    for kind, start, stop in boxes(file, 0, size, ()):
        if kind == b"moov":
            return None
        if kind == b"meta":
            found = COMPOSED.get(_primary_kind(file, start + 4, stop))
    return found


def _primary_kind(file: BinaryIO, start: int, stop: int) -> bytes:
    primary, kinds = 0, {}
    for kind, begin, end in boxes(file, start, stop, ()):
        if kind == b"pitm":
            data = head(file, begin, end, 8)
            primary = int.from_bytes(data[4:8] if data[:1] != b"\0" else data[4:6])
        elif kind == b"iinf":
            kinds = _item_kinds(file, begin, end)
    return kinds.get(primary, b"")


def _item_kinds(file: BinaryIO, start: int, stop: int) -> dict[int, bytes]:
    wide = head(file, start, stop, 1) != b"\0"
    found: dict[int, bytes] = {}
    for kind, begin, end in boxes(file, start + (8 if wide else 6), min(stop, start + _MAX_TABLE), ()):
        data = head(file, begin, end, 14)
        if kind != b"infe" or data[:1] not in (b"\2", b"\3") or len(found) >= _MAX_ITEMS:
            continue
        width = 2 if data[0] == 2 else 4
        found[int.from_bytes(data[4 : 4 + width])] = data[6 + width : 10 + width]
    return found
