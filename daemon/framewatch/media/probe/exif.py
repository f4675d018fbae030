"""EXIF orientation of image files: JPEG, PNG, WebP and TIFF.

libav reads it too, but where PyAV has no name for the side data it gives the rotation only, and mirroring is lost.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from framewatch.media.probe.display_matrix import Orientation

_ORIENTATION_TAG = 0x0112
_SHORT = 3  # TIFF's type of a 16-bit number
_MAX_EXIF_BYTES = 1 << 20
_ORIENTATIONS = {
    1: Orientation(0),
    2: Orientation(0, mirrored=True),
    3: Orientation(180),
    4: Orientation(180, mirrored=True),
    5: Orientation(270, mirrored=True),
    6: Orientation(90),
    7: Orientation(90, mirrored=True),
    8: Orientation(270),
}


def exif_orientation(file: BinaryIO) -> Orientation | None:
    """Read the orientation; None if the file states none, or none that can be parsed."""
    file.seek(0)
    head = file.read(12)
    try:
        for block in _blocks(file, head):
            found = _orientation(block.removeprefix(b"Exif\0\0"))
            if found is not None:
                return _ORIENTATIONS.get(found)
    except (struct.error, IndexError):  # truncated, or not what it claims to be
        return None
    return None


def _blocks(file: BinaryIO, head: bytes) -> Iterator[bytes]:
    """Yield the EXIF blocks of a file, each a small TIFF file."""
    if head[:2] == b"\xff\xd8":
        yield from _jpeg_blocks(file)
    elif head[:8] == b"\x89PNG\r\n\x1a\n":
        yield from _chunks(file, 8, ">I4s", b"eXIf", trailer=4)
    elif head[:4] == b"RIFF" and head[8:] == b"WEBP":
        yield from _chunks(file, 12, "<4sI", b"EXIF", trailer=0)
    elif head[:4] in (b"II*\0", b"MM\0*"):
        file.seek(0)
        start = struct.unpack("<I" if head[:2] == b"II" else ">I", head[4:8])[0]
        # The first directory may be at the end of the file: move it to the front.
        file.seek(start)
        offset = struct.pack("<I" if head[:2] == b"II" else ">I", 8)
        yield head[:4] + offset + file.read(4096)


def _jpeg_blocks(file: BinaryIO) -> Iterator[bytes]:
    file.seek(2)
    while True:
        marker, kind, length = struct.unpack(">BBH", file.read(4))
        if marker != 0xFF or kind in (0xDA, 0xD9):  # start of scan, or end of image
            return
        if kind == 0xE1:  # APP1
            yield file.read(length - 2)
        else:
            file.seek(length - 2, 1)


def _chunks(file: BinaryIO, start: int, header: str, wanted: bytes, trailer: int) -> Iterator[bytes]:
    file.seek(start)
    while len(raw := file.read(8)) == 8:
        first, second = struct.unpack(header, raw)
        name, length = (first, second) if isinstance(first, bytes) else (second, first)
        if name == wanted:
            yield file.read(min(length, _MAX_EXIF_BYTES))
            return
        padding = length % 2 if trailer == 0 else 0  # RIFF pads to even lengths
        file.seek(length + padding + trailer, 1)


def _orientation(block: bytes) -> int | None:
    """Find the orientation, 1 to 8, in the first directory of a TIFF file."""
    byte_order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if byte_order is None:
        return None
    (start,) = struct.unpack_from(f"{byte_order}I", block, 4)
    (count,) = struct.unpack_from(f"{byte_order}H", block, start)
    for entry in range(count):
        tag, kind, _, value = struct.unpack_from(f"{byte_order}HHIH", block, start + 2 + 12 * entry)
        if tag == _ORIENTATION_TAG and kind == _SHORT:
            return int(value)
    return None
