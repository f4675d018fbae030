"""Frames that tell their own number, so that a lost, doubled, swapped or foreign one shows in any copy of them.

A mark is 16 upright bars: 7 bits of which clip, 9 bits of which frame, in the upper half; their opposites in the
lower half. A picture whose halves do not contradict each other everywhere has no mark.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT = 160, 90
_BITS = 16
_FRAME_BITS = 9
_DARK, _LIGHT = 60, 200  # neither black nor white: a frame that is lost to either is not taken for a mark
_SURE = 60  # least difference between a bar and its opposite


class Mark(NamedTuple):
    """Which frame of which clip."""

    clip: int
    frame: int


def drawn(mark: Mark) -> npt.NDArray[np.uint8]:
    """A grey picture, (HEIGHT, WIDTH), that carries the mark."""
    code = mark.clip << _FRAME_BITS | mark.frame
    bits = np.array([code >> place & 1 for place in range(_BITS)], bool)
    bars = np.stack([bits, ~bits]).repeat(WIDTH // _BITS, axis=1).repeat(HEIGHT // 2, axis=0)
    return np.where(bars, np.uint8(_LIGHT), np.uint8(_DARK))


def read(picture: npt.NDArray[Any]) -> Mark | None:
    """The mark in a picture of any size, (height, width) or (height, width, channels); None where there is none."""
    grey = picture if picture.ndim == 2 else picture[..., 1]
    height, width = grey.shape
    across = (np.arange(_BITS) * 2 + 1) * width // (_BITS * 2)
    upper, lower = (_around(grey, height * row // 4, across) for row in (1, 3))
    if np.any(np.abs(upper - lower) < _SURE):
        return None
    code = sum(int(bit) << place for place, bit in enumerate(upper > lower))
    return Mark(code >> _FRAME_BITS, code & ((1 << _FRAME_BITS) - 1))


def _around(grey: npt.NDArray[Any], row: int, columns: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The mean of nine pixels in the middle of each bar."""
    rows = slice(max(row - 1, 0), row + 2)
    return np.array([grey[rows, max(column - 1, 0) : column + 2].mean() for column in columns])
