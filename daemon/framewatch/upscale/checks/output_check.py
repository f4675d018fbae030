"""The output check: whether an upscaled frame still shows its input.

A driver can fail hours after the self-test: black, green, stale or mis-tiled frames with no error at all. So each
output, averaged down to the input's size, is compared with the input. A full comparison would cost as much as the
encoder, so a grid of pixels is compared, moved a little from frame to frame, and judged in blocks.

The network does not keep averages: it changes pure colours a little, and 1-pixel patterns a lot. So what it may do
grows with how much the input varies from pixel to pixel. The limits are calibrated by `python -m
benchmarks.output_check`, which prints the margins on both sides; docs/performance.md has them.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.random  # numpy loads it at its first use, and two threads at once end in a RecursionError
import numpy.typing as npt

from framewatch.upscale.checks.samples import Floats, PlaneSamples, Positions, RgbSamples
from framewatch.upscale.frames.frame import Frame, FrameShape

SAMPLES = 2**14  # pixels of a frame that are compared, approximately: 2 ms whatever its size
_BLOCK_SAMPLES = 8  # of a block's side, at least: fewer say little
_BLOCK_PIXELS = 32  # of a block's side, at least: below, what the network adds to an edge is much of the block

# Limits in steps of 8 bits, whatever the depth.
_SHIFT_BASE = 8.0  # of a block's average, where it is black
_SHIFT_PER_LEVEL = 0.5  # added for each step that it is brighter,
_SHIFT_MAX = 20.0  # up to this
_SHIFT_PER_RANGE = 0.5  # and for each step that neighbours differ by
_ERROR_BASE = 12.0  # of the mean absolute error of a block's pixels
_ERROR_PER_RANGE = 1.15


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The worst block of a frame."""

    score: float  # its deviation in limits: 1 is the most that passes
    x: int  # the block's first pixel, in the input
    y: int
    description: str  # for the error message

    @property
    def passed(self) -> bool:
        """Whether the output may be an upscaled version of the input; NaN does not pass."""
        return self.score <= 1


class OutputCheck:
    """Compares frames of one shape. Threads may share it.

    Args:
        shape: of the input frames.
        scale: of the output.
    """

    def __init__(self, shape: FrameShape, scale: int) -> None:
        self._shape = shape
        self._output_shape = shape.upscaled(scale)
        self._seeds = itertools.count()
        self._step = max(1, round(math.sqrt(shape.pixels / SAMPLES)))
        self._samples = PlaneSamples(shape, scale) if shape.yuv else RgbSamples(shape, scale)

    def compare(self, frame: Frame, output: Frame) -> CheckResult:
        """Compare a frame of the shape with its output; an output of a wrong shape gets an infinite score."""
        expected = self._output_shape
        if output.shape != expected.array or output.dtype != expected.dtype:
            what = f"it is {output.shape} {output.dtype} instead of {expected.array} {expected.dtype}"
            return CheckResult(math.inf, 0, 0, what)
        rows, columns = self._positions(next(self._seeds))
        colours, ranges = self._samples.of_input(frame, rows, columns)
        difference = self._samples.of_output(output, rows, columns) - colours
        return self._worst_block(colours, ranges, difference, (rows, columns))

    def _positions(self, seed: int) -> tuple[Positions, Positions]:
        """Return a random row and column in each cell of the grid; a regular grid could coincide with a pattern."""
        random = np.random.default_rng(seed)
        starts = np.mgrid[0 : self._shape.height : self._step, 0 : self._shape.width : self._step]
        rows, columns = starts + random.integers(0, self._step, starts.shape)
        return np.minimum(rows, self._shape.height - 1), np.minimum(columns, self._shape.width - 1)

    def _worst_block(
        self, colours: Floats, ranges: Floats, difference: Floats, positions: tuple[Positions, Positions]
    ) -> CheckResult:
        side = max(_BLOCK_SAMPLES, math.ceil(_BLOCK_PIXELS / self._step))
        level, variation = _block_means(colours, side), _block_means(ranges[..., None], side)[..., 0]
        shift, error = _block_means(difference, side), _block_means(np.abs(difference), side).max(axis=2)
        shift_limit = np.minimum(_SHIFT_BASE + _SHIFT_PER_LEVEL * level.max(axis=2), _SHIFT_MAX)
        scores = np.maximum(
            np.abs(shift).max(axis=2) / (shift_limit + _SHIFT_PER_RANGE * variation),
            error / (_ERROR_BASE + _ERROR_PER_RANGE * variation),
        )
        row, column = np.unravel_index(scores.argmax(), scores.shape)
        rows, columns = positions
        return CheckResult(
            float(scores[row, column]),
            int(columns[row * side, column * side]),
            int(rows[row * side, column * side]),
            _description(level[row, column], shift[row, column], float(error[row, column])),
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


def _description(level: Floats, shift: Floats, error: float) -> str:
    before, after = (tuple(round(float(each)) for each in colour) for colour in (level, level + shift))
    return f"a block of average colour {before} came out as {after}, and its pixels {error:.0f} of 255 off on average"
