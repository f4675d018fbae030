"""Find the 8-bit ranges of the network's activations, and write the file that `precision: fast` computes with.

    python -m benchmarks.calibrate          # writes models/realesr-animevideov3.int8.json; about a minute

Ranges are taken from frames of the real clip as they are, shrunk, with more contrast, and in four levels a colour
(as drawn films have), and are then widened towards what test pictures with the hardest edges need. A range as wide
as theirs would cost ordinary pictures 2 dB; one from the clip alone would cut off what letters and line art need.

Channels are scaled to like ranges (PReLU lets a positive factor through, so this is exact; after SmoothQuant, Xiao
et al. 2023), and each convolution's bias is corrected by the mean of what 8 bits change in its output. Put the sha256
and size that are printed into models/manifest.yaml.
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
from framewatch.upscale.network import weights as models
from framewatch.upscale.network.int8 import LEVELS, round_activations, round_weights
from framewatch.upscale.network.network import Floats, Layer, Quantised
from framewatch.upscale.network.reference import convolve

CLIP = resources.demo_clip()
OUT = Path(__file__).parents[1] / "models" / "realesr-animevideov3.int8.json"
NUMBERS = (0, 20, 45, 75)  # frames of the clip; tests judge by others
HEIGHT, WIDTH = 144, 192
DRAWN = ("testsrc", "rgbtestsrc", "smptebars", "pal75bars", "yuvtestsrc", "sierpinski", "mandelbrot")
WIDENED = 0.3  # towards the drawn pictures' ranges: 0 is the natural ones', 1 covers all
ACTIVATIONS, WEIGHTS = 0.8, 0.2  # how far a channel's scale follows its range, and yields to the weights that read it
DIGITS = 6

Values = list[Floats]  # of each picture: (h, w, channels)


def clip() -> list[Frame]:
    with av.open(str(CLIP)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return [frames[number] for number in NUMBERS]


def natural() -> list[Frame]:
    """Pieces of the clip, plain, shrunk, with contrast, in four levels."""
    found: list[Frame] = []
    for frame in clip():
        middle = frame[18 : 18 + HEIGHT, 64 : 64 + WIDTH].astype(np.float32)
        halves = frame.reshape(frame.shape[0] // 2, 2, frame.shape[1] // 2, 2, 3).mean((1, 3)).round()
        found += [frame[:HEIGHT, -WIDTH:], frame[-HEIGHT:, :WIDTH], np.tile(halves, (2, 2, 1))[:HEIGHT, :WIDTH]]
        found += [np.clip((middle - middle.mean()) * 2.5 + 128, 0, 255).round(), np.round(middle / 85) * 85]
    return [frame.astype(np.uint8) for frame in found]


def drawn() -> list[Frame]:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i"]
    end = ["-frames:v", "1", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"]
    found = []
    for source in DRAWN:
        done = subprocess.run([*command, f"{source}=size={WIDTH}x{HEIGHT}", *end], capture_output=True, check=True)
        found.append(np.frombuffer(done.stdout, np.uint8).reshape(HEIGHT, WIDTH, 3))
    return found


def extremes(values: Values) -> Floats:
    """(2, channels): the least, negative or 0, and the most of each channel."""
    pixels = np.concatenate([one.reshape(-1, one.shape[-1]) for one in values])
    return np.stack([np.minimum(pixels.min(0), -1e-3), np.maximum(pixels.max(0), 1e-3)])


def ranged(layer: Layer, known: Floats, every: Floats) -> Quantised:
    """Scales, step and zero for what goes into a convolution; its bias is still uncorrected."""
    wide = np.sign(known) * np.abs(known) ** (1 - WIDENED) * np.abs(every) ** WIDENED
    scales = np.abs(wide).max(0) ** ACTIVATIONS / np.abs(layer.weights).max((0, 2, 3)) ** WEIGHTS
    scales /= np.exp(np.log(scales).mean())
    low, high = float((wide[0] / scales).min()), float((wide[1] / scales).max())
    step = (high - low) / (LEVELS - 1)
    return Quantised(rounded(scales), float(f"{step:.{DIGITS}g}"), round(-low / step), layer.biases)


def rounded(values: Floats) -> Floats:
    return np.array([float(f"{value:.{DIGITS}g}") for value in values], np.float32)


def corrected(layer: Layer, one: Quantised, exact: Values, inexact: Values) -> tuple[Quantised, Values]:
    """The bias that keeps the mean of each channel, and what then comes out of the convolution in 8 bits."""
    weights = round_weights(layer.weights, one.scales)
    raw = [convolve(round_activations(values, one), weights, layer.biases) for values in inexact]
    shares = np.array([1 / float(np.mean(np.square(values))) for values in exact])
    off = np.array([(good - bad).mean((0, 1)) for good, bad in zip(exact, raw, strict=True)])
    offset = (shares / shares.sum()) @ off
    biases = rounded(layer.biases + offset.astype(np.float32))
    return Quantised(one.scales, one.step, one.zero, biases), [values + (biases - layer.biases) for values in raw]


def activated(values: Values, layer: Layer) -> Values:
    assert layer.slopes is not None
    return [np.where(one < 0, one * layer.slopes, one).astype(np.float32) for one in values]


def calibrated() -> list[Quantised]:
    first, *middle, _ = models.load("esrgan-4x").layers
    plain, edges = natural(), drawn()
    images = [frame.astype(np.float32) / 255 for frame in (*plain, *edges)]
    exact = activated([convolve(image, first.weights, first.biases) for image in images], first)
    inexact = exact
    found = []
    for number, layer in enumerate(middle, 1):
        one = ranged(layer, extremes(exact[: len(plain)]), extremes(exact))
        right = [convolve(values, layer.weights, layer.biases) for values in exact]
        one, wrong = corrected(layer, one, right, inexact)
        exact, inexact = activated(right, layer), activated(wrong, layer)
        found.append(one)
        shares = [np.mean(np.square(a - b)) / np.mean(np.square(a)) for a, b in zip(exact, inexact, strict=True)]
        decibel = -10 * np.log10(np.mean(shares))
        print(f"convolution {number:2}: step {one.step:.4f}, zero {one.zero}, signal to noise {decibel:.1f} dB")
    return found


def main() -> int:
    layers = [
        {"scales": one.scales.tolist(), "step": one.step, "zero": one.zero, "biases": one.biases.tolist()}
        for one in calibrated()
    ]
    short = json.dumps({"layers": layers}, default=float)
    document = json.loads(short, parse_float=lambda text: float(f"{float(text):.{DIGITS}g}"))
    raw = (json.dumps(document, indent=None).replace('{"scales"', '\n{"scales"') + "\n").encode()
    OUT.write_bytes(raw)
    print(f"{OUT}: size {len(raw)}, sha256 {hashlib.sha256(raw).hexdigest()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
