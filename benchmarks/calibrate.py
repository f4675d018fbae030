"""Find the 8-bit ranges of the network's activations, and write the file that `precision: fast` computes with.

    python -m benchmarks.calibrate          # writes models/realesr-animevideov3.int8.json; about a minute

Ranges are taken from frames of the real clip as they are, shrunk, with more contrast, and in four levels a colour
(as drawn films have), and are then widened towards what test images with the hardest edges need. A range as wide as
theirs would cost ordinary images 2 dB; one from the clip only would cut off what letters and line art need.

Channels are scaled to equal ranges (PReLU passes a positive factor through unchanged, so this is exact; after
SmoothQuant, Xiao et al. 2023), and each convolution's bias is corrected by the mean error of 8 bits in its output.
Put the printed sha256 and size into models/manifest.yaml.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np

from framewatch import resources
from framewatch.upscale.frames.frame import Frame
from framewatch.upscale.network import weights
from framewatch.upscale.network.int8 import LEVELS, round_activations, round_weights
from framewatch.upscale.network.network import Floats, Layer, Quantised
from framewatch.upscale.network.reference import convolve

CLIP = resources.demo_clip()
OUT = Path(__file__).parents[1] / "models" / "realesr-animevideov3.int8.json"
CLIP_FRAMES = (0, 20, 45, 75)  # tests use others
HEIGHT, WIDTH = 144, 192
DRAWN = ("testsrc", "rgbtestsrc", "smptebars", "pal75bars", "yuvtestsrc", "sierpinski", "mandelbrot")
WIDENING = 0.3  # towards the ranges of drawn images: 0 keeps those of natural ones, 1 covers all
ACTIVATIONS, WEIGHTS = 0.8, 0.2  # how much a channel's range, and the weights that read it, count for its scale
DIGITS = 6

Values = list[Floats]  # of each image: (h, w, channels)


def clip() -> list[Frame]:
    with av.open(str(CLIP)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return [frames[number] for number in CLIP_FRAMES]


def natural() -> list[Frame]:
    """Return parts of the clip, plain, shrunk, with contrast, in four levels."""
    images: list[Frame] = []
    for frame in clip():
        middle = frame[18 : 18 + HEIGHT, 64 : 64 + WIDTH].astype(np.float32)
        halves = frame.reshape(frame.shape[0] // 2, 2, frame.shape[1] // 2, 2, 3).mean((1, 3)).round()
        images += [frame[:HEIGHT, -WIDTH:], frame[-HEIGHT:, :WIDTH], np.tile(halves, (2, 2, 1))[:HEIGHT, :WIDTH]]
        images += [np.clip((middle - middle.mean()) * 2.5 + 128, 0, 255).round(), np.round(middle / 85) * 85]
    return [image.astype(np.uint8) for image in images]


def drawn() -> list[Frame]:
    """Return ffmpeg's test images."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i"]
    end = ["-frames:v", "1", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"]
    images = []
    for source in DRAWN:
        done = subprocess.run([*command, f"{source}=size={WIDTH}x{HEIGHT}", *end], capture_output=True, check=True)
        images.append(np.frombuffer(done.stdout, np.uint8).reshape(HEIGHT, WIDTH, 3))
    return images


def extremes(values: Values) -> Floats:
    """Return (2, channels): the least and the most of each channel, on both sides of 0."""
    pixels = np.concatenate([one.reshape(-1, one.shape[-1]) for one in values])
    return np.stack([np.minimum(pixels.min(0), -1e-3), np.maximum(pixels.max(0), 1e-3)])


def with_range(layer: Layer, natural_range: Floats, full_range: Floats) -> Quantised:
    """Return scales, step and zero for the input of a convolution; its bias is not corrected yet."""
    widened = np.sign(natural_range) * np.abs(natural_range) ** (1 - WIDENING) * np.abs(full_range) ** WIDENING
    scales = np.abs(widened).max(0) ** ACTIVATIONS / np.abs(layer.weights).max((0, 2, 3)) ** WEIGHTS
    scales /= np.exp(np.log(scales).mean())
    low, high = float((widened[0] / scales).min()), float((widened[1] / scales).max())
    step = (high - low) / (LEVELS - 1)
    return Quantised(rounded(scales), float(f"{step:.{DIGITS}g}"), round(-low / step), layer.biases)


def rounded(values: Floats) -> Floats:
    return np.array([float(f"{value:.{DIGITS}g}") for value in values], np.float32)


def with_corrected_bias(layer: Layer, one: Quantised, exact: Values, inexact: Values) -> tuple[Quantised, Values]:
    """Correct the bias so that each channel keeps its mean.

    Args:
        layer: the convolution.
        one: its input's range.
        exact: what the convolution returns in float32, of each image.
        inexact: what goes into it after 8-bit layers.

    Returns:
        The range with the bias, and what the convolution then returns in 8 bits.
    """
    weights = round_weights(layer.weights, one.scales)
    raw = [convolve(round_activations(values, one), weights, layer.biases) for values in inexact]
    importance = np.array([1 / float(np.mean(np.square(values))) for values in exact])
    errors = np.array([(good - bad).mean((0, 1)) for good, bad in zip(exact, raw, strict=True)])
    offset = (importance / importance.sum()) @ errors
    biases = rounded(layer.biases + offset.astype(np.float32))
    return Quantised(one.scales, one.step, one.zero, biases), [values + (biases - layer.biases) for values in raw]


def activated(values: Values, layer: Layer) -> Values:
    assert layer.slopes is not None
    return [np.where(one < 0, one * layer.slopes, one).astype(np.float32) for one in values]


def calibrate() -> list[Quantised]:
    """Return the range of each middle convolution's input, and print how exact it is."""
    first, *middle, _ = weights.load("esrgan-4x").layers
    plain = natural()
    images = [image.astype(np.float32) / 255 for image in (*plain, *drawn())]
    exact = activated([convolve(image, first.weights, first.biases) for image in images], first)
    inexact = exact
    ranges = []
    for number, layer in enumerate(middle, 1):
        one = with_range(layer, extremes(exact[: len(plain)]), extremes(exact))
        right = [convolve(values, layer.weights, layer.biases) for values in exact]
        one, in_8_bits = with_corrected_bias(layer, one, right, inexact)
        exact, inexact = activated(right, layer), activated(in_8_bits, layer)
        ranges.append(one)
        noise = [np.mean(np.square(a - b)) / np.mean(np.square(a)) for a, b in zip(exact, inexact, strict=True)]
        decibel = -10 * np.log10(np.mean(noise))
        print(f"convolution {number:2}: step {one.step:.4f}, zero {one.zero}, signal to noise {decibel:.1f} dB")
    return ranges


def main() -> int:
    layers = [
        {"scales": one.scales.tolist(), "step": one.step, "zero": one.zero, "biases": one.biases.tolist()}
        for one in calibrate()
    ]
    short = json.dumps({"layers": layers}, default=float)
    document = json.loads(short, parse_float=lambda text: float(f"{float(text):.{DIGITS}g}"))
    raw = (json.dumps(document, indent=None).replace('{"scales"', '\n{"scales"') + "\n").encode()
    OUT.write_bytes(raw)
    print(f"{OUT}: size {len(raw)}, sha256 {hashlib.sha256(raw).hexdigest()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
