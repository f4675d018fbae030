"""ffmpeg's names for the colour code points of ITU-T H.273, as its command line takes them."""

from __future__ import annotations

from typing import Literal

from framewatch.domain import Colour

MATRICES = {
    0: "gbr", 1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "ycgco", 9: "bt2020nc",
    10: "bt2020c", 11: "smpte2085", 12: "chroma-derived-nc", 13: "chroma-derived-c", 14: "ictcp", 15: "ipt-c2",
    16: "ycgco-re", 17: "ycgco-ro",
}  # fmt: skip
PRIMARIES = {
    1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film", 9: "bt2020", 10: "smpte428",
    11: "smpte431", 12: "smpte432", 22: "ebu3213",
}  # fmt: skip
TRANSFERS = {
    1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "linear", 9: "log100", 10: "log316",
    11: "iec61966-2-4", 12: "bt1361e", 13: "iec61966-2-1", 14: "bt2020-10", 15: "bt2020-12", 16: "smpte2084",
    17: "smpte428", 18: "arib-std-b67",
}  # fmt: skip
RANGES: dict[int, Literal["limited", "full"]] = {1: "limited", 2: "full"}


def colour_of(matrix: int, value_range: int, primaries: int, transfer: int, pixel_format: str) -> Colour:
    """Name the code points; unspecified ones become None. A `yuvj` pixel format means full range."""
    known_range = RANGES.get(value_range) or ("full" if pixel_format.startswith("yuvj") else None)
    return Colour(
        matrix=MATRICES.get(matrix),
        range=known_range,
        primaries=PRIMARIES.get(primaries),
        transfer=TRANSFERS.get(transfer),
    )
