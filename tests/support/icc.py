"""ICC profiles as test data, and image files that carry them."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path


def icc_profile(space: bytes = b"RGB ", size: int = 0, kind: bytes = b"mntr") -> bytes:
    """Make a profile with a description and, if it is to be larger, `size` bytes in all.

    Colour management would want curves and primaries; whoever only carries a profile looks at its header (ICC.1:2022,
    7.2).
    """
    text = b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(79)
    tags = struct.pack(">I4sII", 1, b"desc", 144, len(text)) + text
    rest = bytes(number * 37 % 251 for number in range(max(size - 128 - len(tags), 0)))
    header = struct.pack(">I4sI4s4s4s12s4s", 128 + len(tags) + len(rest), b"lcms", 0x02400000, kind, space, b"XYZ ",
                         bytes(12), b"acsp").ljust(128, b"\0")  # fmt: skip
    return header + tags + rest


def png_with_icc(path: Path, profile: bytes, *, name: bytes = b"sRGB", packed: bytes | None = None) -> Path:
    """Insert an iCCP chunk behind the header of a PNG; `packed` takes the place of the deflated profile."""
    data = path.read_bytes()
    body = b"iCCP" + name + b"\0\0" + (zlib.compress(profile) if packed is None else packed)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    path.write_bytes(data[:33] + chunk + data[33:])
    return path


def jpeg_with_icc(path: Path, profile: bytes) -> Path:
    """Insert the profile into a JPEG, in segments of at most 65,519 bytes, the last one first: order is by number."""
    data = path.read_bytes()
    pieces = [profile[at : at + 65_519] for at in range(0, len(profile), 65_519)]
    made = b""
    for number, piece in enumerate(pieces, start=1):
        body = b"ICC_PROFILE\0" + bytes([number, len(pieces)]) + piece
        made = b"\xff\xe2" + struct.pack(">H", len(body) + 2) + body + made
    path.write_bytes(data[:2] + made + data[2:])
    return path


def bmp_with_icc(path: Path, profile: bytes) -> Path:
    """Give a BMP of ffmpeg's a BITMAPV5HEADER, and the profile behind the pixels."""
    data = path.read_bytes()
    pixels = data[struct.unpack_from("<I", data, 10)[0] :]
    header = struct.pack("<I", 124) + data[18:54] + bytes(16) + b"DEBM" + bytes(48)
    header += struct.pack("<IIII", 4, 124 + len(pixels), len(profile), 0)
    path.write_bytes(data[:10] + struct.pack("<I", 14 + 124) + header + pixels + profile)
    return path


def psd_with_icc(path: Path, profile: bytes) -> Path:
    """Write a Photoshop file of 4x4 black pixels, with two image resources."""
    resources = b"".join(
        b"8BIM" + struct.pack(">H", number) + name + struct.pack(">I", len(data)) + data + bytes(len(data) % 2)
        for number, name, data in [(1005, b"\3abc", bytes(15)), (1039, b"\0\0", profile)]
    )
    header = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, 4, 4, 8, 3)
    parts = struct.pack(">II", 0, len(resources)) + resources + struct.pack(">IH", 0, 0)
    path.write_bytes(header + parts + bytes(48))
    return path


def jp2_with_icc(path: Path, profile: bytes) -> Path:
    """Put the profile into a JP2 of ffmpeg's, in the place of its colour specification."""
    data = path.read_bytes()
    header, colour = data.index(b"jp2h") - 4, data.index(b"colr\1") - 4
    body = data[header + 4 : colour] + struct.pack(">I", 11 + len(profile)) + b"colr\2\0\0" + profile
    path.write_bytes(data[:header] + struct.pack(">I", 4 + len(body)) + body + data[colour + 15 :])
    return path


def embedded_icc(path: Path) -> bytes | None:
    """Find the profile of an image by the structure of its file; None if there is none."""
    return {".png": _in_png, ".jpg": _in_jpeg, ".webp": _in_webp, ".tiff": _in_tiff}[path.suffix](path.read_bytes())


def _in_png(data: bytes) -> bytes | None:
    at = 8
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        assert zlib.crc32(kind + body) == int.from_bytes(data[at + 8 + length : at + 12 + length])
        if kind == b"iCCP":
            return zlib.decompress(body[body.index(b"\0") + 2 :])
        assert kind != b"IDAT" or b"iCCP" not in data[at + 8 + length :], "iCCP has to come before the pixels"
        at += 12 + length
    return None


def _in_jpeg(data: bytes) -> bytes | None:
    at, pieces = 2, {}
    while data[at + 1] != 0xDA:
        length = int.from_bytes(data[at + 2 : at + 4])
        body = data[at + 4 : at + 2 + length]
        if data[at + 1] == 0xE2 and body.startswith(b"ICC_PROFILE\0"):
            pieces[body[12]] = body[14:]
            assert body[13] >= body[12]
        at += 2 + length
    assert sorted(pieces) == list(range(1, len(pieces) + 1))
    return b"".join(pieces[number] for number in sorted(pieces)) or None


def _in_webp(data: bytes) -> bytes | None:
    assert struct.unpack_from("<I", data, 4)[0] == len(data) - 8
    at, has_icc = 12, False
    while at < len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        if kind == b"VP8X":
            has_icc = bool(data[at + 8] & 0x20)
        if kind == b"ICCP":
            assert has_icc
            return data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
    return None


def _in_tiff(data: bytes) -> bytes | None:
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    entries = [struct.unpack_from("<HHII", data, at + 2 + 12 * number) for number in range(count)]
    assert entries == sorted(entries)
    return next((data[value : value + size] for tag, _, size, value in entries if tag == 34675), None)
