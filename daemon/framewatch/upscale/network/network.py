"""The one network that every engine runs: SRVGGNetCompact, parsed from an ncnn weight file.

conv3x3 3->F, then `depth` times (PReLU, conv3x3 F->F), PReLU, conv3x3 F->48, pixel shuffle by 4, plus the input
enlarged 4x by nearest neighbour. RGB in [0, 1]. Every convolution pads with one zero on each side. (Real-ESRGAN,
`realesrgan/archs/srvgg_arch.py`; realesr-animevideov3 has F = 64 and depth = 16.)

Every engine is made from this definition, so that a new one has one reference to match.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from framewatch.errors import ModelMissingError

Floats = npt.NDArray[np.float32]

SHUFFLE = 4  # the network's own scale; 2x and 3x are resized from its output

_COLOURS = 3
_KERNEL = 9  # taps of a 3x3 convolution
_FLOAT16_TAG = 0x01306B47  # ncnn's mark of weights that are stored as float16


@dataclass(frozen=True, slots=True)
class Layer:
    """A 3x3 convolution and the PReLU after it."""

    weights: Floats  # (out, in, 3, 3)
    biases: Floats  # (out,)
    slopes: Floats | None  # (out,): the PReLU's slope below zero; None after the last convolution


@dataclass(frozen=True, slots=True)
class Quantised:
    """The input of a convolution in 8 bits: value = (level - zero) * step * scale of its channel."""

    scales: Floats  # (in,)
    step: float
    zero: int  # the level of 0
    biases: Floats  # (out,): the convolution's, corrected by the mean error of 8 bits


@dataclass(frozen=True, slots=True)
class Network:
    """The layers, and the bytes that they were read from, for a runtime that reads those itself."""

    layers: tuple[Layer, ...]
    raw: bytes
    # Of the middle convolutions, where 8 bits are allowed and calibrated. They are allowed by the network and not by
    # an argument, so that an engine which knows nothing of 8 bits simply ignores them.
    int8: tuple[Quantised, ...] = ()

    @property
    def features(self) -> int:
        """Channels between the layers."""
        return int(self.layers[0].weights.shape[0])

    @property
    def receptive_field(self) -> int:
        """Input pixels in each direction that an output pixel depends on: one for each convolution."""
        return len(self.layers)

    def halo(self, scale: int) -> int:
        """Input pixels that a tile needs around what it keeps; the resize to 2x or 3x reaches one further."""
        return self.receptive_field + (scale != SHUFFLE)


def parse(raw: bytes, name: str, features: int = 64, depth: int = 16) -> Network:
    """Parse a weight file.

    For each convolution, in the order of the layers, little endian: a uint32 tag, float16 weights padded to 4 bytes,
    float32 biases, and float32 slopes where a PReLU follows.

    Args:
        raw: the whole file.
        name: what to call it in a message.
        features: channels between the layers.
        depth: convolutions between the first and the last.

    Raises:
        ModelMissingError: `models.corrupt`: not this network's file, cut off, or with bytes left over.
    """
    reader = _Reader(raw, name)
    layers = tuple(reader.layer(*sizes) for sizes in _sizes(features, depth))
    if reader.at != len(raw):
        raise reader.error(f"{len(raw) - reader.at} bytes are left over")
    return Network(layers, raw)


def _sizes(features: int, depth: int) -> Iterator[tuple[int, int, bool]]:
    yield _COLOURS, features, True
    for _ in range(depth):
        yield features, features, True
    yield features, _COLOURS * SHUFFLE * SHUFFLE, False


class _Reader:
    """Takes arrays from the bytes of a file, in order."""

    def __init__(self, raw: bytes, name: str) -> None:
        self.raw = raw
        self.name = name
        self.at = 0

    def layer(self, inputs: int, outputs: int, prelu: bool) -> Layer:
        tag = int(self.take("<u4", 1)[0])
        if tag != _FLOAT16_TAG:
            raise self.error(f"no float16 weights at byte {self.at - 4}: tag {tag:#010x}")
        weights = self.take("<f2", outputs * inputs * _KERNEL).astype(np.float32)
        self.at += -self.at % 4
        biases = self.take("<f4", outputs).astype(np.float32)
        slopes = self.take("<f4", outputs).astype(np.float32) if prelu else None
        return Layer(weights.reshape(outputs, inputs, 3, 3), biases, slopes)

    def take(self, dtype: str, count: int) -> npt.NDArray[Any]:
        size = count * np.dtype(dtype).itemsize
        if self.at + size > len(self.raw):
            raise self.error(f"it ends at byte {len(self.raw)}, in the middle of a layer")
        values = np.frombuffer(self.raw, dtype, count, self.at)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise self.error(f"a weight after byte {self.at} is not a finite number")
        self.at += size
        return values

    def error(self, what: str) -> ModelMissingError:
        message = f"{self.name} does not have this network's weights: {what}"
        return ModelMissingError(message, code="models.corrupt")
