"""How far is the output check from a false alarm, and from missing a fault? And what does it cost for a frame?

    python -m benchmarks.output_check          # exit 1 where a margin is gone; about three minutes

The real network, in OpenVINO, upscales real and hostile images at every scale and depth. A score above 1 stops an
engine: the network's own output must stay below it, and faults in ordinary images must lie above it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np

from framewatch.upscale.checks.output_check import OutputCheck
from framewatch.upscale.engine import Session, SessionRequest
from framewatch.upscale.frames.frame import DType, Frame, FrameShape
from framewatch.upscale.network import weights
from framewatch.upscale.openvino.engine import OpenVinoEngine

CLIP = Path(__file__).parents[1] / "tests" / "data" / "bbb-320x180.mp4"
WIDTH, HEIGHT = 256, 192
MAX_CORRECT, MIN_FAULT = 0.9, 1.1  # scores
ATTEMPTS = 4
ROWS = {  # of 1 pixel each, alternating; the second is the worst that a search by small steps has found
    "red and light blue rows": ((255, 0, 0), (0, 192, 255)),
    "rows made to deceive the check": ((135, 104, 102), (245, 0, 171)),
}
PATTERNS = 40  # hostile ones of each size, drawn at random with a fixed seed

Images = dict[str, Frame]
Fault = Callable[[Frame, int], Frame]


def ordinary() -> Images:
    """Return what people upscale, or similar images."""
    with av.open(str(CLIP)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    images = {f"clip frame {number}": frames[number] for number in (0, 20, 45, 70)}
    for source in ("testsrc2", "mandelbrot", "smptehdbars"):
        images[source] = lavfi(source)
    return images


def lavfi(source: str) -> Frame:
    program = imageio_ffmpeg.get_ffmpeg_exe()
    command = [program, "-v", "error", "-f", "lavfi", "-i", f"{source}=size={WIDTH}x{HEIGHT}", "-frames:v", "1"]
    done = subprocess.run([*command, "-pix_fmt", "rgb24", "-f", "rawvideo", "-"], capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.uint8).reshape(HEIGHT, WIDTH, 3)


def hostile() -> Iterator[tuple[str, Frame]]:
    """Yield noise, text-like and 1-pixel patterns, flat colours and slopes, some of them in tiny frames."""
    random = np.random.default_rng(5)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    yield "slopes", as_frame(np.stack([x, y, (x + y) // 2], axis=2))
    yield "noise", as_frame(random.integers(0, 256, (HEIGHT, WIDTH, 3)))
    yield "dark noise", as_frame(random.integers(0, 32, (HEIGHT, WIDTH, 3)))
    for share in (0.01, 0.1, 0.9):
        yield f"points {share}", as_frame(np.repeat(random.random((HEIGHT, WIDTH, 1)) < share, 3, axis=2) * 255)
    for period in (1, 2, 3, 4):
        board = ((y // period + x // period) % 2)[..., None]
        yield f"checkerboard {period}", as_frame(np.repeat(board, 3, axis=2) * 255)
    chroma = (y + x) % 2 * 255
    yield "chroma checkerboard", as_frame(np.stack([chroma, 0 * x, 255 - chroma], axis=2))
    for name, colours in ROWS.items():
        yield name, as_frame(np.tile(np.array(colours)[:, None], (32, 64, 1)))
    for colour in itertools.product((0, 128, 255), repeat=3):
        yield "flat", as_frame(np.broadcast_to(np.array(colour), (48, 64, 3)))
    for height, width in ((1, 1), (2, 3), (16, 16), (31, 17), (64, 64)):
        for _ in range(PATTERNS):
            tall, wide = random.integers(1, 7, 2)
            values = random.integers(0, 2, (tall, wide, 3)) * 255
            yield "pattern", as_frame(np.tile(values, (-(-height // tall), -(-width // wide), 1))[:height, :width])


def as_frame(values: np.ndarray) -> Frame:
    return np.ascontiguousarray(values, dtype=np.uint8)


def tile_fault(side: int, change: Callable[[Frame, int], None]) -> Fault:
    """Return a fault that changes tiles of `side` input pixels in place."""

    def fault(output: Frame, scale: int) -> Frame:
        changed = output.copy()
        change(changed, side * scale)
        return changed

    return fault


def black_tile(output: Frame, side: int) -> None:
    output[side : 2 * side, side : 2 * side] = 0


def swapped_tiles(output: Frame, side: int) -> None:
    first, second = output[:side, :side].copy(), output[side : 2 * side, 2 * side : 3 * side].copy()
    output[:side, :side], output[side : 2 * side, 2 * side : 3 * side] = second, first


FAULTS: dict[str, Fault] = {
    "black": lambda output, _: np.zeros_like(output),
    "green": lambda output, _: output * np.array([0, 1, 0], output.dtype),
    "red and blue swapped": lambda output, _: output[..., ::-1],
    "upside down": lambda output, _: output[::-1],
    "shifted by 8 pixels": lambda output, scale: np.roll(output, 8 * scale, axis=1),
    "a black tile of 48 pixels": tile_fault(48, black_tile),
    "two tiles of 64 pixels swapped": tile_fault(64, swapped_tiles),
}


class Upscaler:
    """Upscales with the real network and scores outputs, at one scale and depth."""

    def __init__(self, scale: int, dtype: DType) -> None:
        self.scale = scale
        self._dtype = dtype
        self._network = weights.load(f"esrgan-{scale}x")
        self._sessions: dict[tuple[int, ...], Session] = {}

    def upscaled(self, image: Frame) -> tuple[Frame, Frame]:
        """Return an image in the depth, and its output."""
        frame = image if self._dtype == "uint8" else image.astype(np.uint16) * 257
        shape = FrameShape(frame.shape[1], frame.shape[0], self._dtype)
        if frame.shape not in self._sessions:
            request = SessionRequest(self._network, shape, self.scale)
            self._sessions[frame.shape] = OpenVinoEngine().open("CPU", request)
        return frame, self._sessions[frame.shape].run(frame)

    def scores(self, frame: Frame, output: Frame) -> list[float]:
        """Return the scores of several attempts, each at other pixels."""
        check = OutputCheck(FrameShape(frame.shape[1], frame.shape[0], self._dtype), self.scale)
        return [check.compare(frame, np.ascontiguousarray(output)).score for _ in range(ATTEMPTS)]


def margins() -> tuple[dict[str, float], dict[str, float]]:
    """Return the highest score of each correct image, and the lowest of each fault in an ordinary one."""
    correct: dict[str, float] = {}
    faults: dict[str, float] = {}
    images = ordinary()
    for scale, dtype in itertools.product((2, 3, 4), ("uint8", "uint16")):
        upscaler = Upscaler(scale, dtype)  # type: ignore[arg-type]
        for name, image in itertools.chain(images.items(), hostile()):
            frame, output = upscaler.upscaled(image)
            correct[name] = max([correct.get(name, 0.0), *upscaler.scores(frame, output)])
            for fault, change in FAULTS.items() if name in images else ():
                wrong = upscaler.scores(frame, change(output, scale))
                faults[fault] = min([faults.get(fault, float("inf")), *wrong])
    return correct, faults


def milliseconds(width: int, height: int, scale: int) -> float:
    """Return what a comparison costs one thread."""
    frame = np.random.default_rng(0).integers(0, 255, (height, width, 3)).astype(np.uint8)
    output = frame.repeat(scale, axis=0).repeat(scale, axis=1)
    check = OutputCheck(FrameShape(width, height), scale)
    times = []
    for _ in range(15):
        begun = time.thread_time()
        check.compare(frame, output)
        times.append(time.thread_time() - begun)
    return statistics.median(times) * 1000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    sizes = {"1080p to 4K": (1920, 1080, 2), "1080p to 8K": (1920, 1080, 4), "4K to 8K": (3840, 2160, 2)}
    costs = {name: round(milliseconds(*size), 2) for name, size in sizes.items()}
    correct, faults = ({name: round(value, 2) for name, value in scores.items()} for scores in margins())
    if options.json:
        print(json.dumps({"correct": correct, "faults": faults, "milliseconds": costs}))
    else:
        tables = {"correct, at most": correct, "fault, at least": faults, "milliseconds": costs}
        for title, values in tables.items():
            print(title)
            for name, value in sorted(values.items(), key=lambda item: item[1]):
                print(f"  {name:32} {value:6.2f}")
    return 0 if max(correct.values()) <= MAX_CORRECT and min(faults.values()) >= MIN_FAULT else 1


if __name__ == "__main__":
    sys.exit(main())
