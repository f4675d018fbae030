"""Frames that show their own number, so that lost, repeated, swapped or foreign frames are found in any copy.

A mark is 16 vertical bars in the upper half of a frame, 7 bits for the clip and 9 bits for the frame, and their
inverse in the lower half. A frame whose halves are not inverse everywhere has no mark.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT = 160, 90
_BITS = 16
_FRAME_BITS = 9
_DARK, _LIGHT = 60, 200  # neither black nor white, so that a black or white frame does not count as a mark
_SURE = 60  # minimum difference between a bar and its inverse


class Mark(NamedTuple):
    """The number of a frame, and of its clip."""

    clip: int
    frame: int


def drawn(mark: Mark) -> npt.NDArray[np.uint8]:
    """Draw a grey frame, (HEIGHT, WIDTH), with the mark."""
    code = mark.clip << _FRAME_BITS | mark.frame
    bits = np.array([code >> place & 1 for place in range(_BITS)], bool)
    bars = np.stack([bits, ~bits]).repeat(WIDTH // _BITS, axis=1).repeat(HEIGHT // 2, axis=0)
    return np.where(bars, np.uint8(_LIGHT), np.uint8(_DARK))


def read(frame: npt.NDArray[Any]) -> Mark | None:
    """Read the mark of a frame of any size, (height, width) or (height, width, channels); None if it has none."""
    grey = frame if frame.ndim == 2 else frame[..., 1]
    height, width = grey.shape
    across = (np.arange(_BITS) * 2 + 1) * width // (_BITS * 2)
    upper, lower = (_around(grey, height * row // 4, across) for row in (1, 3))
    if np.any(np.abs(upper - lower) < _SURE):
        return None
    code = sum(int(bit) << place for place, bit in enumerate(upper > lower))
    return Mark(code >> _FRAME_BITS, code & ((1 << _FRAME_BITS) - 1))


def _around(grey: npt.NDArray[Any], row: int, columns: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Average nine pixels in the middle of each bar."""
    rows = slice(max(row - 1, 0), row + 2)
    return np.array([grey[rows, max(column - 1, 0) : column + 2].mean() for column in columns])
