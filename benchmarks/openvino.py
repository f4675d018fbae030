"""How fast is the network on this CPU, what share of its peak is that, and how close is it to float32?

    python -m benchmarks.openvino                    # 320x180, 2x and 4x, and ncnn where that is installed
    python -m benchmarks.openvino --threads 1        # on a busy machine: the share of one core
    python -m benchmarks.openvino --layers           # the slowest nodes of each graph
    python -m benchmarks.openvino --streams          # frames side by side, or all cores for one frame

Needs numpy and openvino. In a checkout without framewatch installed: PYTHONPATH=daemon. Without pyyaml or the model's
package: --weights FILE.

All take turns, frame by frame, and the best of each counts, because other programs only make it slower. The peaks are
a matrix product of 2048x2048x2048 in OpenVINO, with the same threads.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from framewatch.upscale import host
from framewatch.upscale.checks import selftest
from framewatch.upscale.engine import SessionRequest
from framewatch.upscale.frames import pixels
from framewatch.upscale.frames.frame import Frame, FrameShape
from framewatch.upscale.network import int8, network, weights
from framewatch.upscale.openvino import engine, graph

CALIBRATION = Path(__file__).parents[1] / "models" / "realesr-animevideov3.int8.json"
PRODUCT = 2048
KINDS = {"f32": "f32", "bf16": "bf16", "int8": "bf16"}  # what is computed in, and the precision of the rest

Work = Callable[[], Any]


def options(precision: str, threads: int, streams: int = 1, layers: bool = False) -> dict[str, Any]:
    """Return the options that the engine sets, with other numbers."""
    return {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": streams,
        "ENABLE_CPU_PINNING": False,
        "PERF_COUNT": layers,
    }


def product(core: Any, kind: str, threads: int) -> Work:
    """Return a matrix product in this precision."""
    import openvino  # noqa: PLC0415 - after the engine has kept its model converter away
    from openvino import opset13 as ops  # noqa: PLC0415

    random = np.random.default_rng(0)
    one = ops.parameter([PRODUCT, PRODUCT], openvino.Type.f32)
    other = random.standard_normal((PRODUCT, PRODUCT)).astype(np.float32)
    ends = np.float32(-4), np.float32(4)
    left, right = one, ops.constant(other)
    if kind == "int8":
        left = ops.fake_quantize(one, *ends, *ends, 256)
        right = ops.fake_quantize(right, *ends, *ends, 255)
    model = openvino.Model([ops.result(ops.reduce_max(ops.matmul(left, right, False, False), [0, 1]))], [one], "peak")
    request = core.compile_model(model, "CPU", options(KINDS[kind], threads)).create_infer_request()
    values = random.standard_normal((PRODUCT, PRODUCT)).astype(np.float32)
    return lambda: request.infer({0: values}, share_inputs=True, share_outputs=True)


def best(works: dict[Any, Work], rounds: int) -> dict[Any, float]:
    """Return the best time of each in seconds; they take turns."""
    times = dict.fromkeys(works, float("inf"))
    for work in works.values():
        work()
    for _ in range(rounds):
        for key, work in works.items():
            begun = time.perf_counter()
            work()
            times[key] = min(times[key], time.perf_counter() - begun)
    return times


def ncnn_work(net: network.Network, frame: Frame, shape: FrameShape, scale: int, threads: int) -> Work | None:
    """Return a frame in ncnn in float32; None where it is not installed."""
    try:
        import ncnn  # noqa: PLC0415 - it may be missing
    except ImportError:
        return None
    from framewatch.upscale.ncnn import engine as ncnn_engine  # noqa: PLC0415
    from framewatch.upscale.ncnn import param_file as ncnn_param  # noqa: PLC0415

    loaded = ncnn.Net()
    loaded.opt.num_threads = threads
    ncnn_engine._set_float16_storage(loaded.opt, False)  # noqa: SLF001 - as the engine, but with other threads
    ncnn_engine._load(loaded, net, ncnn_param.planar_param(net, scale))  # noqa: SLF001
    session = ncnn_engine.PlanarSession("ncnn", SessionRequest(net, shape, scale), loaded, 1)
    return lambda: session.run(frame)


def requests(
    core: Any, net: network.Network, shape: FrameShape, scale: int, arguments: argparse.Namespace
) -> dict[str, Any]:
    """Return an infer request for each precision."""
    found = {}
    for kind, precision in KINDS.items():
        wanted = net if kind == "int8" else replace(net, int8=())
        model = graph.build(wanted, shape, scale)
        settings = options(precision, arguments.threads, layers=arguments.layers)
        found[kind] = core.compile_model(model, "CPU", settings).create_infer_request()
    return found


def frame_of(arguments: argparse.Namespace, shape: FrameShape) -> Frame:
    """Return a real frame of a .npy file, or the self-test's."""
    if arguments.frames is None:
        return selftest.synthetic(shape)
    return np.ascontiguousarray(np.load(arguments.frames)[-1][: shape.height, : shape.width])


def slowest(request: Any) -> list[str]:
    """Return the slowest nodes of a graph, one a line."""
    nodes = sorted(request.profiling_info, key=lambda node: node.real_time, reverse=True)[:24]
    return [f"{node.real_time.total_seconds() * 1e3:8.2f} ms  {node.node_type:14} {node.exec_type}" for node in nodes]


