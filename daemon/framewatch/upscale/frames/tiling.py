"""Which windows of a frame are upscaled on their own so that, put together, they equal the whole.

All windows of a frame have one size, so that one session of one static shape serves. Each carries a halo,
which is computed and thrown away, except on a side that lies on the frame's border: there the zero padding of
the window is the zero padding of the frame. The last window of a row is shifted inward, not made smaller.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from framewatch.upscale.frames import yuv

LARGEST_WINDOW = 2**23  # pixels: beyond, buffers pass 2 GiB; from 16 million on an H100 computed wrong ones
_LEAST_KEPT = 16  # pixels: a window that keeps less of an axis than this is nearly all halo


@dataclass(frozen=True, slots=True)
class Span:
    """A window along one axis, in pixels of the frame."""

    start: int
    keep_from: int
    keep_to: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The windows of a frame: every row of `rows` with every column of `columns`."""

    width: int  # of each window
    height: int
    columns: tuple[Span, ...]
    rows: tuple[Span, ...]

    @property
    def cost(self) -> int:
        """Pixels computed, halos included."""
        return self.width * self.height * len(self.columns) * len(self.rows)


def plan(width: int, height: int, halo: int, most_pixels: int | None) -> Plan:
    """The cheapest windows of at most `most_pixels` that cover a frame; the whole frame where it fits.

    A window is never smaller than what the halo needs, even where `most_pixels` is.
    """
    if most_pixels is None or width * height <= most_pixels:
        return Plan(width, height, spans(width, width, halo), spans(height, height, halo))
    candidates = (_columns(width, height, halo, count, most_pixels) for count in range(1, _most(width, halo) + 1))
    fitting = [one for one in candidates if one.width * one.height <= most_pixels]
    smallest = _columns(width, height, halo, _most(width, halo), most_pixels)
    return min(fitting, key=lambda one: one.cost, default=smallest)


def plan_planes(width: int, height: int, halo: int, most_pixels: int | None) -> Plan:
    """As `plan`, for planes of YUV 4:2:0: everything is even, and the halo has room for what chroma needs."""
    most = None if most_pixels is None else most_pixels // 4
    half = plan(width // 2, height // 2, ceil((halo + yuv.REACH) / 2), most)
    columns, rows = (tuple(map(_doubled, along)) for along in (half.columns, half.rows))
    return Plan(half.width * 2, half.height * 2, columns, rows)


def _doubled(span: Span) -> Span:
    return Span(span.start * 2, span.keep_from * 2, span.keep_to * 2)


def _columns(width: int, height: int, halo: int, count: int, most_pixels: int) -> Plan:
    """The plan with `count` columns and as few rows as `most_pixels` allows."""
    window_width = _window(width, halo, count)
    kept = max(most_pixels // window_width - 2 * halo, _LEAST_KEPT)
    rows = min(max(ceil((height - 2 * halo) / kept), 1), _most(height, halo))
    if window_width * height <= most_pixels:
        rows = 1
    window_height = _window(height, halo, rows)
    return Plan(window_width, window_height, spans(width, window_width, halo), spans(height, window_height, halo))


def _most(length: int, halo: int) -> int:
    """How many windows an axis can be cut into."""
    return max((length - 2 * halo) // _LEAST_KEPT, 1)


def _window(length: int, halo: int, count: int) -> int:
    """The size of `count` windows that just cover an axis."""
    return length if count == 1 else min(ceil((length - 2 * halo) / count) + 2 * halo, length)


def spans(length: int, window: int, halo: int) -> tuple[Span, ...]:
    """Windows of `window` pixels that cover an axis of `length`, each pixel kept once.

    A kept pixel has `halo` pixels of its window on each side, or the frame's border.
    """
    if window >= length:
        return (Span(0, 0, length),)
    found: list[Span] = []
    kept = 0
    while kept < length:
        start = min(max(kept - halo, 0), length - window)
        end = length if start + window == length else start + window - halo
        found.append(Span(start, kept, end))
        kept = end
    return tuple(found)
