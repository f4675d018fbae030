"""Colours at single places of a frame and of its upscaled version, for the output sentinel.

All are RGB in code values of 8 bits, whatever the frames hold. Places are arrays of rows and columns of the input.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from framewatch.upscale.frames import yuv
from framewatch.upscale.frames.frame import Frame, FrameShape
from framewatch.upscale.frames.yuv import Yuv420

Floats = npt.NDArray[np.float32]
Values = npt.NDArray[Any]
Places = npt.NDArray[np.intp]

_BESIDE = ((0, -1), (0, 1), (-1, 0), (1, 0))


class RgbSamples:
    """Of frames in RGB."""

    def __init__(self, shape: FrameShape, scale: int) -> None:
        """`shape` is the input's, `scale` what it is enlarged by."""
        self._shape = shape
        self._scale = scale
        self._unit = 255 / shape.peak

    def before(self, frame: Frame, rows: Places, columns: Places) -> tuple[Floats, Floats]:
        """The pixels there (rows, columns, 3), and how much they and their four neighbours differ (rows, columns).

        Beyond the frame all is black, as the network pads it.
        """
        height, width = self._shape.height, self._shape.width
        flat, at = frame.reshape(-1, 3), rows * width + columns
        own = flat.take(at, axis=0)
        least, most = own, own
        for down, right in _BESIDE:
            beside = flat.take(at + down * width + right, axis=0, mode="clip")
            beside[_outside(rows + down, columns + right, height, width)] = 0
            least, most = np.minimum(least, beside), np.maximum(most, beside)
        return self._floats(own), self._floats(_widest(most - least))

    def after(self, output: Frame, rows: Places, columns: Places) -> Floats:
        """Averages of the scale x scale output pixels of each pixel there (rows, columns, 3)."""
        scale, width = self._scale, self._shape.width
        lines = output.reshape(-1, scale * 3)  # each one of a box's, so that it is copied in one piece
        total = np.zeros((*rows.shape, 3), np.uint32)
        for down in range(scale):
            line = lines.take((rows * scale + down) * width + columns, axis=0, mode="clip")
            for right in range(scale):
                total += line[..., 3 * right : 3 * right + 3]
        return self._floats(total) / np.float32(scale * scale)

    def _floats(self, values: npt.NDArray[Any]) -> Floats:
        return values.astype(np.float32) * np.float32(self._unit)


class PlaneSamples:
    """Of planes of YUV 4:2:0, as RGB that is clamped as an engine clamps it."""

    def __init__(self, shape: FrameShape, scale: int) -> None:
        """`shape` is the input's, `scale` what it is enlarged by.

        Raises:
            ValueError: the shape is RGB.
        """
        if shape.yuv is None:
            raise ValueError("these are no planes")
        self._coding = shape.yuv
        self._shape = shape
        self._large = shape.upscaled(scale)
        self._scale = scale

    def before(self, frame: Frame, rows: Places, columns: Places) -> tuple[Floats, Floats]:
        """As `RgbSamples.before`. Pixels differ as much as luma does, or as the chroma around, whichever is more."""
        code = self._coding
        luma, u, v = yuv.planes(frame, self._shape.width, self._shape.height)
        y, of_y = _around(luma, rows, columns, code.black)
        (blue, of_u), (red, of_v) = (_around(plane, rows // 2, columns // 2, code.grey) for plane in (u, v))
        add_blue, _, add_red, _ = code.from_chroma
        chroma = np.maximum(of_u * np.float32(add_blue), of_v * np.float32(add_red)) * np.float32(
            1 / code.chroma_range
        )
        ranges = np.maximum(of_y * np.float32(1 / code.luma_range), chroma) * np.float32(255)
        return _colour(y, blue, red, code=code), ranges

    def after(self, output: Frame, rows: Places, columns: Places) -> Floats:
        """Luma averaged over the scale x scale output pixels of each pixel there, chroma from their middle."""
        scale, large, width = self._scale, self._large, self._shape.width
        luma, u, v = yuv.planes(output, large.width, large.height)
        lines = luma.reshape(-1, scale)  # each one of a box's
        total = np.zeros(rows.shape, np.uint32)
        for down in range(scale):
            line = lines.take((rows * scale + down) * width + columns, axis=0, mode="clip")
            for right in range(scale):
                total += line[..., right]
        at = (rows * scale + scale // 2) // 2 * (large.width // 2) + (columns * scale + scale // 2) // 2
        blue, red = (plane.reshape(-1).take(at, mode="clip") for plane in (u, v))
        return _colour(total.astype(np.float32) / np.float32(scale * scale), blue, red, code=self._coding.out)


def _around(plane: Values, rows: Places, columns: Places, nothing: int) -> tuple[Values, Floats]:
    """The values there, and how much they and their four neighbours differ; beyond the plane is `nothing`."""
    height, width = plane.shape
    flat, at = plane.reshape(-1), rows * width + columns
    own: Values = flat.take(at)
    least, most = own, own
    for down, right in _BESIDE:
        beside = flat.take(at + (down * width + right), mode="clip")
        beside[_outside(rows + down, columns + right, height, width)] = nothing
        least, most = np.minimum(least, beside), np.maximum(most, beside)
    return own, (most - least).astype(np.float32)


def _colour(luma: Values, u: Values, v: Values, *, code: Yuv420) -> Floats:
    """Values of three planes as RGB (..., 3)."""
    y = (luma.astype(np.float32) - np.float32(code.black)) * np.float32(255 / code.luma_range)
    blue, red = ((part.astype(np.float32) - code.grey) * np.float32(255 / code.chroma_range) for part in (u, v))
    of_u, green_u, of_v, green_v = map(np.float32, code.from_chroma)
    colour = np.empty((*y.shape, 3), np.float32)
    colour[..., 0], colour[..., 1], colour[..., 2] = (
        y + of_v * red,
        y + green_u * blue + green_v * red,
        y + of_u * blue,
    )
    return np.clip(colour, 0, 255, out=colour)


def _outside(rows: Places, columns: Places, height: int, width: int) -> npt.NDArray[np.bool_]:
    beyond: npt.NDArray[np.bool_] = (rows < 0) | (rows >= height) | (columns < 0) | (columns >= width)
    return beyond


def _widest(ranges: Values) -> Values:
    """The largest of three colours' ranges."""
    red, green, blue = np.moveaxis(ranges, 2, 0)
    widest: Values = np.maximum(np.maximum(red, green), blue)
    return widest
