"""Colours at single positions of a frame and of its upscaled version, for the output check.

All are RGB in steps of 8 bits, 0 to 255, whatever the frames hold. Positions are arrays of rows and of columns of the
input.
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
Positions = npt.NDArray[np.intp]

_NEIGHBOURS = ((0, -1), (0, 1), (-1, 0), (1, 0))


class RgbSamples:
    """Of RGB frames.

    Args:
        shape: of the input.
        scale: of the output.
    """

    def __init__(self, shape: FrameShape, scale: int) -> None:
        self._shape = shape
        self._scale = scale
        self._unit = 255 / shape.peak

    def of_input(self, frame: Frame, rows: Positions, columns: Positions) -> tuple[Floats, Floats]:
        """Return the pixels there and how much they vary.

        Outside the frame everything is black, as the network pads it.

        Returns:
            The colours (rows, columns, 3), and the largest difference among a pixel and its four neighbours (rows,
            columns).
        """
        height, width = self._shape.height, self._shape.width
        flat, at = frame.reshape(-1, 3), rows * width + columns
        own = flat.take(at, axis=0)
        least, most = own, own
        for down, right in _NEIGHBOURS:
            neighbour = flat.take(at + down * width + right, axis=0, mode="clip")
            neighbour[_outside(rows + down, columns + right, height, width)] = 0
            least, most = np.minimum(least, neighbour), np.maximum(most, neighbour)
        return self._floats(own), self._floats(_largest(most - least))

    def of_output(self, output: Frame, rows: Positions, columns: Positions) -> Floats:
        """Return the averages of the scale x scale output pixels of each pixel there (rows, columns, 3)."""
        scale, width = self._scale, self._shape.width
        lines = output.reshape(-1, scale * 3)  # one line of a pixel's block, so that it is copied at once
        total = np.zeros((*rows.shape, 3), np.uint32)
        for down in range(scale):
            line = lines.take((rows * scale + down) * width + columns, axis=0, mode="clip")
            for right in range(scale):
                total += line[..., 3 * right : 3 * right + 3]
        return self._floats(total) / np.float32(scale * scale)

    def _floats(self, values: npt.NDArray[Any]) -> Floats:
        return values.astype(np.float32) * np.float32(self._unit)


class PlaneSamples:
    """Of YUV 4:2:0 planes, as RGB that is clamped as an engine clamps it.

    Args:
        shape: of the input.
        scale: of the output.

    Raises:
        ValueError: the shape is RGB.
    """

    def __init__(self, shape: FrameShape, scale: int) -> None:
        if shape.yuv is None:
            raise ValueError("the shape is RGB, not YUV planes")
        self._coding = shape.yuv
        self._shape = shape
        self._output_shape = shape.upscaled(scale)
        self._scale = scale

    def of_input(self, frame: Frame, rows: Positions, columns: Positions) -> tuple[Floats, Floats]:
        """As `RgbSamples.of_input`. Pixels vary as much as their luma or their chroma, whichever varies more."""
        coding = self._coding
        luma, u, v = yuv.split_planes(frame, self._shape.width, self._shape.height)
        y, y_range = _with_range(luma, rows, columns, coding.black)
        (blue, u_range), (red, v_range) = (
            _with_range(plane, rows // 2, columns // 2, coding.grey) for plane in (u, v)
        )
        blue_u, _, red_v, _ = coding.from_chroma
        chroma = np.maximum(u_range * np.float32(blue_u), v_range * np.float32(red_v)) * np.float32(
            1 / coding.chroma_range
        )
        ranges = np.maximum(y_range * np.float32(1 / coding.luma_range), chroma) * np.float32(255)
        return _rgb(y, blue, red, coding), ranges

    def of_output(self, output: Frame, rows: Positions, columns: Positions) -> Floats:
        """As `RgbSamples.of_output`: luma averaged, chroma from the middle of the block."""
        scale, large, width = self._scale, self._output_shape, self._shape.width
        luma, u, v = yuv.split_planes(output, large.width, large.height)
        lines = luma.reshape(-1, scale)  # one line of a pixel's block
        total = np.zeros(rows.shape, np.uint32)
        for down in range(scale):
            line = lines.take((rows * scale + down) * width + columns, axis=0, mode="clip")
            for right in range(scale):
                total += line[..., right]
        at = (rows * scale + scale // 2) // 2 * (large.width // 2) + (columns * scale + scale // 2) // 2
        blue, red = (plane.reshape(-1).take(at, mode="clip") for plane in (u, v))
        return _rgb(total.astype(np.float32) / np.float32(scale * scale), blue, red, self._coding.out)


def _with_range(plane: Values, rows: Positions, columns: Positions, outside: int) -> tuple[Values, Floats]:
    """Return the values there, and how much they and their four neighbours differ; beyond the plane is `outside`."""
    height, width = plane.shape
    flat, at = plane.reshape(-1), rows * width + columns
    own: Values = flat.take(at)
    least, most = own, own
    for down, right in _NEIGHBOURS:
        neighbour = flat.take(at + (down * width + right), mode="clip")
        neighbour[_outside(rows + down, columns + right, height, width)] = outside
        least, most = np.minimum(least, neighbour), np.maximum(most, neighbour)
    return own, (most - least).astype(np.float32)


def _rgb(luma: Values, u: Values, v: Values, coding: Yuv420) -> Floats:
    """Convert samples of three planes to RGB (..., 3)."""
    y = (luma.astype(np.float32) - np.float32(coding.black)) * np.float32(255 / coding.luma_range)
    blue, red = ((part.astype(np.float32) - coding.grey) * np.float32(255 / coding.chroma_range) for part in (u, v))
    blue_u, green_u, red_v, green_v = map(np.float32, coding.from_chroma)
    colour = np.empty((*y.shape, 3), np.float32)
    colour[..., 0] = y + red_v * red
    colour[..., 1] = y + green_u * blue + green_v * red
    colour[..., 2] = y + blue_u * blue
    return np.clip(colour, 0, 255, out=colour)


def _outside(rows: Positions, columns: Positions, height: int, width: int) -> npt.NDArray[np.bool_]:
    outside: npt.NDArray[np.bool_] = (rows < 0) | (rows >= height) | (columns < 0) | (columns >= width)
    return outside


def _largest(ranges: Values) -> Values:
    """Return the largest of the three colours' ranges."""
    red, green, blue = np.moveaxis(ranges, 2, 0)
    largest: Values = np.maximum(np.maximum(red, green), blue)
    return largest
