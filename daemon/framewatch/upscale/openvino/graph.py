"""The whole of an upscale as an OpenVINO graph: integers in, integers out, with nothing left to do around it.

Convolutions may run in bf16; the plugin keeps what follows the last one, residual and rounding, in float32. The input
goes into the first convolution as the integers that it is: bf16 holds 0..255 exactly, and most of k/255 not at all.
16-bit values go in as their two bytes for the same reason: arithmetic that splits them in the graph would itself be
done in bf16.

The resize to 2x or 3x is a convolution with stride 4 over what the network adds at 4x (padded with its edge), and
three taps along each axis of the input. An Interpolate node would put the residual through bf16, and is slow.

At 4x the plugin's own order, channels last, is kept to the end: residual and rounding are done on the 48 channels of
an input pixel, and the pixel shuffle then moves bytes, 12 at a time. That is 1 to 4% faster than a shuffle of floats.

Of a network with `int8`, the middle convolutions compute in 8 bits: the plugin finds the FakeQuantize of what goes
into them, and fuses PReLU and the rounding to the next one's steps into each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from framewatch.upscale.frames.frame import Frame, FrameShape
from framewatch.upscale.network.int8 import LEVELS, MAX_WEIGHT, channel_scaled, weight_steps
from framewatch.upscale.network.network import SHUFFLE, Network, Quantised
from framewatch.upscale.network.resize import phase_taps, residual_taps

_BYTE = 256
_HEIGHT, _WIDTH = 2, 3  # axes of NCHW


def build(network: Network, shape: FrameShape, scale: int) -> Any:
    """Build a graph for RGB frames of one shape.

    Args:
        network: what to compute, in 8 bits where it has `int8`.
        shape: of the frames.
        scale: 2, 3 or 4.

    Returns:
        An `openvino.Model` that takes `as_bytes` of a frame and returns (1, h * scale, w * scale, 3) of the shape's
        dtype, clamped, then rounded half to even.
    """
    import openvino  # noqa: PLC0415 - loaded when this engine is first asked for
    from openvino import opset13 as ops  # noqa: PLC0415

    dtype = openvino.Type.u8 if shape.dtype == "uint8" else openvino.Type.u16
    channels = 3 * np.dtype(shape.dtype).itemsize
    frame = ops.parameter([1, shape.height, shape.width, channels], openvino.Type.u8)
    byte_planes = ops.transpose(ops.convert(frame, "f32"), [0, 3, 1, 2])
    builder = _GraphBuilder(ops, network, shape, scale)
    if scale == SHUFFLE:
        upscaled = builder.shuffled(ops.convert(builder.rounded(builder.summed_at_4x(byte_planes)), dtype))
    else:
        residual = builder.residual(builder.image(byte_planes, builder.byte_values()))
        summed = builder.summed(builder.added(byte_planes), residual)
        rounded = builder.rounded(ops.multiply(summed, np.float32(shape.peak)))
        upscaled = ops.convert(ops.transpose(rounded, [0, 2, 3, 1]), dtype)
    return openvino.Model([ops.result(upscaled)], [frame], "framewatch")


def as_bytes(frame: Frame) -> Frame:
    """Return a frame as the graph takes it: (1, h, w, 3) bytes, or (1, h, w, 6), low bytes first."""
    return frame.astype(frame.dtype.newbyteorder("<"), copy=False).view(np.uint8)[None]


class _GraphBuilder:
    """Builds the parts of a graph.

    `byte_planes` is the input, (1, 3 or 6, h, w) float32 from 0 to 255. Between the parts an image is
    (1, 3 * s * s, h, w): a block of s x s output pixels for each input pixel. At 4x it is (1, h, w, s * s, 3): the
    pixels of a block, each with its colours.
    """

    def __init__(self, ops: Any, network: Network, shape: FrameShape, scale: int) -> None:
        self.ops = ops
        self.network = network
        self.shape = shape
        self.scale = scale

    def added(self, byte_planes: Any) -> Any:
        """Return what the network adds to the enlarged input, as blocks of `scale`."""
        values = byte_planes
        known = self.network.int8
        layers = channel_scaled(self.network.layers, known) if known else self.network.layers
        for number, layer in enumerate(layers):
            weights = self.byte_weights(layer.weights) if number == 0 else layer.weights
            if 0 < number <= len(known):
                values = self.quantised(values, known[number - 1])
                weights = self.quantised_weights(layer.weights)
            values = self.convolution(values, weights, padding=1)
            values = self.ops.add(values, layer.biases.reshape(1, -1, 1, 1))
            if layer.slopes is not None:
                values = self.ops.prelu(values, layer.slopes)
        return values if self.scale == SHUFFLE else self.resized(values)

    def summed_at_4x(self, byte_planes: Any) -> Any:
        """At 4x: the enlarged input plus what the network adds, as integer values that are not rounded yet."""
        height, width, size = self.shape.height, self.shape.width, SHUFFLE * SHUFFLE
        *layers, last = self.network.layers
        order = np.arange(3 * size).reshape(3, size).T.reshape(-1)  # colours last
        last = replace(last, weights=last.weights[order], biases=last.biases[order])
        reordered = replace(self.network, layers=(*layers, last))
        added = _GraphBuilder(self.ops, reordered, self.shape, self.scale).added(byte_planes)
        pixels = self.ops.reshape(self.ops.transpose(added, [0, 2, 3, 1]), [1, height, width, size, 3], False)
        own = self.image(byte_planes, _BYTE ** np.arange(np.dtype(self.shape.dtype).itemsize, dtype=np.float32))
        own = self.ops.reshape(self.ops.transpose(own, [0, 2, 3, 1]), [1, height, width, 1, 3], False)
        return self.ops.add(self.ops.multiply(pixels, np.float32(self.shape.peak)), own)

    def rounded(self, values: Any) -> Any:
        """Values clamped to the dtype, then rounded half to even."""
        return self.ops.round(self.ops.clamp(values, 0.0, float(self.shape.peak)), "half_to_even")

    def shuffled(self, pixels: Any) -> Any:
        """At 4x: the pixels of the blocks moved to their positions: (1, h * 4, w * 4, 3)."""
        height, width = self.shape.height, self.shape.width
        rows = self.ops.reshape(pixels, [1, height, width, SHUFFLE, 3 * SHUFFLE], False)
        placed = self.ops.transpose(rows, [0, 1, 3, 2, 4])
        return self.ops.reshape(placed, [1, height * SHUFFLE, width * SHUFFLE, 3], False)

    def quantised(self, values: Any, one: Quantised) -> Any:
        """Activations rounded to 8 bits with one step; they come in already divided by their channels' scales."""
        ends = np.float32(-one.zero * one.step), np.float32((LEVELS - 1 - one.zero) * one.step)
        return self.ops.fake_quantize(values, *ends, *ends, LEVELS)

    def quantised_weights(self, weights: npt.NDArray[np.float32]) -> Any:
        """Weights rounded to 8 bits around 0, with a step for each output channel."""
        most = MAX_WEIGHT * weight_steps(weights)[:, None, None, None]
        return self.ops.fake_quantize(self.ops.constant(weights), -most, most, -most, most, 2 * MAX_WEIGHT + 1)

    def byte_weights(self, weights: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the first layer's weights for bytes instead of values in [0, 1]."""
        for_bytes = weights[:, :, None] * self.byte_values()[:, None, None]
        return for_bytes.reshape(weights.shape[0], -1, *weights.shape[2:])

    def byte_values(self) -> npt.NDArray[np.float32]:
        """Return what a step of each byte of a value is worth, as a share of white."""
        values = _BYTE ** np.arange(np.dtype(self.shape.dtype).itemsize)
        return (values / self.shape.peak).astype(np.float32)

    def image(self, byte_planes: Any, values: npt.NDArray[np.float32]) -> Any:
        """Return the input in float32, each byte of a value weighted by `values`: (1, 3, h, w)."""
        terms = [
            self.ops.multiply(self.ops.slice(byte_planes, [first], [3 * values.size], [values.size], [1]), value)
            for first, value in enumerate(values)
        ]
        return reduce(self.ops.add, terms)

    def resized(self, values: Any) -> Any:
        """Blocks of 4 to blocks of 2 or 3: each reads 6 x 6 pixels at 4x, one beyond its own on each side."""
        taps = phase_taps(self.scale)
        kernel = np.einsum("ay,bx->abyx", taps, taps)
        size = self.scale * self.scale
        weights = np.zeros((3, size, 3, *kernel.shape[2:]), np.float32)
        for colour in range(3):
            weights[colour, :, colour] = kernel.reshape(size, *kernel.shape[2:])
        shuffled = self.ops.depth_to_space(values, "depth_first", SHUFFLE)
        padded = self.padded(shuffled)
        return self.convolution(padded, weights.reshape(3 * size, 3, *kernel.shape[2:]), stride=SHUFFLE)

    def residual(self, image: Any) -> Any:
        """Return the enlarged input: (1, 3, s * s, h, w)."""
        padded = self.padded(image)
        rows = self.phases(padded, _HEIGHT, self.shape.height)
        blocks = [block for row in rows for block in self.phases(row, _WIDTH, self.shape.width)]
        return self.ops.concat([self.ops.unsqueeze(block, [2]) for block in blocks], 2)

    def phases(self, values: Any, axis: int, length: int) -> list[Any]:
        """For each output pixel of a block, the weighted sum of three input pixels along one axis."""
        return [self.filtered(values, axis, length, taps) for taps in residual_taps(self.scale)]

    def filtered(self, values: Any, axis: int, length: int, taps: Sequence[float]) -> Any:
        """Return the sum of slices along an axis, each weighted by a tap; taps that are zero are left out."""
        terms = [
            self.ops.multiply(self.ops.slice(values, [start], [start + length], [1], [axis]), np.float32(weight))
            for start, weight in enumerate(taps)
            if abs(weight) > 1e-9
        ]
        return reduce(self.ops.add, terms)

    def summed(self, added: Any, residual: Any) -> Any:
        """Return the residual plus what the network adds, as an image: (1, 3, h * s, w * s)."""
        height, width, size = self.shape.height, self.shape.width, self.scale * self.scale
        blocks = self.ops.add(self.ops.reshape(added, [1, 3, size, height, width], False), residual)
        flat = self.ops.reshape(blocks, [1, 3 * size, height, width], False)
        return self.ops.depth_to_space(flat, "depth_first", self.scale)

    def padded(self, values: Any) -> Any:
        """One pixel more on each side, a copy of the edge."""
        return self.ops.pad(values, [0, 0, 1, 1], [0, 0, 1, 1], "edge")

    def convolution(self, values: Any, weights: Any, stride: int = 1, padding: int = 0) -> Any:
        """Return a convolution that is padded with zeros."""
        pads = [padding, padding]
        return self.ops.convolution(values, weights, [stride, stride], pads, pads, [1, 1])
