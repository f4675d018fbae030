"""Whether all of an ISO media file is there: its top-level boxes, and where its index says that the data is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from framewatch.media.iso_files.boxes import HEAD_BYTES, MAX_BOXES, box_head
from framewatch.media.iso_files.sample_places import data_end, has_fragments

KINDS = (
    b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"sidx", b"moof", b"uuid", b"meta",
    b"mfra", b"emsg", b"prft", b"pdin", b"ssix",
)  # fmt: skip
"""Boxes that stand at the top of a file."""

_INDEXES = (b"moov", b"moof", b"meta")  # meta: of an image (HEIF)
_SEARCHED = 2**20  # bytes behind the last box in which something else than zeros is looked for
_LARGEST_BYTE = 1  # first byte of the size of a box that fragments have: less than 32 MiB


class IsoExtent(NamedTuple):
    """What is there of a file, and what is too much."""

    missing: int = 0  # bytes that are stated and not there
    indexed: bool = True  # there is an index
    trailing: int = 0  # bytes behind the last box, unless they are zeros


@dataclass
class _Walk:
    """What the boxes up to some place were."""

    position: int = 0  # of the next box
    index: tuple[int, int] | None = None  # content of `moov` or, if there is none, of `meta`
    indexed: bool = False
    fragmented: bool = False
    complete: bool = False  # nothing can follow: the index of the fragments is the last box
    has_data: bool = False

    def add(self, kind: bytes, content: int, end: int) -> None:
        self.indexed = self.indexed or kind in _INDEXES
        self.fragmented = self.fragmented or kind == b"moof"
        self.complete = self.complete or kind == b"mfra"
        self.has_data = self.has_data or kind == b"mdat"
        if kind == b"moov":
            self.index = content, end
        elif kind == b"meta" and self.index is None:
            self.index = content + 4, end  # behind version and flags
        self.position = end


def iso_extent(file: BinaryIO, size: int) -> IsoExtent:
    """Read the top-level boxes of a file of `size` bytes."""
    walk = _Walk()
    for _ in range(MAX_BOXES):
        file.seek(walk.position)
        header = file.read(HEAD_BYTES)
        if not header:
            break
        found = box_head(header)
        if found is None or (found.size is None and found.kind not in KINDS) or not _is_fourcc(found.kind):
            return _odd_end(file, size, walk, header, 1)
        end = size if found.size is None else walk.position + found.size
        if end > size:
            return _odd_end(file, size, walk, header, end - size)
        walk.add(found.kind, walk.position + found.length, end)
    if walk.index and not walk.has_data and not walk.fragmented:  # cut off between two boxes
        reached = data_end(file, *walk.index)
        return IsoExtent(max((reached or 0) - size, 0), walk.indexed)
    return IsoExtent(0, walk.indexed)


def _odd_end(file: BinaryIO, size: int, walk: _Walk, header: bytes, missing: int) -> IsoExtent:
    """Judge a file in which no whole box begins at the place that the walk has reached."""
    if walk.index is None and not walk.fragmented:
        is_box = len(header) < 8 or header[4:8] in KINDS
        return IsoExtent(missing if is_box else 0, walk.indexed)
    if walk.fragmented or (walk.index and has_fragments(file, *walk.index)):
        if not walk.complete and _begins_box(header):
            return IsoExtent(missing, walk.indexed)
        return IsoExtent(0, walk.indexed, _trailing(file, size, walk.position))
    kind = header[4:8]
    reached = data_end(file, *walk.index) if walk.index and kind not in _INDEXES else None
    if reached is None:
        return IsoExtent(missing, walk.indexed)
    if reached > size or kind in KINDS:  # a box that reaches too far, or is cut where nothing needs it
        return IsoExtent(max(reached - size, 0), walk.indexed)
    return IsoExtent(0, walk.indexed, _trailing(file, size, walk.position))


def _begins_box(header: bytes) -> bool:
    """Return whether a part of a fragmented file may begin with these bytes, however few there are."""
    if len(header) >= 8:
        return header[4:8] in KINDS
    kind = header[4:]
    return header[0] <= _LARGEST_BYTE and any(known.startswith(kind) for known in KINDS)


def _trailing(file: BinaryIO, size: int, position: int) -> int:
    file.seek(position)
    return size - position if file.read(_SEARCHED).strip(b"\0") else 0


def _is_fourcc(kind: bytes) -> bool:
    return all(0x20 <= byte < 0x7F or byte == 0xA9 for byte in kind)
