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
