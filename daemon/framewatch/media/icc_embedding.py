"""Puts an ICC profile into a finished image file.

ffmpeg's encoders write a profile only if the frame carries one, and raw frames on stdin carry none. Pixels stay as
they are: each format has a place of its own for the profile.
"""

from __future__ import annotations

import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from framewatch.media.icc import JPEG_MARK, TIFF_TAG
from framewatch.storage.os_errors import storage_faults

# Bytes of a profile in one segment of 65,533 bytes, beside its mark and two counters (ICC.1:2022, annex B.4).
_JPEG_PART = 65_519
_TIFF_UNDEFINED = 7  # type of the tag's bytes
_TIFF_ENTRY = struct.Struct("<HHII")  # tag, type, count, value or its offset
_WEBP_HAS_ICC = 0x20
_WEBP_HAS_ALPHA = 0x10


def embed_icc(path: Path, profile: bytes) -> None:
    """Put a profile into an image that ffmpeg has encoded, and replace the file.

    Args:
        path: the file; its ending tells the format: png, jpg, webp or tiff.
        profile: a sound profile (`framewatch.media.icc.icc_flaw`).

    Raises:
        ValueError: the file does not begin as ffmpeg's do.
        StorageError: the disk is full, or failed.
    """
    made = path.with_name(f"{path.name}.icc")
    with storage_faults(path):
        with path.open("rb") as source, made.open("wb") as target:
            _EMBEDDERS[path.suffix](source, target, profile)
        made.replace(path)


def _png(source: BinaryIO, target: BinaryIO, profile: bytes) -> None:
    """Insert a chunk behind the header (iCCP comes before PLTE and IDAT)."""
    header = source.read(33)
    if header[12:16] != b"IHDR":
        raise ValueError("not a PNG")
    body = b"iCCPICC profile\0\0" + zlib.compress(profile)
    target.write(header + struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body)))
    shutil.copyfileobj(source, target)


def _jpeg(source: BinaryIO, target: BinaryIO, profile: bytes) -> None:
    """Insert segments behind that of JFIF, if there is one: it has to be the first."""
    start = source.read(6)
    if start[:3] != b"\xff\xd8\xff":
        raise ValueError("not a JPEG")
    jfif = 2 + int.from_bytes(start[4:]) if start[3] == 0xE0 else 0
    source.seek(0)
    target.write(source.read(2 + jfif))
    parts = [profile[at : at + _JPEG_PART] for at in range(0, len(profile), _JPEG_PART)]
    for number, part in enumerate(parts, start=1):
        segment = JPEG_MARK + bytes([number, len(parts)]) + part
        target.write(b"\xff\xe2" + struct.pack(">H", len(segment) + 2) + segment)
    shutil.copyfileobj(source, target)


def _webp(source: BinaryIO, target: BinaryIO, profile: bytes) -> None:
    """Insert a chunk behind the extended header, which a simple file gets now (RFC 9649, section 2.7)."""
    riff, kind = source.read(12), source.read(8)
    if riff[8:] != b"WEBP":
        raise ValueError("not a WebP")
    if kind[:4] == b"VP8X":
        extended, rest = bytearray(source.read(10)), b""
    else:
        rest = kind + source.read(10)
        extended = bytearray(_webp_header(rest))
    extended[0] |= _WEBP_HAS_ICC
    chunk = b"ICCP" + struct.pack("<I", len(profile)) + profile + bytes(len(profile) % 2)
    target.write(riff + b"VP8X" + struct.pack("<I", len(extended)) + extended + chunk + rest)
    shutil.copyfileobj(source, target)
    size = target.tell() - 8
    target.seek(4)
    target.write(struct.pack("<I", size))


def _webp_header(start: bytes) -> bytes:
    """Return the extended header for a simple file whose first chunk begins with `start` (RFC 9649; RFC 6386)."""
    if start[:4] == b"VP8L":
        bits = int.from_bytes(start[9:13], "little")
        width, height, alpha = bits & 0x3FFF, bits >> 14 & 0x3FFF, bits >> 28 & 1  # sizes less one
    else:
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", start, 14))
        width, height, alpha = width - 1, height - 1, 0
    sides = b"".join(side.to_bytes(3, "little") for side in (width, height))
    return bytes([_WEBP_HAS_ALPHA * alpha, 0, 0, 0]) + sides


def _tiff(source: BinaryIO, target: BinaryIO, profile: bytes) -> None:
    """Append the profile and a copy of the directory that has its tag; the old directory stays, unused (TIFF 6.0)."""
    head = source.read(8)
    if head[:4] != b"II*\0":
        raise ValueError("not a little-endian TIFF")
    source.seek(int.from_bytes(head[4:], "little"))
    count = int.from_bytes(source.read(2), "little")
    entries = [_TIFF_ENTRY.unpack(source.read(_TIFF_ENTRY.size)) for _ in range(count)]
    following = source.read(4)
    source.seek(0)
    shutil.copyfileobj(source, target)
    target.write(bytes(target.tell() % 2))
    at = target.tell()
    entries = sorted([*entries, (TIFF_TAG, _TIFF_UNDEFINED, len(profile), at)])
    target.write(profile + bytes(len(profile) % 2))
    directory = target.tell()
    target.write(
        struct.pack("<H", len(entries)) + b"".join(_TIFF_ENTRY.pack(*entry) for entry in entries) + following
    )
    target.seek(4)
    target.write(struct.pack("<I", directory))


_EMBEDDERS: dict[str, Callable[[BinaryIO, BinaryIO, bytes], None]] = {
    ".png": _png,
    ".jpg": _jpeg,
    ".webp": _webp,
    ".tiff": _tiff,
}
