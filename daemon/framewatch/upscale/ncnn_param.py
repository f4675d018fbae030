"""The network's layers in ncnn's text format, made from the one definition that feeds every engine."""

from __future__ import annotations

from framewatch.upscale.network import SHUFFLE, Network

INPUT = "data"
OUTPUT = "output"

_MAGIC = "7767517"
_NEAREST, _BICUBIC = 1, 3  # ncnn's Interp types


def text(network: Network, scale: int) -> str:
    """A param file: (3, h, w) floats named INPUT to (3, h * scale, w * scale) named OUTPUT."""
    lines = [
        f"Input input 0 1 {INPUT}",
        f"Split split 1 2 {INPUT} first skip",
        *_layers(network),
        f"PixelShuffle shuffle 1 1 last shuffled 0={SHUFFLE}",
        f"Interp enlarge 1 1 skip enlarged 0={_NEAREST} 1={SHUFFLE}.0 2={SHUFFLE}.0",
        *_sum(scale),
    ]
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


def _sum(scale: int) -> list[str]:
    """Adds the enlarged input, then resizes to 2x or 3x."""
    if scale == SHUFFLE:
        return [f"BinaryOp add 2 1 shuffled enlarged {OUTPUT}"]
    ratio = scale / SHUFFLE
    resize = f"Interp resize 1 1 summed {OUTPUT} 0={_BICUBIC} 1={ratio} 2={ratio}"
    return ["BinaryOp add 2 1 shuffled enlarged summed", resize]
