"""Edit lists of ISO media files: which part of each track is shown, and when (ISO/IEC 14496-12, section 8.6.6)."""

from __future__ import annotations

import os
import struct
from typing import BinaryIO, NamedTuple

from framewatch.media.iso_files.boxes import PARENTS, boxes, head

_EMPTY = -1
_NORMAL = 1 << 16
_MAX_EDITS = 10_000  # of a file: an hour's film with a cut every second has 3,600
_ENTRIES = {0: struct.Struct(">IiI"), 1: struct.Struct(">QqI")}
_TRACK_ID_AT = {0: 12, 1: 20}


class Edit(NamedTuple):
    """A part of a track, one after the other."""

    length: int  # in ticks of the file's clock
    begin: int  # in ticks of the track's clock; below 0: nothing is shown
    rate: int  # 65,536: as it is; 0: the picture stands still

    @property
    def is_empty(self) -> bool:
        """Whether nothing is shown."""
        return self.begin <= _EMPTY

    @property
    def changes_speed(self) -> bool:
        """Whether the part is played slower, faster or not at all."""
        return not self.is_empty and self.rate != _NORMAL


def edit_lists(file: BinaryIO) -> dict[int, tuple[Edit, ...]]:
    """Return the edits of each track that has some, by the track's number in the file."""
    found: dict[int, tuple[Edit, ...]] = {}
    end = file.seek(0, os.SEEK_END)
    track, left = 0, _MAX_EDITS
    for kind, start, stop in boxes(file, 0, end, (*PARENTS, b"edts")):
        if kind == b"tkhd":
            data = head(file, start, stop, 32)
            at = _TRACK_ID_AT.get(data[0] if data else 0, 12)
            track = int.from_bytes(data[at : at + 4])
        elif kind == b"elst" and track:
            found[track] = _edits(head(file, start, stop, 8 + 20 * left), left)
            left -= len(found[track])
    return {number: edits for number, edits in found.items() if edits}


def _edits(table: bytes, most: int) -> tuple[Edit, ...]:
    entry = _ENTRIES.get(table[0] if table else -1)
    if entry is None:
        return ()
    count = min(int.from_bytes(table[4:8]), most, (len(table) - 8) // entry.size)
    return tuple(Edit(*entry.unpack_from(table, 8 + number * entry.size)) for number in range(max(count, 0)))
