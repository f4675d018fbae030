"""Makes a HEIF picture of tiles, as phones store photographs."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

from hostile_media import box


def tiled(
    sources: Path | Sequence[Path],
    target: Path,
    columns: int = 2,
    rows: int = 1,
    *,
    cut: tuple[int, int] = (0, 0),
    shown: Sequence[bytes] = (),
) -> Path:
    """Write a picture of tiles, each an item of its own: those of AVIF files, or one several times.

    `cut` are columns and rows of pixels that are cut off at the right and at the bottom, and `shown` are boxes that
    turn or mirror the picture, or describe it.
    """
    data = [each.read_bytes() for each in ([sources] if isinstance(sources, Path) else sources)]
    pictures, configuration = [_content(each, b"mdat") for each in data], _content(data[0], b"av1C")
    width, height = struct.unpack(">II", _content(data[0], b"ispe")[4:12])
    whole = columns * width - cut[0], rows * height - cut[1]
    tiles = range(2, 2 + columns * rows)
    kinds = [(1, b"grid"), *((number, b"av01") for number in tiles)]
    items = b"".join(box(b"infe", struct.pack(">IHH4sx", 2 << 24, number, 0, kind)) for number, kind in kinds)
    properties = box(
        b"ipco",
        box(b"ispe", struct.pack(">III", 0, width, height)),
        box(b"av1C", configuration),
        box(b"ispe", struct.pack(">III", 0, *whole)),
        *shown,
    )
    owned = struct.pack(">IIHB", 0, len(kinds), 1, 1 + len(shown)) + bytes(range(3, 4 + len(shown)))
    owned += b"".join(struct.pack(">HBBB", number, 2, 1, 0x82) for number in tiles)
    shape = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, *whole)

    def index(offset: int) -> bytes:
        places = struct.pack(">IBBH", 1 << 24, 0x44, 0, len(kinds))
        places += struct.pack(">HHHHII", 1, 1, 0, 1, 0, len(shape))
        for number in tiles:
            turn = (number - 2) % len(pictures)
            before, tile = sum(map(len, pictures[:turn])), pictures[turn]
            places += struct.pack(">HHHHII", number, 0, 0, 1, offset + before, len(tile))
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
    target.write_bytes(front + box(b"mdat", *pictures))
    return target


def _content(data: bytes, kind: bytes) -> bytes:
    at = data.index(kind) - 4
    return data[at + 8 : at + int.from_bytes(data[at : at + 4])]
