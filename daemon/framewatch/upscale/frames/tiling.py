"""Cuts a frame into tiles that are upscaled separately and, put together, equal the whole.

All tiles of a frame have one size, so that a session for one static shape serves them all. Each carries a halo, which
is computed and thrown away, except on a side that lies on the frame's border: there the network pads the tile with
zeros, as it would pad the frame. The last tile of a row is shifted inwards instead of being made smaller.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from framewatch.upscale.frames import yuv

# Beyond 2**23 pixels, buffers pass 2 GiB and 32-bit offsets: an H100 returned wrong pixels from 16 million on.
MAX_TILE_PIXELS = 2**23
_MIN_KEPT = 16  # pixels of an axis; a tile that keeps less is nearly all halo


@dataclass(frozen=True, slots=True)
class Span:
    """A tile along one axis, in pixels of the frame."""

    start: int
    keep_from: int
    keep_to: int


@dataclass(frozen=True, slots=True)
class Tiling:
    """The tiles of a frame: every row of `rows` with every column of `columns`."""

    width: int  # of each tile, in pixels, halo included
    height: int
    columns: tuple[Span, ...]
    rows: tuple[Span, ...]

    @property
    def count(self) -> int:
        """The number of tiles."""
        return len(self.columns) * len(self.rows)

    @property
    def cost(self) -> int:
        """Pixels that are computed, halos included."""
        return self.width * self.height * self.count


def plan_tiles(width: int, height: int, halo: int, max_pixels: int | None) -> Tiling:
    """Return the cheapest tiles that cover a frame.

    Args:
        width: of the frame, in pixels.
        height: likewise.
        halo: pixels around what is kept of a tile.
        max_pixels: the largest tile, halo included; None: no limit. A tile is never smaller than its halo needs, even
            where this is.
    """
    if max_pixels is None or width * height <= max_pixels:
        return Tiling(width, height, tile_spans(width, width, halo), tile_spans(height, height, halo))
    most = _max_tiles(width, halo)
    candidates = [_with_columns(width, height, halo, count, max_pixels) for count in range(1, most + 1)]
    fitting = [tiling for tiling in candidates if tiling.width * tiling.height <= max_pixels]
    return min(fitting, key=lambda tiling: tiling.cost, default=candidates[-1])


def plan_yuv_tiles(width: int, height: int, halo: int, max_pixels: int | None) -> Tiling:
    """As `plan_tiles`, for YUV 4:2:0 planes: every edge is even, and the halo has room for the chroma filters."""
    most = None if max_pixels is None else max_pixels // 4
    half = plan_tiles(width // 2, height // 2, ceil((halo + yuv.CHROMA_REACH) / 2), most)
    columns, rows = (tuple(map(_doubled, spans)) for spans in (half.columns, half.rows))
    return Tiling(half.width * 2, half.height * 2, columns, rows)


def _doubled(span: Span) -> Span:
    return Span(span.start * 2, span.keep_from * 2, span.keep_to * 2)


def _with_columns(width: int, height: int, halo: int, columns: int, max_pixels: int) -> Tiling:
    """Return the tiling with this many columns and as few rows as `max_pixels` allows."""
    tile_width = _tile_length(width, halo, columns)
    kept = max(max_pixels // tile_width - 2 * halo, _MIN_KEPT)
    rows = min(max(ceil((height - 2 * halo) / kept), 1), _max_tiles(height, halo))
    if tile_width * height <= max_pixels:
        rows = 1
    tile_height = _tile_length(height, halo, rows)
    return Tiling(tile_width, tile_height, tile_spans(width, tile_width, halo), tile_spans(height, tile_height, halo))


def _max_tiles(length: int, halo: int) -> int:
    return max((length - 2 * halo) // _MIN_KEPT, 1)


def _tile_length(length: int, halo: int, count: int) -> int:
    """Return the size of `count` tiles that just cover an axis."""
    return length if count == 1 else min(ceil((length - 2 * halo) / count) + 2 * halo, length)


def tile_spans(length: int, tile: int, halo: int) -> tuple[Span, ...]:
    """Return tiles of `tile` pixels that cover an axis of `length`, each pixel kept once.

    A kept pixel has `halo` pixels of its tile on each side, or the frame's border.
    """
    if tile >= length:
        return (Span(0, 0, length),)
    spans: list[Span] = []
    kept = 0
    while kept < length:
        start = min(max(kept - halo, 0), length - tile)
        end = length if start + tile == length else start + tile - halo
        spans.append(Span(start, kept, end))
        kept = end
    return tuple(spans)
