"""Frames as floats and back, for runtimes that compute on floats alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from framewatch.upscale.frames.frame import Frame

Floats = npt.NDArray[np.float32]


def to_planes(frame: Frame) -> Floats:
    """(h, w, 3) integers to contiguous (3, h, w) float32 in [0, 1]."""
    planes = np.ascontiguousarray(frame.transpose(2, 0, 1), dtype=np.float32)
    planes *= np.float32(1 / np.iinfo(frame.dtype).max)
    return planes


def from_planes(planes: Floats, dtype: npt.DTypeLike) -> Frame:
    """(3, h, w) float32, overwritten here, to (h, w, 3) integers, as `quantise`."""
    return _quantised(planes, dtype).transpose(1, 2, 0).astype(dtype, order="C")


def quantise(image: npt.NDArray[np.floating[Any]], dtype: npt.DTypeLike) -> Frame:
    """(h, w, 3) floats in any range to integers: clamped to [0, 1], rounded half to even; NaN becomes 0."""
    return _quantised(image.copy(), dtype).astype(dtype)


def _quantised(values: npt.NDArray[Any], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    values *= np.iinfo(dtype).max
    np.fmax(values, 0, out=values)  # unlike clip, fmax takes the number where the other is NaN
    np.fmin(values, np.iinfo(dtype).max, out=values)
    np.rint(values, out=values)
    return values


def psnr(one: Frame, other: Frame, peak: float | None = None) -> float:
    """Peak signal to noise ratio in dB of two frames of one integer dtype; infinite where they are equal.

    `peak` is the largest value that they may have; None: the dtype's.
    """
    error = float(np.mean(np.square(one.astype(np.float64) - other)))
    peak = peak or float(np.iinfo(one.dtype).max)
    return float("inf") if error == 0 else 10 * float(np.log10(peak * peak / error))
