"""The network's layers in ncnn's text format, made from the one definition that feeds every engine.

Two ways in and out. Planes of floats, converted by whoever calls; or packed codes of 8 bits, where layers around the
network do what else would be done around it: on a GPU they cost next to nothing, and half the bytes are moved.
"""

from __future__ import annotations

from framewatch.upscale.network.network import SHUFFLE, Network

INPUT = "data"
OUTPUT = "output"

_MAGIC = "7767517"
_NEAREST, _BICUBIC = 1, 3  # ncnn's Interp types
_ADD, _MULTIPLY = 0, 2  # its BinaryOp types
_ROUND = 18  # its UnaryOp types
_PACKED_TO_PLANAR, _PLANAR_TO_PACKED = 4, 3  # its Permute orders, of three axes
_WHITE = 255
LIFT = 1024
"""What codes come out on top of: a float16 from 1024 to 2047 has the value's integer part in its low bits, so
that the lower byte of each is the code."""


def text(network: Network, scale: int) -> str:
    """A param file: (3, h, w) floats named INPUT to (3, h * scale, w * scale) named OUTPUT."""
    return _file([f"Input input 0 1 {INPUT}", *_upscaled(network, scale, INPUT, OUTPUT)])


def codes_text(network: Network, scale: int, width: int, height: int) -> str:
    """A param file: (h, w, 3) codes named INPUT to (1, h * scale, w * scale * 3) codes, plus LIFT, named OUTPUT.

    Codes are integers from 0 to 255, as floats. What comes out was clamped and rounded. Its rows are in one channel,
    since ncnn would interleave four of them otherwise.
    """
    before = [
        f"Input input 0 1 {INPUT}",
        f"Permute planes 1 1 {INPUT} planar 0={_PACKED_TO_PLANAR}",
        f"BinaryOp values 1 1 planar values 0={_MULTIPLY} 1=1 2={1 / _WHITE:.9g}",
    ]
    after = [
        f"BinaryOp codes 1 1 upscaled codes 0={_MULTIPLY} 1=1 2={_WHITE}.0",
        f"Clip clamp 1 1 codes clamped 0=0.0 1={_WHITE}.0",
        f"UnaryOp round 1 1 clamped rounded 0={_ROUND}",
        f"BinaryOp lift 1 1 rounded lifted 0={_ADD} 1=1 2={LIFT}.0",
        f"Permute pack 1 1 lifted packed 0={_PLANAR_TO_PACKED}",
        f"Reshape rows 1 1 packed {OUTPUT} 0={3 * width * scale} 1={height * scale} 2=1",
    ]
    return _file([*before, *_upscaled(network, scale, "values", "upscaled"), *after])


def _upscaled(network: Network, scale: int, source: str, result: str) -> list[str]:
    """The network and the resize, from one blob to another."""
    return [
        f"Split split 1 2 {source} first skip",
        *_layers(network),
        f"PixelShuffle shuffle 1 1 last shuffled 0={SHUFFLE}",
        f"Interp enlarge 1 1 skip enlarged 0={_NEAREST} 1={SHUFFLE}.0 2={SHUFFLE}.0",
        *_sum(scale, result),
    ]


def _file(lines: list[str]) -> str:
    blobs = sum(int(line.split()[3]) for line in lines)
    return "\n".join([_MAGIC, f"{len(lines)} {blobs}", *lines, ""])


def _layers(network: Network) -> list[str]:
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
    """Adds the enlarged input, then resizes to 2x or 3x."""
    if scale == SHUFFLE:
        return [f"BinaryOp add 2 1 shuffled enlarged {result}"]
    ratio = scale / SHUFFLE
    resize = f"Interp resize 1 1 summed {result} 0={_BICUBIC} 1={ratio} 2={ratio}"
    return ["BinaryOp add 2 1 shuffled enlarged summed", resize]
