"""A Blu-ray subtitle with one small grey image, as a .sup file. ffmpeg has no encoder for them."""

from __future__ import annotations

import struct
from pathlib import Path

SIZE = 8  # pixels


def write_sup(path: Path, begin: float, end: float) -> Path:
    """Write a subtitle that is shown from `begin` to `end`, in seconds."""
    composition = struct.pack(">HHBHBBBB", 64, 48, 0x10, 0, 0x80, 0, 0, 1)
    placed = struct.pack(">HBBHH", 0, 0, 0, 8, 8)
    window = struct.pack(">BBHHHH", 1, 0, 8, 8, SIZE, SIZE)
    palette = bytes([0, 0, 1, 180, 128, 128, 255])
    lines = bytes([0, 0x80 | SIZE, 1, 0, 0]) * SIZE  # a run of colour 1, and the end of the line
    image = struct.pack(">HBB", 0, 0, 0xC0) + (len(lines) + 4).to_bytes(3) + struct.pack(">HH", SIZE, SIZE) + lines
    empty = struct.pack(">HHBHBBBB", 64, 48, 0x10, 1, 0, 0, 0, 0)
    shown = [(0x16, composition + placed), (0x17, window), (0x14, palette), (0x15, image), (0x80, b"")]
    hidden = [(0x16, empty), (0x17, window), (0x80, b"")]
    sets = [(begin, shown), (end, hidden)]
    path.write_bytes(b"".join(_segment(time, kind, data) for time, parts in sets for kind, data in parts))
    return path


def _segment(seconds: float, kind: int, data: bytes) -> bytes:
    return b"PG" + struct.pack(">IIBH", round(seconds * 90000), 0, kind, len(data)) + data
