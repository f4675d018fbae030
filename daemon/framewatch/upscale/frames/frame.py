"""A video frame in memory, as engines take and return it, and the shape that all frames of a session have."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from framewatch.upscale.frames import yuv
from framewatch.upscale.frames.yuv import Yuv420

Frame = npt.NDArray[Any]
"""A C-contiguous uint8 or uint16 array.

RGB: (height, width, 3), full range, 0..255 or 0..65535. YUV 4:2:0: (height * 3 / 2, width), first all of Y, then U,
then V, as ffmpeg's yuv420p and yuv420p10le lie in a pipe.
"""

DType = Literal["uint8", "uint16"]


@dataclass(frozen=True, slots=True)
class FrameShape:
    """The size, depth and layout of a frame.

    Raises:
        ValueError: YUV planes of an odd size, or of another dtype than their depth needs.
    """

    width: int  # pixels
    height: int  # pixels
    dtype: DType = "uint8"
    yuv: Yuv420 | None = None  # how YUV planes are coded; None: RGB

    def __post_init__(self) -> None:
        if self.yuv and (self.width % 2 or self.height % 2 or self.dtype != _dtype(self.yuv.depth)):
            raise ValueError(f"not a shape of YUV 4:2:0 planes: {self.width}x{self.height} {self.dtype}, {self.yuv}")

    @classmethod
    def of_planes(cls, width: int, height: int, coding: Yuv420) -> FrameShape:
        """Return the shape of YUV planes in this coding; the depth decides the dtype."""
        return cls(width, height, _dtype(coding.depth), coding)

    @property
    def pixels(self) -> int:
        """The number of pixels of a frame."""
        return self.width * self.height

    @property
    def peak(self) -> int:
        """The largest value of a sample; in RGB, white: 255 or 65535."""
        return self.yuv.peak if self.yuv else int(np.iinfo(self.dtype).max)

    @property
    def array(self) -> tuple[int, ...]:
        """The shape of a frame as a numpy array."""
        return (self.height * 3 // 2, self.width) if self.yuv else (self.height, self.width, 3)

    @property
    def bytes(self) -> int:
        """The size of a frame in bytes."""
        return math.prod(self.array) * np.dtype(self.dtype).itemsize

    @property
    def rgb(self) -> FrameShape:
        """The RGB shape that a session computes in.

        It has 16 bits where the planes that go in or come out are deeper than 8, so that no precision is lost
        between.
        """
        if self.yuv is None:
            return self
        return FrameShape(self.width, self.height, _dtype(max(self.yuv.depth, self.yuv.out_depth)))

    def upscaled(self, scale: int) -> FrameShape:
        """Return the shape of an upscaled frame."""
        width, height = self.width * scale, self.height * scale
        return self.of_planes(width, height, self.yuv.out) if self.yuv else FrameShape(width, height, self.dtype)

    def fits(self, frame: Frame) -> bool:
        """Return whether a frame has this shape and dtype, and is contiguous."""
        return bool(frame.shape == self.array and frame.dtype == self.dtype and frame.flags.c_contiguous)

    def parts(self, frame: Frame) -> tuple[Frame, ...]:
        """Return views of a frame's planes as (h, w, 1), chroma of half the size; for RGB, the frame itself."""
        if self.yuv is None:
            return (frame,)
        return tuple(plane[..., None] for plane in yuv.split_planes(frame, self.width, self.height))


def _dtype(depth: int) -> DType:
    return "uint8" if depth == 8 else "uint16"
