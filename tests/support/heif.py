"""Makes a HEIF picture of tiles, as phones store photographs."""

from __future__ import annotations

import struct
from pathlib import Path

from hostile_media import box


def tiled(source: Path, target: Path, columns: int = 2, rows: int = 1) -> Path:
    """Write a picture that shows the one of an AVIF file several times, each tile an item of its own."""
    data = source.read_bytes()
    tile, configuration = _content(data, b"mdat"), _content(data, b"av1C")
    width, height = struct.unpack(">II", _content(data, b"ispe")[4:12])
    tiles = range(2, 2 + columns * rows)
    kinds = [(1, b"grid"), *((number, b"av01") for number in tiles)]
    items = b"".join(box(b"infe", struct.pack(">IHH4sx", 2 << 24, number, 0, kind)) for number, kind in kinds)
    properties = box(
        b"ipco",
        box(b"ispe", struct.pack(">III", 0, width, height)),
        box(b"av1C", configuration),
        box(b"ispe", struct.pack(">III", 0, columns * width, rows * height)),
    )
    owned = struct.pack(">IIHBB", 0, len(kinds), 1, 1, 3)
    owned += b"".join(struct.pack(">HBBB", number, 2, 1, 0x82) for number in tiles)
    shape = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, columns * width, rows * height)

    def index(offset: int) -> bytes:
        places = struct.pack(">IBBH", 1 << 24, 0x44, 0, len(kinds))
        places += struct.pack(">HHHHII", 1, 1, 0, 1, 0, len(shape))
        places += b"".join(struct.pack(">HHHHII", number, 0, 0, 1, offset, len(tile)) for number in tiles)
        return box(
            b"meta",
            bytes(4),
            box(b"hdlr", bytes(8), b"pict", bytes(13)),
            box(b"pitm", struct.pack(">IH", 0, 1)),
            box(b"iinf", struct.pack(">IH", 0, len(kinds)), items),
            box(b"iref", bytes(4), box(b"dimg", struct.pack(f">HH{len(tiles)}H", 1, len(tiles), *tiles))),
            box(b"iprp", properties, box(b"ipma", owned)),
            box(b"iloc", places),
            box(b"idat", shape),
        )

    start = box(b"ftyp", b"avif", bytes(4), b"avifmif1miaf")
    front = start + index(len(start) + len(index(0)) + 8)
    target.write_bytes(front + box(b"mdat", tile))
    return target


def _content(data: bytes, kind: bytes) -> bytes:
    at = data.index(kind) - 4
    return data[at + 8 : at + int.from_bytes(data[at : at + 4])]
