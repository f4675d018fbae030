"""YUV 4:2:0: how planes are coded, and the conversion to RGB and back in plain numpy.

A frame of planes has half the bytes of one in RGB, is what decoders return and encoders take, and is converted on the
device where the network runs. What an engine computes there is compared with this module.

Chroma is upsampled from where it lies between the luma samples, by the bicubic filter that ffmpeg's scaler uses
(R. Keys, "Cubic Convolution Interpolation for Digital Image Processing", 1981, with A = -0.6), and downsampled by
the same filter stretched to twice its width. So a frame is the same as one that went through ffmpeg's RGB, within
one step of 8 bits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Planes = tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]
"""Y (height, width), U and V (height / 2, width / 2)."""

Siting = Literal["left", "center", "topleft", "top", "bottomleft", "bottom"]
"""Where a chroma sample lies among its 2 x 2 luma samples (ITU-T H.273, figure 1)."""

CHROMA_SHARES: dict[Siting, tuple[float, float]] = {
    "left": (0, 0.5),
    "center": (0.5, 0.5),
    "topleft": (0, 0),
    "top": (0.5, 0),
    "bottomleft": (0, 1),
    "bottom": (0.5, 1),
}
"""Where that is, as shares of the way from the first to the last luma sample that share it: across, down."""

_A = -0.6
CHROMA_REACH = 8  # input pixels, at most, that an output pixel's chroma depends on beyond the network's own halo


def _keys(distance: float) -> float:
    """Keys' cubic convolution kernel, at a distance in samples."""
    x = abs(distance)
    if x in (1, 2):
        return 0.0  # which the sums below miss by a rounding error
    if x < 1:
        return (_A + 2) * x**3 - (_A + 3) * x**2 + 1
    return _A * x**3 - 5 * _A * x**2 + 8 * _A * x - 4 * _A if x < 2 else 0.0


UPSAMPLE_FIRST = (-2, -1)
"""The chroma samples, counted from their own, at which the taps of the first and the second luma sample begin."""

DOWNSAMPLE_FIRST = -3
"""The luma sample, counted from the first of two, at which the taps of their chroma sample begin."""


@cache
def upsample_taps(position: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the weights of four chroma samples for the first, and for the second, of two luma samples.

    `position`: of the chroma sample, in luma samples from the first.
    """
    first, second = (
        tuple(_keys((luma - position) / 2 - sample) for sample in range(start, start + 4))
        for luma, start in enumerate(UPSAMPLE_FIRST)
    )
    return first, second


@cache
def downsample_taps(position: float) -> tuple[float, ...]:
    """Return the weights of eight luma samples for the chroma sample of two of them, at this position."""
    return tuple(_keys((luma - position) / 2) / 2 for luma in range(DOWNSAMPLE_FIRST, DOWNSAMPLE_FIRST + 8))


@dataclass(frozen=True, slots=True)
class Yuv420:
    """How the samples of a frame's planes are coded.

    Args:
        kr: the matrix's weight of red in luma (ITU-T H.273, table 4).
        kb: the same of blue.
        full: whether the range is full; otherwise black is 16 and white 235, times 2^(depth - 8).
        depth: bits of a sample. 8 are stored in a byte, more in the low bits of two.
        out_depth: the same of the frames that an engine returns.
        siting: where chroma samples lie.
        out_siting: the same of the frames that an engine returns.
    """

    kr: float
    kb: float
    full: bool = False
    depth: int = 8
    out_depth: int = 8
    siting: Siting = "left"
    out_siting: Siting = "left"

    @property
    def out(self) -> Yuv420:
        """The coding of the frames that an engine returns."""
        return replace(self, depth=self.out_depth, siting=self.out_siting)

    @property
    def position(self) -> tuple[float, float]:
        """Luma columns and rows from the first luma sample to the first chroma sample."""
        return CHROMA_SHARES[self.siting]  # the way is one column and one row

    @property
    def left_sited(self) -> bool:
        """Whether chroma lies at the left of two columns in all frames, as usual."""
        return (self.siting, self.out_siting) == ("left", "left")

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
        _upsampled((plane.astype(np.float32) - coding.grey) / np.float32(coding.chroma_range), coding.position)
        for plane in planes[1:]
    )
    blue, green_u, red, green_v = map(np.float32, coding.from_chroma)
    image: Floats = np.stack([luma + red * v, luma + green_u * u + green_v * v, luma + blue * u], axis=2)
    return image.clip(0, 1)


def from_rgb(image: npt.NDArray[np.floating[Any]], coding: Yuv420) -> Planes:
    """Convert (height, width, 3) in [0, 1] to planes of `coding.depth` bits, rounded half to even."""
    y = _luma(image, coding) * coding.luma_range + coding.black
    small = _downsampled(image, coding.position)
    luma, blue, red = _luma(small, coding), small[..., 2], small[..., 0]
    u = (blue - luma) / (2 * (1 - coding.kb)) * coding.chroma_range + coding.grey
    v = (red - luma) / (2 * (1 - coding.kr)) * coding.chroma_range + coding.grey
    dtype = np.uint8 if coding.depth == 8 else np.uint16
    y, u, v = (np.rint(np.clip(plane, 0, coding.peak)).astype(dtype) for plane in (y, u, v))
    return y, u, v


def _luma(image: npt.NDArray[Any], coding: Yuv420) -> npt.NDArray[Any]:
    weights = coding.kr, 1 - coding.kr - coding.kb, coding.kb
    return sum(image[..., colour] * np.float32(weight) for colour, weight in enumerate(weights))  # type: ignore[return-value]


def _upsampled(chroma: Floats, position: tuple[float, float]) -> Floats:
    """(h, w) to (2 h, 2 w)."""
    return _doubled(_doubled(chroma, 1, position[0]), 0, position[1])


def _doubled(chroma: Floats, axis: int, position: float) -> Floats:
    pairs = zip(upsample_taps(position), UPSAMPLE_FIRST, strict=True)
    parts = [_filtered(chroma, axis, taps, first=first) for taps, first in pairs]
    height, width = chroma.shape
    interleaved: Floats = np.stack(parts, axis + 1).reshape((height, width * 2) if axis else (height * 2, width))
    return interleaved


def _downsampled(image: npt.NDArray[Any], position: tuple[float, float]) -> npt.NDArray[Any]:
    """(2 h, 2 w, 3) to (h, w, 3)."""
    across, down = map(downsample_taps, position)
    narrow = _filtered(image, 1, across, first=DOWNSAMPLE_FIRST, step=2)
    return _filtered(narrow, 0, down, first=DOWNSAMPLE_FIRST, step=2)


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
