"""Changes MP4 and MOV files whose index is at the end: edit lists, as phones and editors write them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

from hostile_media import box

Edit = tuple[float, int, float]
"""Seconds, the first tick of the track's clock (-1: nothing is shown), and the speed."""


def with_edits(source: Path, target: Path, edits: Sequence[Edit], handler: bytes = b"vide") -> Path:
    """Write a copy in which the tracks of a handler have this edit list and no other."""
    data = source.read_bytes()
    at = data.index(b"mvhd")
    (clock,) = struct.unpack_from(">I", data, at + 16)
    entries = (
        struct.pack(">IiI", round(length * clock), begin, round(speed * 65536)) for length, begin, speed in edits
    )
    content = struct.pack(">II", 0, len(edits)) + b"".join(entries)
    target.write_bytes(_rewritten(data, 0, len(data), handler, box(b"edts", box(b"elst", content))))
    return target


def _rewritten(data: bytes, at: int, end: int, handler: bytes, edits: bytes) -> bytes:
    made = b""
    while at < end:
        size, kind = struct.unpack_from(">I4s", data, at)
        whole = data[at : at + size]
        if kind == b"moov":
            made += box(kind, _rewritten(data, at + 8, at + size, handler, edits))
        elif kind == b"trak" and whole[whole.index(b"hdlr") + 12 :].startswith(handler):
            made += box(kind, _with_list(whole[8:], edits))
        else:
            made += whole
        at += size
    return made


def _with_list(track: bytes, edits: bytes) -> bytes:
    made, at = b"", 0
    while at < len(track):
        size, kind = struct.unpack_from(">I4s", track, at)
        made += b"" if kind == b"edts" else track[at : at + size]
        made += edits if kind == b"tkhd" else b""
        at += size
    return made
