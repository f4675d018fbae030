"""The network's layers in ncnn's text format, made from the one definition that every engine uses.

Frames go through it in one of two ways. Either as planar floats, which the caller converts; or as packed 8-bit RGB,
where layers before and after the network do the conversion. ncnn's package lets nobody run a shader of his own, so
these are layers that it has: on a GPU they cost next to nothing, and half the bytes are moved.
"""

from __future__ import annotations

from framewatch.upscale.network.network import SHUFFLE, Network

INPUT = "data"
OUTPUT = "output"

_MAGIC = "7767517"
_NEAREST, _BICUBIC = 1, 3  # types of ncnn's Interp
_ADD, _MULTIPLY = 0, 2  # of its BinaryOp
_ROUND = 18  # of its UnaryOp
_PACKED_TO_PLANAR, _PLANAR_TO_PACKED = 4, 3  # orders of its Permute, of three axes
_WHITE = 255
PACKED_OFFSET = 1024
"""What packed output is raised by. A float16 from 1024 to 2047 holds the integer part of its value in its low bits,
so
that the low byte of each value is the 8-bit sample."""


def planar_param(network: Network, scale: int) -> str:
    """Return a param file: floats (3, h, w) named INPUT to (3, h * scale, w * scale) named OUTPUT."""
    return _file([f"Input input 0 1 {INPUT}", *_upscaled(network, scale, INPUT, OUTPUT)])


def packed_param(network: Network, scale: int, width: int, height: int) -> str:
    """Return a param file for packed RGB, whose samples are integers from 0 to 255, as floats.

    It takes (h, w, 3) named INPUT and returns (1, h * scale, w * scale * 3) plus PACKED_OFFSET named OUTPUT, clamped
    and rounded. The output's rows are in one channel, because ncnn would interleave four of them otherwise.

    Args:
        network: what to compute.
        scale: 2, 3 or 4.
        width: of the input, in pixels.
        height: likewise.
    """
    before = [
        f"Input input 0 1 {INPUT}",
        f"Permute planes 1 1 {INPUT} planar 0={_PACKED_TO_PLANAR}",
        f"BinaryOp values 1 1 planar values 0={_MULTIPLY} 1=1 2={1 / _WHITE:.9g}",
    ]
    after = [
        f"BinaryOp scale 1 1 upscaled scaled 0={_MULTIPLY} 1=1 2={_WHITE}.0",
        f"Clip clamp 1 1 scaled clamped 0=0.0 1={_WHITE}.0",
        f"UnaryOp round 1 1 clamped rounded 0={_ROUND}",
        f"BinaryOp raise 1 1 rounded raised 0={_ADD} 1=1 2={PACKED_OFFSET}.0",
        f"Permute pack 1 1 raised packed 0={_PLANAR_TO_PACKED}",
        f"Reshape rows 1 1 packed {OUTPUT} 0={3 * width * scale} 1={height * scale} 2=1",
    ]
    return _file([*before, *_upscaled(network, scale, "values", "upscaled"), *after])


def _upscaled(network: Network, scale: int, source: str, result: str) -> list[str]:
    """Return the layers of the network and of the resize, from one blob to another."""
    return [
        f"Split split 1 2 {source} first skip",
        *_convolutions(network),
        f"PixelShuffle shuffle 1 1 last shuffled 0={SHUFFLE}",
        f"Interp enlarge 1 1 skip enlarged 0={_NEAREST} 1={SHUFFLE}.0 2={SHUFFLE}.0",
        *_sum(scale, result),
    ]


def _file(lines: list[str]) -> str:
    blobs = sum(int(line.split()[3]) for line in lines)
    return "\n".join([_MAGIC, f"{len(lines)} {blobs}", *lines, ""])


def _convolutions(network: Network) -> list[str]:
    lines = []
    source = "first"
    for number, layer in enumerate(network.layers):
        outputs, size = layer.weights.shape[0], layer.weights.size
        result = "last" if layer.slopes is None else f"conv{number}"
        lines.append(f"Convolution convolution{number} 1 1 {source} {result} 0={outputs} 1=3 4=1 5=1 6={size}")
        if layer.slopes is not None:
            source = f"prelu{number}"
            lines.append(f"PReLU slope{number} 1 1 {result} {source} 0={outputs}")
    return lines


def _sum(scale: int, result: str) -> list[str]:
    """Return the layers that add the enlarged input and resize to 2x or 3x."""
    if scale == SHUFFLE:
        return [f"BinaryOp add 2 1 shuffled enlarged {result}"]
    ratio = scale / SHUFFLE
    resize = f"Interp resize 1 1 summed {result} 0={_BICUBIC} 1={ratio} 2={ratio}"
    return ["BinaryOp add 2 1 shuffled enlarged summed", resize]
