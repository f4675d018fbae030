"""RGB frames as floats and back, and their PSNR."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from framewatch.upscale.frames.frame import Frame

Floats = npt.NDArray[np.float32]


def to_chw(frame: Frame) -> Floats:
    """Convert (h, w, 3) integers to contiguous (3, h, w) float32 in [0, 1]."""
    channels = np.ascontiguousarray(frame.transpose(2, 0, 1), dtype=np.float32)
    channels *= np.float32(1 / np.iinfo(frame.dtype).max)
    return channels


def from_chw(channels: Floats, dtype: npt.DTypeLike) -> Frame:
    """Convert (3, h, w) float32 to (h, w, 3) integers, as `quantise`; overwrites its argument."""
    return _quantised(channels, dtype).transpose(1, 2, 0).astype(dtype, order="C")


def quantise(image: npt.NDArray[np.floating[Any]], dtype: npt.DTypeLike) -> Frame:
    """Convert floats of any shape to integers: clamped to [0, 1], rounded half to even; NaN becomes 0."""
    return _quantised(image.copy(), dtype).astype(dtype)


def _quantised(values: npt.NDArray[Any], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    values *= np.iinfo(dtype).max
    np.fmax(values, 0, out=values)  # unlike clip, fmax ignores NaN and returns the number
    np.fmin(values, np.iinfo(dtype).max, out=values)
    np.rint(values, out=values)
    return values


def psnr(one: Frame, other: Frame, peak: int | None = None) -> float:
    """Return the peak signal-to-noise ratio of two frames in dB; infinite where they are equal.

    Args:
        one: integers of any shape.
        other: the same shape and dtype.
        peak: the largest value that a sample may have; None: the largest of the dtype.
    """
    error = float(np.mean(np.square(one.astype(np.float64) - other)))
    largest = float(np.iinfo(one.dtype).max if peak is None else peak)
    return float("inf") if error == 0 else 10 * float(np.log10(largest * largest / error))
