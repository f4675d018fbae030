"""A frame as engines take and give it, and its shape."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from framewatch.upscale.frames import yuv
from framewatch.upscale.frames.yuv import Yuv420

Frame = npt.NDArray[Any]


DType = Literal["uint8", "uint16"]


@dataclass(frozen=True, slots=True)
class FrameShape:
    """The size, depth and layout that all frames of a session have.

    Raises:
        ValueError: planes of an odd size, or of another dtype than their depth asks for.
    """

    width: int  # pixels
    height: int  # pixels
    dtype: DType = "uint8"
    yuv: Yuv420 | None = None  # planes, coded so; None: RGB

    def __post_init__(self) -> None:
        if self.yuv and (self.width % 2 or self.height % 2 or self.dtype != _dtype(self.yuv.depth)):
            raise ValueError(f"no planes of YUV 4:2:0: {self.width}x{self.height} {self.dtype}, {self.yuv}")

    @classmethod
    def of_planes(cls, width: int, height: int, coding: Yuv420) -> FrameShape:
        """The shape of planes in this coding."""
        return cls(width, height, _dtype(coding.depth), coding)

    @property
    def pixels(self) -> int:
        """Pixels of a frame."""
        return self.width * self.height

    @property
    def peak(self) -> int:
        """The largest value; of RGB, white: 255 or 65535."""
        return self.yuv.peak if self.yuv else int(np.iinfo(self.dtype).max)

    @property
    def array(self) -> tuple[int, ...]:
        """The shape of a frame as an array."""
        return (self.height * 3 // 2, self.width) if self.yuv else (self.height, self.width, 3)

    @property
    def bytes(self) -> int:
        """The bytes of a frame."""
        return math.prod(self.array) * np.dtype(self.dtype).itemsize

    @property
    def rgb(self) -> FrameShape:
        """The RGB in which a session computes: of 16 bits where planes that go in or come out are deeper than 8."""
        if self.yuv is None:
            return self
        return FrameShape(self.width, self.height, _dtype(max(self.yuv.depth, self.yuv.out_depth)))

    def upscaled(self, scale: int) -> FrameShape:
        """The shape of what comes out."""
        width, height = self.width * scale, self.height * scale
        return self.of_planes(width, height, self.yuv.out) if self.yuv else FrameShape(width, height, self.dtype)

    def fits(self, frame: Frame) -> bool:
        """True where a frame is one of these, laid out as the contract says."""
        return bool(frame.shape == self.array and frame.dtype == self.dtype and frame.flags.c_contiguous)

    def parts(self, frame: Frame) -> tuple[Frame, ...]:
        """Views of its planes, each (h, w, 1), chroma of half the size; of RGB the frame itself."""
        if self.yuv is None:
            return (frame,)
        return tuple(plane[..., None] for plane in yuv.planes(frame, self.width, self.height))


def _dtype(depth: int) -> DType:
    return "uint8" if depth == 8 else "uint16"
