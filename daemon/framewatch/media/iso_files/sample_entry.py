"""Puts boxes into the description of a video (the sample entry) in a file of our own encoders."""

from __future__ import annotations

import os
import struct
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from framewatch.media.iso_files.boxes import Box, UnexpectedFileError, whole_boxes

_WAY_TO_SAMPLE_ENTRY = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
_STSD_HEADER = 8  # version, flags and number of entries, before the first one
_MAX_MOOV = 256 << 20  # bytes; of a segment of hours, a hundredth of that
_SIZE = struct.Struct(">I")


def put_into(segment: Path, boxes: bytes) -> None:
    """Append boxes to the sample entry of a segment, whose index is at its end, so that no offset changes.

    Raises:
        UnexpectedFileError: the file is no such segment.
        OSError: it cannot be read or written.
    """
    descriptor = os.open(segment, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "r+b") as file:
        start, moov = _last_box(file)
        file.seek(start)
        file.write(_with_boxes(moov, boxes))


def _last_box(file: BinaryIO) -> tuple[int, bytes]:
    """Return where the last box of a file begins, and all of it."""
    top = list(whole_boxes(file, 0, file.seek(0, os.SEEK_END)))
    last = top[-1] if top else None
    if last is None or last.kind != b"moov" or last.end - last.begin > _MAX_MOOV:
        raise UnexpectedFileError("the index is not at the end of the segment")
    file.seek(last.begin)
    return last.begin, file.read(last.end - last.begin)


def _with_boxes(moov: bytes, boxes: bytes) -> bytes:
    """Return the index with the boxes at the end of the first sample entry, and all sizes on the way grown."""
    made, start, end = bytearray(moov), 0, len(moov)
    for kind in (*_WAY_TO_SAMPLE_ENTRY, None):
        found = _first(moov, kind, start, end)
        _SIZE.pack_into(made, found.begin, found.end - found.begin + len(boxes))
        start, end = found.content + (_STSD_HEADER if kind == b"stsd" else 0), found.end
    made[end:end] = boxes
    return bytes(made)


def _first(data: bytes, kind: bytes | None, start: int, end: int) -> Box:
    """Return the first box of a kind; None: of any."""
    for box in whole_boxes(BytesIO(data), start, end):
        if kind in (None, box.kind):
            return box
    raise UnexpectedFileError(f"no box {kind!r} in the index of the segment")
