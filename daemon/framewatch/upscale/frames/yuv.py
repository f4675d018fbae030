"""YUV 4:2:0: how planes are coded, and the conversion to RGB and back in plain numpy.

A frame of planes has half the bytes of one in RGB, is what decoders return and encoders take, and is converted on the
device where the network runs. What an engine computes there is compared with this module.

Chroma is sited at the left of two luma columns and between two luma rows, as in MPEG-2, H.264 and HEVC. It is
upsampled by the bicubic filter that ffmpeg's scaler uses (R. Keys, "Cubic Convolution Interpolation for Digital Image
Processing", 1981, with A = -0.6), and downsampled by the same filter stretched to twice its width. So a frame is the
same as one that went through ffmpeg's RGB, within one step of 8 bits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Planes = tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]
"""Y (height, width), U and V (height / 2, width / 2)."""

_A = -0.6
CHROMA_REACH = 8  # input pixels, at most, that an output pixel's chroma depends on beyond the network's own halo


def _keys(distance: float) -> float:
    """Keys' cubic convolution kernel, at a distance in samples."""
    x = abs(distance)
    if x < 1:
        return (_A + 2) * x**3 - (_A + 3) * x**2 + 1
    return _A * x**3 - 5 * _A * x**2 + 8 * _A * x - 4 * _A if x < 2 else 0.0


UPSAMPLE_COLUMN = tuple(_keys(0.5 - offset) for offset in (-1, 0, 1, 2))
"""Weights of chroma samples -1 to 2 for an odd luma column; an even one has a chroma sample of its own."""

UPSAMPLE_ROW = (
    tuple(_keys(-0.25 - offset) for offset in (-2, -1, 0, 1)),
    tuple(_keys(0.25 - offset) for offset in (-1, 0, 1, 2)),
)
"""Weights of chroma samples -2 to 1 for an even luma row, and -1 to 2 for an odd one."""

DOWNSAMPLE_COLUMN = tuple(_keys(offset / 2) / 2 for offset in range(-3, 4))
"""Weights of luma columns -3 to 3 around a chroma sample's own."""

DOWNSAMPLE_ROW = tuple(_keys((offset - 0.5) / 2) / 2 for offset in range(-3, 5))
"""Weights of luma rows -3 to 4 around a chroma sample's own."""


@dataclass(frozen=True, slots=True)
class Yuv420:
    """How the samples of a frame's planes are coded.

    Args:
        kr: the matrix's weight of red in luma (ITU-T H.273, table 4).
        kb: the same of blue.
        full: whether the range is full; otherwise black is 16 and white 235, times 2^(depth - 8).
        depth: bits of a sample. 8 are stored in a byte, more in the low bits of two.
        out_depth: the same of the frames that an engine returns.
    """

    kr: float
    kb: float
    full: bool = False
    depth: int = 8
    out_depth: int = 8

    @property
    def out(self) -> Yuv420:
        """The coding of the frames that an engine returns."""
        return replace(self, depth=self.out_depth)

    @property
    def black(self) -> int:
        """The luma sample of black."""
        return 0 if self.full else 16 << (self.depth - 8)

    @property
    def luma_range(self) -> int:
        """White's luma minus black's."""
        return self.peak if self.full else 219 << (self.depth - 8)

    @property
    def grey(self) -> int:
        """The chroma sample of grey."""
        return 128 << (self.depth - 8)

    @property
    def chroma_range(self) -> int:
        """The largest chroma minus the smallest."""
        return self.peak if self.full else 224 << (self.depth - 8)

    @property
    def peak(self) -> int:
        """The largest sample that the depth allows."""
        return (1 << self.depth) - 1

    @property
    def from_chroma(self) -> tuple[float, float, float, float]:
        """What U adds to blue and to green, and V to red and to green, for chroma in -0.5 to 0.5 (ITU-T H.273)."""
        blue, red, green = 2 * (1 - self.kb), 2 * (1 - self.kr), 1 - self.kr - self.kb
        return blue, -blue * self.kb / green, red, -red * self.kr / green


