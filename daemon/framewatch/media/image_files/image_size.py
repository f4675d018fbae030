"""The size that an image states in its first bytes: known before libav opens it, or where it cannot."""

from __future__ import annotations

import struct
from typing import BinaryIO, NamedTuple

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
"""The first bytes of a PNG (W3C PNG, section 5.2)."""

_HEAD = 32  # bytes that all formats but JPEG and TIFF need
_MAX_SEGMENTS = 4096  # of a JPEG in front of its frame: profiles and previews have a few hundred
_STANDALONE = (0x01, *range(0xD0, 0xD9))  # JPEG markers without a length (ITU-T T.81, table B.1)
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # tables, an extension, arithmetic coding
_MAX_TIFF_TAGS = 1000
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_SUB_IMAGES = 256, 257, 330
_TIFF_SHORT = 3


class ImageSize(NamedTuple):
    """Pixels, before the image is turned upright."""

    width: int
    height: int


def image_size(file: BinaryIO) -> ImageSize | None:
    """Return the size of a PNG, JPEG, GIF, WebP, BMP, TIFF, PSD or QOI; None: of another file, or it states none.

    Raises:
        StorageError: the file cannot be read now.
    """
    file.seek(0)
    head = file.read(_HEAD).ljust(_HEAD, b"\0")
    if head.startswith(b"\xff\xd8"):
        size = _jpeg_size(file)
    elif head[:4] in (b"II*\0", b"MM\0*"):
        size = _tiff_size(file, head)
    else:
        size = _size_in(head)
    return size if size is not None and size.width > 0 and size.height > 0 else None


def _size_in(head: bytes) -> ImageSize | None:
    if head.startswith(PNG_SIGNATURE) and head[12:16] == b"IHDR":
        return ImageSize(*struct.unpack_from(">II", head, 16))
    if head.startswith(b"GIF8"):
        return ImageSize(*struct.unpack_from("<HH", head, 6))
    if head.startswith(b"qoif"):
        return ImageSize(*struct.unpack_from(">II", head, 4))
    if head.startswith(b"8BPS"):
        height, width = struct.unpack_from(">II", head, 14)
        return ImageSize(width, height)
    if head.startswith(b"BM") and head[14] >= 40:  # BITMAPINFOHEADER and later; a height below 0: top to bottom
        width, height = struct.unpack_from("<ii", head, 18)
        return ImageSize(width, abs(height))
    return _webp_size(head) if head.startswith(b"RIFF") and head[8:12] == b"WEBP" else None


def _webp_size(head: bytes) -> ImageSize | None:
    if head[12:16] == b"VP8X":  # RFC 9649, section 2.7
        return ImageSize(1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little"))
    if head[12:16] == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return ImageSize(1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
    if head[12:16] == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return ImageSize(width & 0x3FFF, height & 0x3FFF)
    return None


def _jpeg_size(file: BinaryIO) -> ImageSize | None:
    at = 2
    for _ in range(_MAX_SEGMENTS):
        file.seek(at)
        segment = file.read(9)
        if len(segment) < 9 or segment[0] != 0xFF:
            return None
        marker = segment[1]
        if marker in _FRAME_MARKERS:
            height, width = struct.unpack_from(">HH", segment, 5)
            return ImageSize(width, height)
        if marker == 0xFF:  # filling
            at += 1
        elif marker in _STANDALONE:
            at += 2
        else:
            at += 2 + int.from_bytes(segment[2:4])
    return None


def _tiff_size(file: BinaryIO, head: bytes) -> ImageSize | None:
    order = "<" if head.startswith(b"II") else ">"
    (at,) = struct.unpack_from(f"{order}I", head, 4)
    file.seek(at)
    (count,) = struct.unpack(f"{order}H", file.read(2).ljust(2, b"\0"))
    entries = file.read(12 * min(count, _MAX_TIFF_TAGS))
    sides = {}
    for entry in range(0, len(entries) - 11, 12):
        tag, kind = struct.unpack_from(f"{order}HH", entries, entry)
        if tag == _TIFF_SUB_IMAGES:  # as in DNG: one of them may be the image, and this a preview
            return None
        if tag in (_TIFF_WIDTH, _TIFF_HEIGHT):
            (sides[tag],) = struct.unpack_from(
                f"{order}H" if kind == _TIFF_SHORT else f"{order}I", entries, entry + 8
            )
    return ImageSize(sides.get(_TIFF_WIDTH, 0), sides.get(_TIFF_HEIGHT, 0))
