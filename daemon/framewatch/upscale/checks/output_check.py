"""The output sentinel: whether an upscaled frame still shows its input.

A driver can go bad hours after the self-test: black, green, stale or mis-tiled frames with no error at all. So each
output, averaged down to the input's size, is held against the input. A full comparison would cost more than some
engines need for the frame, so a grid of pixels is compared, moved a little from frame to frame, and judged in blocks.

The network does not keep averages: it makes pure colours a little different, and 1-pixel patterns very different. So
what it may do grows with how much the input varies from pixel to pixel. The constants are calibrated by
`python -m benchmarks.sentinel`, which prints the margins on both sides; docs/performance.md has them.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from framewatch.upscale.checks.samples import Floats, Places, PlaneSamples, RgbSamples
from framewatch.upscale.frames.frame import Frame, FrameShape

SAMPLES = 2**14  # pixels of a frame that are compared, or about so many: 2 ms whatever its size
BLOCK_SAMPLES = 8  # of a block's side, at least: fewer say little
BLOCK_PIXELS = 32  # of a block's side, at least: below, what the network adds to an edge is much of the block

# In code values of 8 bits, whatever the depth.
_SHIFT_BASE = 8.0  # of a block's average, where it is black
_SHIFT_OF_LEVEL = 0.5  # more of it where it is bright, up to
_SHIFT_MOST = 20.0
_SHIFT_OF_RANGE = 0.5  # and more where neighbours differ
_ERROR_BASE = 12.0  # of the pixels on average
_ERROR_OF_RANGE = 1.15


@dataclass(frozen=True, slots=True)
class Deviation:
    """The worst block of a frame."""

    suspicion: float  # 1 is the most that is let pass
    x: int  # the block's first pixel, in the input
    y: int
    what: str  # in words, for the message

    @property
    def wrong(self) -> bool:
        """Whether this is no upscaled version of the input."""
        return not self.suspicion <= 1


class OutputCheck:
    """Compares frames of one shape. Threads may share it."""

    def __init__(self, shape: FrameShape, scale: int) -> None:
        """`shape` is the input's, `scale` what it is enlarged by."""
        self._shape = shape
        self._large = shape.upscaled(scale)
        self._turns = itertools.count()
        self._step = max(1, round(math.sqrt(shape.pixels / SAMPLES)))
        self._samples = PlaneSamples(shape, scale) if shape.yuv else RgbSamples(shape, scale)

    def look(self, frame: Frame, output: Frame) -> Deviation:
        """Compare a frame of the shape with what came out; another shape than that should have is the worst."""
        large = self._large
        if output.shape != large.array or output.dtype != large.dtype:
            what = f"it is {output.shape} {output.dtype} instead of {large.array} {large.dtype}"
            return Deviation(math.inf, 0, 0, what)
        rows, columns = self._places(next(self._turns))
        own, ranges = self._samples.before(frame, rows, columns)
        difference = self._samples.after(output, rows, columns) - own
        return self._worst(own, ranges, difference, rows, columns)

    def _places(self, turn: int) -> tuple[Places, Places]:
        """A row and a column for each cell of the grid, at random: a regular grid would fall in with patterns."""
        random = np.random.default_rng(turn)
        starts = np.mgrid[0 : self._shape.height : self._step, 0 : self._shape.width : self._step]
        rows, columns = starts + random.integers(0, self._step, starts.shape)
        return np.minimum(rows, self._shape.height - 1), np.minimum(columns, self._shape.width - 1)

    def _worst(self, own: Floats, ranges: Floats, difference: Floats, rows: Places, columns: Places) -> Deviation:
        side = max(BLOCK_SAMPLES, math.ceil(BLOCK_PIXELS / self._step))
        level, variation = _block_means(own, side), _block_means(ranges[..., None], side)[..., 0]
        shift, error = _block_means(difference, side), _block_means(np.abs(difference), side).max(axis=2)
        shift_limit = np.minimum(_SHIFT_BASE + _SHIFT_OF_LEVEL * level.max(axis=2), _SHIFT_MOST)
        suspicions = (
            np.abs(shift).max(axis=2) / (shift_limit + _SHIFT_OF_RANGE * variation),
            error / (_ERROR_BASE + _ERROR_OF_RANGE * variation),
        )
        suspicion = np.maximum(*suspicions)
        row, column = np.unravel_index(suspicion.argmax(), suspicion.shape)
        return Deviation(
            float(suspicion[row, column]),
            int(columns[row * side, column * side]),
            int(rows[row * side, column * side]),
            _in_words(level[row, column], shift[row, column], float(error[row, column])),
        )


def _block_means(values: Floats, side: int) -> Floats:
    """(rows, columns, n) to the means of blocks of `side`; what is left at an end belongs to the last block."""
    means: npt.NDArray[Any] = values
    for axis in (0, 1):
        length = means.shape[axis]
        starts = np.arange(max(1, length // side)) * side
        counts = np.diff(starts, append=length).astype(np.float32)
        means = np.add.reduceat(means, starts, axis) / np.expand_dims(counts, (1 - axis, 2))
    return means


def _in_words(level: Floats, shift: Floats, error: float) -> str:
    before, after = (tuple(round(float(each)) for each in colour) for colour in (level, level + shift))
    return f"a block of average colour {before} came out as {after}, and its pixels {error:.0f} of 255 off on average"