def compare_engines(
    core: Any, net: network.Network, shape: FrameShape, arguments: argparse.Namespace, peaks: dict[str, float]
) -> None:
    """Print the speed and the PSNR of each engine and scale."""
    frame = frame_of(arguments, shape)
    inputs = {0: graph.as_bytes(frame)}
    operations = 2 * sum(layer.weights.size for layer in net.layers) * shape.pixels
    for scale in map(int, arguments.scales.split(",")):
        opened = requests(core, net, shape, scale, arguments)
        exact = opened["f32"].infer(inputs)[0][0].copy()
        works: dict[str, Work] = {
            kind: lambda request=request: request.infer(inputs, share_inputs=True, share_outputs=True)  # type: ignore[misc]
            for kind, request in opened.items()
        }
        if other := ncnn_work(net, frame, shape, scale, arguments.threads):
            works["ncnn"] = other
        times = best(works, arguments.rounds)
        for kind, passed in times.items():
            speed = operations / passed / 1e9
            share = f"{speed / peaks[kind]:5.0%} of the product" if kind in peaks else " " * 20
            against = f"{times['ncnn'] / passed:.2f} of ncnn's speed" if "ncnn" in times else ""
            quality = pixels.psnr(opened[kind].infer(inputs)[0][0], exact) if kind in opened else float("nan")
            print(
                f"{scale}x {kind:5} {passed * 1e3:7.1f} ms {speed:6.0f} GFLOP/s {share}  {quality:5.1f} dB  {against}"
            )
        print(f"{scale}x int8 is {times['bf16'] / times['int8']:.2f} times as fast as bf16")
        for kind in opened if arguments.layers else ():
            print(kind, *slowest(opened[kind]), sep="\n")


def compare_streams(net: network.Network, shape: FrameShape, arguments: argparse.Namespace) -> None:
    """Print the frames per second with several in flight, for one stream of all cores and for several streams."""
    core = engine._core()  # noqa: SLF001 - as the engine loads it
    frame, scale, in_flight = frame_of(arguments, shape), 2, arguments.in_flight
    works: dict[int, Work] = {}
    for count in sorted({1, 2, max(1, arguments.threads // 4), arguments.threads}):
        settings = options("bf16", arguments.threads, count)
        compiled = core.compile_model(graph.build(replace(net, int8=()), shape, scale), "CPU", settings)
        works[count] = run_together([compiled.create_infer_request() for _ in range(in_flight)], frame)
    for count, passed in best(works, arguments.rounds).items():
        print(f"{count} streams: {in_flight / passed:.2f} fps with {in_flight} frames in flight")


def run_together(requests: list[Any], frame: Frame) -> Work:
    """Return a frame on each of several infer requests at once."""
    pool = ThreadPoolExecutor(len(requests))
    inputs = {0: graph.as_bytes(frame)}
    return lambda: list(pool.map(lambda each: each.infer(inputs, share_inputs=True, share_outputs=True), requests))


def print_compile_times(core: Any, net: network.Network, shape: FrameShape) -> None:
    """Print how long a graph takes to compile: whether a cache on disk would be worth it."""
    for kind, wanted in (("exact", replace(net, int8=())), ("int8", net)):
        begun = time.perf_counter()
        core.compile_model(graph.build(wanted, shape, 2), "CPU", options("bf16", host.cores()))
        print(f"compiling, {kind}: {(time.perf_counter() - begun) * 1e3:.0f} ms")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="320x180", help="of the input")
    parser.add_argument("--scales", default="2,4")
    parser.add_argument("--threads", type=int, default=host.cores())
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--frames", help=".npy of real frames, (n, h, w, 3) uint8; the last is taken")
    parser.add_argument("--weights", help="the network's .bin; default: the installed model")
    parser.add_argument("--layers", action="store_true", help="the slowest nodes")
    parser.add_argument("--streams", action="store_true")
    parser.add_argument("--in-flight", type=int, default=4, help="frames in flight, with --streams")
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    shape, path = FrameShape(width, height), arguments.weights
    net = network.parse(Path(path).read_bytes(), path) if path else weights.load("esrgan-4x")
    known = int8.parse(CALIBRATION.read_bytes(), CALIBRATION.name, net.features, len(net.layers) - 2)
    net = replace(net, int8=known)
    core = engine._core()  # noqa: SLF001 - as the engine loads it
    print(core.get_property("CPU", "FULL_DEVICE_NAME"), core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"))
    if arguments.streams:
        compare_streams(net, shape, arguments)
        return 0
    print_compile_times(core, net, shape)
    works = {kind: product(core, kind, arguments.threads) for kind in KINDS}
    peaks = {kind: 2 * PRODUCT**3 / passed / 1e9 for kind, passed in best(works, arguments.rounds).items()}
    print(json.dumps({"matmul_gflops": {kind: round(peak) for kind, peak in peaks.items()}}))
    compare_engines(core, net, shape, arguments, peaks)
    return 0


if __name__ == "__main__":
    sys.exit(main())
