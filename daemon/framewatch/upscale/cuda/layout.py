"""How the CUDA kernels cut a frame, lay out weights and are launched: arithmetic and numpy, no GPU.

The sizes here are those of `kernels/*.cu`, which explain them; a test compares both.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np
import numpy.typing as npt

from framewatch.upscale.network.network import Layer

Halves = npt.NDArray[np.float16]

Kind = Literal["hopper", "ampere"]
"""Which convolution: by warpgroup products (wgmma), or by a warp's (mma), which every later GPU has too."""

CHANNELS = 64  # of the network that the kernels support
PLANES = CHANNELS // 8
PIXEL_BYTES = 16  # of a plane: 8 channels in float16
RING = 6  # rows in shared memory: two warpgroups use three each, of which they share two, and two are on their way
WEIGHT_BYTES = 9 * CHANNELS * CHANNELS * 2
HEAD_TILE = 128  # pixels
TAIL_THREADS = 128
PLANES_THREADS = 128  # of the conversions between planes and RGB
PACK_STRIP = 4  # chroma rows of a thread

_LEFT = 8  # columns before the frame
_WIDEST = 192  # pixels: six rows of them and the weights fill shared memory
_ROW_CHANGE = 6  # pixels that could be computed while one row's products give way to the next
_STEP = 16  # pixels that a warp writes at once
_CONSUMER_WARPS = 8
_STAGING_BYTES = 1024  # of a warp
_BARRIER_BYTES = 8
_HOPPER_THREADS = 288  # two warpgroups and the warp that copies
_ROWS, _COLUMNS = 8, 32  # pixels of a block of Ampere's convolution
_AMPERE_THREADS = 128
_HEAD_THREADS = 128
_SLACK_ROWS = _ROWS + 2  # stored rows that the last block's border may reach below the frame

_MIN_CAPABILITY = (8, 0)  # compute capability: mma.sync on float16 with cp.async
_HOPPER = (9, 0)  # the only one with wgmma


@dataclass(frozen=True, slots=True)
class Launch:
    """The launch of a kernel."""

    blocks: tuple[int, int, int]
    threads: int  # of a block
    shared_bytes: int = 0  # dynamic shared memory of a block


@dataclass(frozen=True, slots=True)
class Grid:
    """How a frame is cut into strips, and how its activations lie in memory."""

    width: int  # pixels of the frame
    height: int
    tile: int  # pixels of a strip's row, which is the width of one warpgroup product
    strips: int

    @property
    def pitch(self) -> int:
        """Pixels of a stored row: the strips, and zeros on both sides."""
        return _LEFT + self.tile * self.strips + _LEFT

    @property
    def activation_bytes(self) -> int:
        """One layer's output, borders included."""
        return (PLANES * (self.height + 2) + _SLACK_ROWS) * self.pitch * PIXEL_BYTES

    def head(self) -> Launch:
        """Return the launch of the first convolution."""
        return Launch((ceil(self.width / HEAD_TILE), self.height, 1), _HEAD_THREADS)

    def conv(self, kind: Kind, processors: int) -> Launch:
        """Return the launch of one of the other convolutions.

        Hopper's blocks are persistent: one on each of the GPU's multiprocessors walks through its share of the rows.
        """
        if kind == "ampere":
            return Launch((ceil(self.width / _COLUMNS), ceil(self.height / _ROWS), 1), _AMPERE_THREADS)
        row = PLANES * (self.tile + 2) * PIXEL_BYTES
        staging = _CONSUMER_WARPS * _STAGING_BYTES
        shared = RING * row + WEIGHT_BYTES + staging + _BARRIER_BYTES * (2 * RING + 1)
        return Launch((min(processors, self.strips * self.height), 1, 1), _HOPPER_THREADS, shared)

    def tail(self) -> Launch:
        """Return the launch of what comes after the last convolution."""
        return Launch((ceil(self.width / TAIL_THREADS), self.height, 1), TAIL_THREADS)


