"""How fast is the CUDA engine here, what share of the GPU's peak is that, and how exact is it?

    python -m benchmarks.cuda                    # 1920x1080, 2x and 4x; needs numpy and torch with a GPU
    python -m benchmarks.cuda --kernels          # also the time of each kernel
    python -m benchmarks.cuda --planes           # frames are YUV 4:2:0 planes, of 10 bits with --dtype uint16

In a checkout without framewatch installed: PYTHONPATH=daemon. Without pyyaml or the model's package: --weights FILE.

For each scale it prints the speed of frames that stay on the GPU ("device") and of frames from and to the host's
memory ("host"), and the PSNR against torch in float32. A matrix product and a copy are measured in the same run, for
comparison.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from framewatch.upscale.checks import selftest
from framewatch.upscale.cuda import layout as cuda_layout
from framewatch.upscale.cuda.engine import CudaEngine
from framewatch.upscale.engine import Session, SessionRequest
from framewatch.upscale.frames import pixels
from framewatch.upscale.frames.frame import Frame, FrameShape
from framewatch.upscale.frames.yuv import Yuv420
from framewatch.upscale.network import weights
from framewatch.upscale.network.network import Network, parse
from framewatch.upscale.torch.engine import TorchEngine
from framewatch.upscale.torch.network import DeviceNetwork, TorchNetwork
from framewatch.upscale.torch.planes import PlanesNetwork, TorchPlanes
from framewatch.upscale.torch.runtime import TorchDevice
from framewatch.upscale.torch.sessions import GraphSession

DEVICE = torch.device("cuda:0")
ON = TorchDevice(torch, DEVICE)
REPEATS = 5
KEPT = 4  # upscaled frames that are still in use, as by an encoder


def milliseconds(work: Callable[[], Any], runs: int = 20) -> float:
    """Return the median over `REPEATS` of the time of one run, by the GPU's clock."""
    work()
    times = []
    for _ in range(REPEATS):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(runs):
            work()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end) / runs)
    return statistics.median(times)


def matmul_tflops(size: int = 8192) -> float:
    one, other = (torch.randn(size, size, device=DEVICE, dtype=torch.float16) for _ in range(2))
    return 2 * size**3 / milliseconds(lambda: one @ other) / 1e9


def copy_gbps(size: int = 2**30) -> float:
    source = torch.randint(0, 255, (size,), dtype=torch.uint8, device=DEVICE)
    target = torch.empty_like(source)
    return 2 * size / milliseconds(lambda: target.copy_(source)) / 1e6