def split_planes(frame: npt.NDArray[Any], width: int, height: int) -> Planes:
    """Return views of the planes in a frame of (height * 3 / 2, width)."""
    samples, luma, chroma = frame.reshape(-1), width * height, width * height // 4
    small = height // 2, width // 2
    return (
        samples[:luma].reshape(height, width),
        samples[luma : luma + chroma].reshape(small),
        samples[luma + chroma :].reshape(small),
    )


def join_planes(planes: Planes) -> npt.NDArray[Any]:
    """Return a frame of (height * 3 / 2, width) with a copy of these planes."""
    height, width = planes[0].shape
    return np.concatenate([np.ravel(plane) for plane in planes]).reshape(height * 3 // 2, width)


def to_rgb(planes: Planes, coding: Yuv420) -> Floats:
    """Convert planes to (height, width, 3) float32, clamped to [0, 1]."""
    luma = (planes[0].astype(np.float32) - coding.black) / np.float32(coding.luma_range)
    u, v = (
        _upsampled((plane.astype(np.float32) - coding.grey) / np.float32(coding.chroma_range)) for plane in planes[1:]
    )
    blue, green_u, red, green_v = map(np.float32, coding.from_chroma)
    image: Floats = np.stack([luma + red * v, luma + green_u * u + green_v * v, luma + blue * u], axis=2)
    return image.clip(0, 1)


def from_rgb(image: npt.NDArray[np.floating[Any]], coding: Yuv420) -> Planes:
    """Convert (height, width, 3) in [0, 1] to planes of `coding.depth` bits, rounded half to even."""
    y = _luma(image, coding) * coding.luma_range + coding.black
    small = _downsampled(image)
    luma, blue, red = _luma(small, coding), small[..., 2], small[..., 0]
    u = (blue - luma) / (2 * (1 - coding.kb)) * coding.chroma_range + coding.grey
    v = (red - luma) / (2 * (1 - coding.kr)) * coding.chroma_range + coding.grey
    dtype = np.uint8 if coding.depth == 8 else np.uint16
    y, u, v = (np.rint(np.clip(plane, 0, coding.peak)).astype(dtype) for plane in (y, u, v))
    return y, u, v


def _luma(image: npt.NDArray[Any], coding: Yuv420) -> npt.NDArray[Any]:
    weights = coding.kr, 1 - coding.kr - coding.kb, coding.kb
    return sum(image[..., colour] * np.float32(weight) for colour, weight in enumerate(weights))  # type: ignore[return-value]


def _upsampled(chroma: Floats) -> Floats:
    """(h, w) to (2 h, 2 w)."""
    height, width = chroma.shape
    wide = np.empty((height, width * 2), np.float32)
    wide[:, ::2], wide[:, 1::2] = chroma, _filtered(chroma, 1, UPSAMPLE_COLUMN, first=-1)
    high = np.empty((height * 2, width * 2), np.float32)
    high[::2] = _filtered(wide, 0, UPSAMPLE_ROW[0], first=-2)
    high[1::2] = _filtered(wide, 0, UPSAMPLE_ROW[1], first=-1)
    return high


def _downsampled(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(2 h, 2 w, 3) to (h, w, 3)."""
    narrow = _filtered(image, 1, DOWNSAMPLE_COLUMN, first=-3, step=2)
    return _filtered(narrow, 0, DOWNSAMPLE_ROW, first=-3, step=2)


def _filtered(
    values: npt.NDArray[Any], axis: int, weights: tuple[float, ...], *, first: int, step: int = 1
) -> npt.NDArray[Any]:
    """Return the weighted sum around each `step`-th sample along an axis, from the sample at `first` on.

    The edges are repeated.
    """
    length = values.shape[axis]
    at = np.arange(0, length, step)
    terms = (
        values.take(np.clip(at + first + number, 0, length - 1), axis) * np.float32(weight)
        for number, weight in enumerate(weights)
        if weight
    )
    total: npt.NDArray[Any] = sum(terms)  # type: ignore[assignment]
    return total