def unpack(width: int, height: int) -> Launch:
    """Return the launch from planes to RGB: a thread for each chroma sample of a frame of this size."""
    return Launch((ceil(width / 2 / PLANES_THREADS), height // 2, 1), PLANES_THREADS)


def pack(width: int, height: int) -> Launch:
    """Return the launch from RGB to planes: a thread for several chroma samples of a column."""
    return Launch((ceil(width / 2 / PLANES_THREADS), ceil(height / 2 / PACK_STRIP), 1), PLANES_THREADS)


def grid(width: int, height: int) -> Grid:
    """Return the strips that cover a frame with the least work, none wider than shared memory allows."""
    least = ceil(width / _WIDEST)
    tiles = {strips: ceil(width / strips / _STEP) * _STEP for strips in range(least, 2 * least + 2)}
    strips = min(tiles, key=lambda count: count * (tiles[count] + _ROW_CHANGE))
    return Grid(width, height, tiles[strips], strips)


def kind(capability: tuple[int, int]) -> Kind | None:
    """Return the convolution for a GPU of this compute capability; None: it is too old."""
    if capability == _HOPPER:
        return "hopper"
    return "ampere" if capability >= _MIN_CAPABILITY else None


def conv_weights(layer: Layer, kind: Kind) -> Halves:
    """Return a layer's weights as the convolution reads them; missing outputs are zero.

    Returns:
        For Hopper (9 taps, 8 planes of inputs, 64 outputs, 8 inputs). For Ampere (37, 4, 32, 8), as `fragments`: 36
        steps of 16 inputs, tap by tap, and one of zeros, which is read ahead and not used.
    """
    outputs, inputs = layer.weights.shape[:2]
    padded = np.zeros((CHANNELS, inputs, 9), np.float16)
    padded[:outputs] = layer.weights.reshape(outputs, inputs, 9)
    if kind == "hopper":
        return np.ascontiguousarray(padded.reshape(CHANNELS, PLANES, 8, 9).transpose(3, 1, 0, 2))
    steps = fragments(padded.transpose(0, 2, 1).reshape(CHANNELS, 9 * inputs))
    return np.concatenate([steps, np.zeros_like(steps[:1])])


def head_weights(layer: Layer, value_bytes: int) -> Halves:
    """Return the first layer's weights, as `fragments`.

    The sum runs over (byte, row, column, colour) and is padded with zeros. High and low byte of a 16-bit value have
    the same weights, because the high byte comes in times 256.
    """
    values = layer.weights.transpose(0, 2, 3, 1).reshape(CHANNELS, 27)
    summed = np.zeros((CHANNELS, 32 * value_bytes), np.float16)
    summed[:, : 27 * value_bytes] = np.tile(values, (1, value_bytes))
    return fragments(summed)


def fragments(matrix: Halves) -> Halves:
    """Return what each lane of a warp holds of mma.m16n8k16's left operand (PTX ISA, "Matrix fragments").

    Args:
        matrix: (64, n).

    Returns:
        (n / 16, 4 blocks of 16 rows, 32 lanes, 8 values).
    """
    lane = np.arange(32)
    row = (lane // 4)[:, None] + np.array([0, 0, 8, 8, 0, 0, 8, 8])
    column = (lane % 4 * 2)[:, None] + np.array([0, 1, 0, 1, 8, 9, 8, 9])
    blocks = matrix.reshape(4, 16, -1, 16).transpose(2, 0, 1, 3)
    return np.ascontiguousarray(blocks[:, :, row, column])


def biases(layer: Layer) -> npt.NDArray[np.float32]:
    """Return (64,), padded with zeros."""
    return _padded(layer.biases)


def slopes(layer: Layer) -> Halves:
    """Return (64, 2): each slope twice, for two values at once; without PReLU 1, which changes nothing."""
    values = np.ones(CHANNELS, np.float32) if layer.slopes is None else _padded(layer.slopes)
    return np.repeat(values.astype(np.float16)[:, None], 2, axis=1)


def _padded(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    padded = np.zeros(CHANNELS, np.float32)
    padded[: values.size] = values
    return padded