def frames(shape: FrameShape, path: str | None) -> list[Frame]:
    """Return four different frames: real ones of a .npy file, repeated to the size, or the self-test's."""
    base = selftest.synthetic(shape)
    if path is None or shape.yuv:
        return [np.ascontiguousarray(np.roll(base, 37 * number, axis=1)) for number in range(4)]
    real = np.load(path)
    repeats = (-(-shape.height // real.shape[1]), -(-shape.width // real.shape[2]), 1)
    cut = [np.tile(one, repeats)[: shape.height, : shape.width] for one in real[:4]]
    values = [one.astype(shape.dtype) * (257 if shape.dtype == "uint16" else 1) for one in cut]
    return [np.ascontiguousarray(one, dtype=shape.dtype) for one in values]


def exact(net: Network, frame: Frame, shape: FrameShape, scale: int) -> Frame:
    """Return the output of torch in float32."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    reference: DeviceNetwork = TorchNetwork(SessionRequest(net, shape.rgb, scale), ON, "f32")
    if shape.yuv:
        reference = PlanesNetwork(reference, TorchPlanes(shape, scale, torch), shape, scale, ON)
    large = shape.upscaled(scale)
    source = torch.from_numpy(frame.reshape(-1).view(np.uint8)).to(DEVICE)
    out = torch.empty(large.bytes, dtype=torch.uint8, device=DEVICE)
    reference.run(source, out)
    return out.cpu().numpy().view(large.dtype).reshape(large.array)


def host_fps(session: GraphSession, material: list[Frame], count: int) -> float:
    """Return the frames per second from numpy to numpy, after all the pinned memory has been allocated."""
    kept: deque[Frame] = deque(maxlen=KEPT)
    speeds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        for frame in session.upscale(material[number % len(material)] for number in range(count)):
            kept.append(frame)
        speeds.append(count / (time.perf_counter() - start))
    return statistics.median(speeds)


def device_milliseconds(session: GraphSession, material: list[Frame]) -> float:
    """Return the time of a frame without its copies."""
    buffers = session._in_flight.get()  # noqa: SLF001
    buffers.frame.copy_(torch.from_numpy(material[0].reshape(-1).view(np.uint8)))
    with torch.cuda.stream(session._compute):  # noqa: SLF001
        found = milliseconds(buffers.graph.replay)
    session._in_flight.put(buffers)  # noqa: SLF001
    return found


def kernel_milliseconds(session: GraphSession) -> dict[str, float]:
    """Return the time of each kernel of a frame."""
    network = session._network  # noqa: SLF001
    large = session.shape.upscaled(session.scale)
    frame = torch.randint(0, 255, (session.shape.bytes,), dtype=torch.uint8, device=DEVICE)
    out = torch.empty(large.bytes, dtype=torch.uint8, device=DEVICE)
    with torch.cuda.stream(session._compute):  # noqa: SLF001
        profiler = torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA])
        network.run(frame, out)
        with profiler as profile:
            for _ in range(10):
                network.run(frame, out)
            torch.cuda.synchronize()
    return {
        one.key: one.self_device_time_total / 10_000 for one in profile.key_averages() if one.self_device_time_total
    }


def opened(kind: str, request: SessionRequest) -> Session:
    """Open one of the engines; "compile" is torch.compile, which framewatch does not use."""
    engines = {"hopper": CudaEngine("hopper"), "ampere": CudaEngine("ampere"), "torch": TorchEngine()}
    if kind in engines:
        return engines[kind].open("0", request)
    plain = TorchNetwork(request, ON, "f16")
    plain.convolve = torch.compile(plain.convolve)  # type: ignore[method-assign]
    return GraphSession("torch.compile", request, plain, ON)


def measured(net: Network, shape: FrameShape, scale: int, options: argparse.Namespace) -> list[dict[str, Any]]:
    material = frames(shape, options.frames)
    expected = exact(net, material[0], shape, scale)
    rows = []
    for kind in options.engines.split(","):
        session = opened(kind, SessionRequest(net, shape, scale, options.concurrency))
        assert isinstance(session, GraphSession)
        with session:
            selftest.check(session, net)
            passed = device_milliseconds(session, material)
            operations = 2 * sum(layer.weights.size for layer in net.layers) * shape.pixels
            row = {
                "engine": f"{session.name} {kind}",
                "input": f"{shape.width}x{shape.height} {'planes' if shape.yuv else 'RGB'} {shape.dtype}",
                "scale": scale,
                "device_fps": 1000 / passed,
                "tflops": operations / passed / 1e9,
                "host_fps": host_fps(session, material, options.count),
                "psnr_db": pixels.psnr(session.run(material[0]), expected, shape.upscaled(scale).peak),
            }
            if options.kernels and kind in ("hopper", "ampere"):
                row["kernels_ms"] = {key: round(value, 4) for key, value in kernel_milliseconds(session).items()}
            rows.append(row)
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1920x1080", help="of the input")
    parser.add_argument("--scales", default="2,4")
    parser.add_argument("--engines", default="hopper,ampere,torch", help="also: compile")
    parser.add_argument("--dtype", default="uint8", choices=("uint8", "uint16"))
    parser.add_argument("--planes", action="store_true", help="frames are YUV planes")
    parser.add_argument("--concurrency", type=int, default=3, help="frames in flight")
    parser.add_argument("--count", type=int, default=60, help="frames that are measured from and to the host")
    parser.add_argument("--frames", help=".npy of real frames, (n, h, w, 3) uint8")
    parser.add_argument("--weights", help="the network's .bin; default: the installed model")
    parser.add_argument("--kernels", action="store_true", help="the time of each kernel")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    depth = 8 if options.dtype == "uint8" else 10
    coding = Yuv420(0.2126, 0.0722, depth=depth, out_depth=depth)
    rgb = FrameShape(width, height, options.dtype)
    shape = FrameShape.of_planes(width, height, coding) if options.planes else rgb
    path = options.weights
    net = parse(Path(path).read_bytes(), path) if path else weights.load("esrgan-4x")
    facts: dict[str, Any] = {
        "gpu": torch.cuda.get_device_name(0),
        "torch": torch.__version__,
        "strips": str(cuda_layout.grid(width, height)),
        "matmul_tflops": matmul_tflops(),
        "copy_gbps": copy_gbps(),
    }
    rows = [row for scale in options.scales.split(",") for row in measured(net, shape, int(scale), options)]
    facts["matmul_tflops_after"] = matmul_tflops()
    if options.json:
        print(json.dumps({**facts, "rows": rows}))
        return 0
    for key, value in facts.items():
        print(f"{key:20} {value:.0f}" if isinstance(value, float) else f"{key:20} {value}")
    for row in rows:
        share = row["tflops"] / facts["matmul_tflops"]
        print(
            f"{row['engine']:15} {row['input']} {row['scale']}x  device {row['device_fps']:6.1f} fps "
            f"{row['tflops']:5.0f} TFLOP/s ({share:.0%} of the matrix product)  host {row['host_fps']:6.1f} fps  "
            f"PSNR {row['psnr_db']:.1f} dB"
        )
        for kernel, spent in row.get("kernels_ms", {}).items():
            print(f"    {spent:8.4f} ms  {kernel[:80]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
