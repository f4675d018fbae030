"""YUV 4:2:0: how colour is coded in planes, and the conversion to RGB and back that engines make, in plain numpy.

A frame of planes is half the bytes of one in RGB, is what decoders give and encoders take, and is converted where the
network runs. What an engine computes on its device is held against this.

Chroma lies on the left of two luma columns and between two luma rows, as MPEG-2, H.264 and HEVC have it. It is
enlarged by the bicubic filter that ffmpeg's scaler uses (Keys 1981 with A = -0.6), and reduced by the same, stretched
to twice its width. So a frame looks the same whether it comes this way or by way of ffmpeg's RGB: within one code.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Planes = tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]

_A = -0.6
REACH = 8  # input pixels around, at most, that an output pixel's chroma depends on beyond the network's own halo


def _cubic(distance: float) -> float:
    """Keys' cubic convolution kernel, at a distance in samples."""
    x = abs(distance)
    if x < 1:
        return (_A + 2) * x**3 - (_A + 3) * x**2 + 1
    return _A * x**3 - 5 * _A * x**2 + 8 * _A * x - 4 * _A if x < 2 else 0.0


# For a luma column or row of each parity, the weights of chroma samples around the one it belongs to.
ACROSS = tuple(_cubic(0.5 - offset) for offset in (-1, 0, 1, 2))  # odd columns; an even one has its own sample
DOWN = (
    tuple(_cubic(-0.25 - offset) for offset in (-2, -1, 0, 1)),  # even rows: samples -2 to 1
    tuple(_cubic(0.25 - offset) for offset in (-1, 0, 1, 2)),  # odd rows: samples -1 to 2
)
# For a chroma sample, the weights of the luma columns -3 to 3 and rows -3 to 4 around its own.
COLUMNS = tuple(_cubic(offset / 2) / 2 for offset in range(-3, 4))
ROWS = tuple(_cubic((offset - 0.5) / 2) / 2 for offset in range(-3, 5))


@dataclass(frozen=True, slots=True)
class Yuv420:
    """How the colours of a frame's planes are coded.

    Args:
        kr, kb: the matrix's weights of red and blue in luma (ITU-T H.273, table 4).
        full: whether all code values are used, or black is 16 and white 235 (times 2^(depth - 8)).
        depth: bits of a value. 8 are stored in a byte, more in the low bits of two.
        out_depth: the same of what comes out of an engine.
    """

    kr: float
    kb: float
    full: bool = False
    depth: int = 8
    out_depth: int = 8

    @property
    def out(self) -> Yuv420:
        """The coding of what comes out."""
        return replace(self, depth=self.out_depth)

    @property
    def black(self) -> int:
        """Luma's code value of black."""
        return 0 if self.full else 16 << (self.depth - 8)

    @property
    def luma_range(self) -> int:
        """Code values from black to white."""
        return self.peak if self.full else 219 << (self.depth - 8)

    @property
    def grey(self) -> int:
        """Chroma's code value of no colour."""
        return 128 << (self.depth - 8)

    @property
    def chroma_range(self) -> int:
        """Code values from one end of chroma to the other."""
        return self.peak if self.full else 224 << (self.depth - 8)

    @property
    def peak(self) -> int:
        """The largest code value."""
        return (1 << self.depth) - 1

    @property
    def from_chroma(self) -> tuple[float, float, float, float]:
        """What U adds to blue and to green, and V to red and to green, of chroma in -0.5 to 0.5."""
        blue, red, green = 2 * (1 - self.kb), 2 * (1 - self.kr), 1 - self.kr - self.kb
        return blue, -blue * self.kb / green, red, -red * self.kr / green


def planes(frame: npt.NDArray[Any], width: int, height: int) -> Planes:
    """Views of Y (height, width), U and V (height / 2, width / 2) in a frame of (height * 3 / 2, width)."""
    values, luma, chroma = frame.reshape(-1), width * height, width * height // 4
    small = height // 2, width // 2
    return (
        values[:luma].reshape(height, width),
        values[luma : luma + chroma].reshape(small),
        values[luma + chroma :].reshape(small),
    )


def joined(parts: Planes) -> npt.NDArray[Any]:
    """A frame of (height * 3 / 2, width) with these planes."""
    height, width = parts[0].shape
    return np.concatenate([np.ravel(part) for part in parts]).reshape(height * 3 // 2, width)


def to_rgb(parts: Planes, coding: Yuv420) -> Floats:
    """Planes to (height, width, 3) in [0, 1]."""
    luma = (parts[0].astype(np.float32) - coding.black) / np.float32(coding.luma_range)
    u, v = (
        _enlarged((part.astype(np.float32) - coding.grey) / np.float32(coding.chroma_range)) for part in parts[1:]
    )
    blue, green_u, red, green_v = map(np.float32, coding.from_chroma)
    image: Floats = np.stack([luma + red * v, luma + green_u * u + green_v * v, luma + blue * u], axis=2)
    return image.clip(0, 1)


def from_rgb(image: npt.NDArray[np.floating[Any]], coding: Yuv420) -> Planes:
    """(height, width, 3) in [0, 1] to planes of `coding.depth` bits, rounded half to even."""
    luma = _luma(image, coding)
    reduced = _reduced(image)
    small, blue, red = _luma(reduced, coding), reduced[..., 2], reduced[..., 0]
    u = (blue - small) / (2 * (1 - coding.kb)) * coding.chroma_range + coding.grey
    v = (red - small) / (2 * (1 - coding.kr)) * coding.chroma_range + coding.grey
    dtype = np.uint8 if coding.depth == 8 else np.uint16
    y, u, v = (np.rint(np.clip(part, 0, coding.peak)).astype(dtype) for part in (_coded(luma, coding), u, v))
    return y, u, v


def _coded(luma: npt.NDArray[Any], coding: Yuv420) -> npt.NDArray[Any]:
    return luma * coding.luma_range + coding.black


def _luma(image: npt.NDArray[Any], coding: Yuv420) -> npt.NDArray[Any]:
    weights = coding.kr, 1 - coding.kr - coding.kb, coding.kb
    return sum(image[..., colour] * np.float32(weight) for colour, weight in enumerate(weights))  # type: ignore[return-value]


def _enlarged(chroma: Floats) -> Floats:
    """(h, w) to (2 h, 2 w)."""
    height, width = chroma.shape
    wide = np.empty((height, width * 2), np.float32)
    wide[:, ::2], wide[:, 1::2] = chroma, _weighted(chroma, 1, ACROSS, first=-1)
    high = np.empty((height * 2, width * 2), np.float32)
    high[::2], high[1::2] = _weighted(wide, 0, DOWN[0], first=-2), _weighted(wide, 0, DOWN[1], first=-1)
    return high


def _reduced(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(2 h, 2 w, 3) to (h, w, 3)."""
    return _weighted(_weighted(image, 1, COLUMNS, first=-3, step=2), 0, ROWS, first=-3, step=2)


def _weighted(
    values: npt.NDArray[Any], axis: int, weights: tuple[float, ...], *, first: int, step: int = 1
) -> npt.NDArray[Any]:
    """Of each `step`-th sample along an axis, the weighted sum of those around it, from `first` on.

    Beyond an edge its last sample goes on.
    """
    length = values.shape[axis]
    at = np.arange(0, length, step)
    parts = (
        values.take(np.clip(at + first + number, 0, length - 1), axis) * np.float32(weight)
        for number, weight in enumerate(weights)
        if weight
    )
    total: npt.NDArray[Any] = sum(parts)  # type: ignore[assignment]
    return total
