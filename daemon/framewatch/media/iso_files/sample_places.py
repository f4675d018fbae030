"""Where the data that an index refers to ends in the file: that alone says whether all of it is there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from framewatch.media.iso_files.boxes import boxes, head, numbers

_MAX_TABLE = 16 * 2**20  # bytes of a table: four million frames
_MAX_OFFSET = 2**62  # and lengths below: their sums are numbers of 64 bits
_MAX_COUNT = 2**31 - 1
_MAX_ITEMS = 100_000  # of an image: each tile of a grid is one
_MAX_ITEM_TABLE = 4 * 2**20  # bytes
_MAX_TRACKS = 1000  # libav opens no more streams
_PACKETS_AT = 44  # where a description of sound in QuickTime says how many frames a packet has, and its bytes

Numbers = NDArray[np.int64]


@dataclass
class _Track:
    """The tables of a track (sections 8.7.3 to 8.7.5)."""

    size: int = 0  # of each sample; 0: `sizes` has them
    count: int = 0
    sizes: Numbers = field(default_factory=lambda: np.zeros(0, np.int64))
    offsets: Numbers = field(default_factory=lambda: np.zeros(0, np.int64))  # of chunks
    runs: Numbers = field(default_factory=lambda: np.zeros((0, 3), np.int64))
    packet: tuple[int, int] = (0, 0)  # of compressed sound in QuickTime: frames and bytes

    def end(self) -> int:
        """Return the place behind the last byte of the samples, 0 if there are none."""
        counts = self._counts()
        held = np.minimum(counts.cumsum(), min(self.count, _MAX_COUNT))  # samples up to the end of each chunk
        first = np.concatenate([[0], held])[:-1]
        if self.size:
            lengths = (held - first) * min(self.size, _MAX_COUNT)
            frames, size = self.packet
            if frames and size:
                lengths = np.minimum(lengths, (held - first) // frames * size)
        else:
            total = np.concatenate([[0], self.sizes.cumsum()])
            most = len(self.sizes)
            lengths = total[np.minimum(held, most)] - total[np.minimum(first, most)]
        used = lengths > 0
        return int((self.offsets + lengths)[used].max(initial=0))

    def _counts(self) -> Numbers:
        """Return how many samples each chunk holds."""
        chunks = len(self.offsets)
        first = np.clip(self.runs[:, 0] - 1, 0, chunks)
        first = np.maximum.accumulate(first) if len(first) else first
        lengths = np.diff(np.concatenate([first, [chunks]]))
        held = np.repeat(self.runs[:, 1], lengths)
        return np.concatenate([np.zeros(chunks - len(held), np.int64), held])


def data_end(file: BinaryIO, start: int, stop: int) -> int | None:
    """Return the place behind the last byte that the tracks or images of a `moov` or `meta` refer to.

    Args:
        file: the file.
        start: of the box's content.
        stop: where it ends.

    Returns:
        The place; 0 if it refers to nothing; None if it has tables that are too large to be read for that.
    """
    tracks: list[_Track] = []
    items = 0
    for kind, begin, end in boxes(file, start, stop):
        if kind == b"trak":
            if len(tracks) >= _MAX_TRACKS:
                return None
            tracks.append(_Track())
        elif kind == b"iloc":
            if end - begin > _MAX_ITEM_TABLE:
                return None
            items = max(items, _items_end(head(file, begin, end, _MAX_ITEM_TABLE)))
        elif tracks and not _read_table(file, kind, begin, end, tracks[-1]):
            return None
    return max((track.end() for track in tracks), default=0) if tracks else items


def _read_table(file: BinaryIO, kind: bytes, start: int, stop: int, track: _Track) -> bool:
    """Read a table of a track if it is one that matters; return False if it is too large."""
    if kind == b"stsz":
        track.size, track.count, *_ = (*numbers(head(file, start, stop, 12), 4), 0)
        table = None if track.size else _table(file, start + 12, min(stop, start + 12 + 4 * track.count), ">u4")
        track.sizes = track.sizes if table is None else table
        return bool(track.size) or table is not None
    if kind == b"stz2":
        field_size, track.count, *_ = (*numbers(head(file, start, stop, 12), 4), 0)
        table = _small_sizes(file, start + 12, stop, field_size & 0xFF)
        track.sizes = track.sizes if table is None else table
        return table is not None
    if kind in (b"stco", b"co64"):
        offsets = _table(file, start + 8, stop, ">u4" if kind == b"stco" else ">u8")
        track.offsets = track.offsets if offsets is None else offsets
        return offsets is not None
    if kind == b"stsc":
        runs = _table(file, start + 8, stop, ">u4")
        track.runs = track.runs if runs is None else runs[: len(runs) // 3 * 3].reshape(-1, 3)
        return runs is not None
    if kind == b"stsd":
        track.packet = _sound_packet(head(file, start, stop, 80))
    return True


def _table(file: BinaryIO, start: int, stop: int, number: str) -> Numbers | None:
    if stop - start > _MAX_TABLE:
        return None
    data = head(file, start, stop, _MAX_TABLE)
    width = int(number[-1])
    found = np.frombuffer(data[: len(data) // width * width], number)
    return np.minimum(found.astype(np.uint64), _MAX_OFFSET).astype(np.int64)


def _small_sizes(file: BinaryIO, start: int, stop: int, bits: int) -> Numbers | None:
    if bits == 16:
        return _table(file, start, stop, ">u2")
    found = _table(file, start, stop, ">u1")
    if found is None or bits != 4:
        return found
    return np.stack([found >> 4, found & 15], axis=1).reshape(-1)


def _sound_packet(description: bytes) -> tuple[int, int]:
    """Return frames and bytes of a packet of compressed sound, where QuickTime's first version says so."""
    if description[24:26] != b"\0\1":
        return 0, 0
    frames, _, size, *_ = (*numbers(description, _PACKETS_AT), 0, 0, 0)
    return frames, size


def _items_end(table: bytes) -> int:
    """Return the place behind the last byte of an image's items (ISO/IEC 14496-12, section 8.11.3)."""
    reader = Reader(table)
    version = reader.number(1)
    reader.number(3)
    sizes = reader.number(2)
    offset, length, base, index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    wide = 4 if version == 2 else 2
    index = index if version in (1, 2) else 0
    end = 0
    for _ in range(min(reader.number(wide), _MAX_ITEMS)):
        if reader.is_over:
            break
        reader.number(wide)
        in_file = (reader.number(2) & 15 if version in (1, 2) else 0) == 0  # else in a box of the index
        in_file = reader.number(2) == 0 and in_file  # else in another file
        begin = reader.number(base)
        parts = min(reader.number(2), _MAX_ITEMS)
        for _ in range(parts if index + offset + length else min(parts, 1)):  # numbers without width are all the same
            reader.number(index)
            place, size = begin + reader.number(offset), reader.number(length)
            if reader.is_over:
                return end
            end = max(end, place + size) if in_file else end
    return end


class Reader:
    """Numbers of any width, one after the other."""

    def __init__(self, data: bytes) -> None:
        """`data` is all that there is to read."""
        self._data = data
        self._at = 0

    def number(self, width: int) -> int:
        """Return the next number, of so many bytes."""
        self._at += width
        return int.from_bytes(self._data[self._at - width : self._at])

    @property
    def is_over(self) -> bool:
        """Whether more was asked for than there is."""
        return self._at > len(self._data)


def has_fragments(file: BinaryIO, start: int, stop: int) -> bool:
    """Return whether a `moov` announces fragments, each with an index of its own (section 8.8.1)."""
    return any(kind == b"mvex" for kind, _, _ in boxes(file, start, stop, ()))
