"""What share of the hardware's peak does each engine reach?

    python -m benchmarks.peak_flops                          # every engine that works here, at 320x180
    python -m benchmarks.peak_flops --size 1920x1080 --rounds 1

The peak is a large matrix product by the engine's own runtime, in its precision and in its process: "reached" is the
engine's operations a second over those of the product. It can be above 1, because a convolution may be implemented
better than a matrix product. Engines take turns, and the best of each counts, because the load of a machine changes.
ncnn and the 8-bit engine have no matrix product to compare with.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from framewatch.bench.clip import clip_command
from framewatch.bench.end_to_end import TimedWorker, Watcher, run
from framewatch.bench.engine_speed import CANDIDATES, measure
from framewatch.bench.tasks import EngineReport, EngineTask
from framewatch.errors import FramewatchError
from framewatch.jobs.attempt.request import AttemptRequest, Tools
from framewatch.media.ffmpeg.discovery import encoders, find_ffmpeg
from framewatch.media.ffmpeg.process import run_ffmpeg
from framewatch.media.preset.preset import Preset
from framewatch.render.tasks import RenderTask
from framewatch.storage.files import named_by_user
from framewatch.upscale import host
from framewatch.upscale.torch import runtime as torch_runtime

_REPEATS = 3
_CPU_SIZE = 2048  # rows and columns: three matrices of float32 take 48 MiB, and a product 17 GFLOP
_CPU_CHAIN = 2  # products one after another, so that the conversion at both ends hardly counts
_GPU_SIZE = 8192  # the size at which cuBLAS is at its best; 1.1 TFLOP
_GPU_RUNS = 10


class Measurement(NamedTuple):
    """One engine, and the matrix product of its runtime."""

    report: EngineReport
    peak_tflops: float | None  # None where there is no product to compare with


def share_of_peak(measurements: Sequence[Measurement]) -> float | None:
    """Return the best speed over the best peak; None where there is no peak. Pure."""
    peaks = [each.peak_tflops for each in measurements if each.peak_tflops]
    return max(each.report.tflops for each in measurements) / max(peaks) if peaks else None


def matmul_tflops(engine: str) -> float | None:
    """Measure a matrix product by the runtime and in the precision of an open engine.

    Args:
        engine: a session's name, such as "openvino/bf16". Its runtime is loaded already.

    Returns:
        10^12 operations a second, the best of three; None where no product matches the engine.
    """
    runtime, _, precision = engine.partition("/")
    if runtime == "openvino" and precision in ("bf16", "f32"):
        return _openvino(precision)
    if runtime in ("cuda", "torch"):
        return _torch()
    return None


def _openvino(precision: str) -> float:
    """On all cores, as one stream."""
    import openvino  # noqa: PLC0415 - only where this engine is measured
    from openvino import opset13 as ops  # noqa: PLC0415

    shape = (_CPU_SIZE, _CPU_SIZE)
    numbers = np.random.default_rng(0)
    values = entry = ops.parameter(shape, openvino.Type.f32)
    for _ in range(_CPU_CHAIN):
        weights = numbers.standard_normal(shape, np.float32) / np.float32(np.sqrt(_CPU_SIZE))
        values = ops.matmul(values, weights, False, True)
    model = openvino.Model([ops.result(values)], [entry], "product")
    options = {
        "INFERENCE_PRECISION_HINT": precision,
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": host.cores(),
        "ENABLE_CPU_PINNING": False,
    }
    request = openvino.Core().compile_model(model, "CPU", options).create_infer_request()
    matrix = numbers.standard_normal(shape, np.float32)
    operations = 2 * _CPU_SIZE**3 * _CPU_CHAIN
    return operations / _fastest(lambda: request.infer({0: matrix}, share_inputs=True)) / 1e12


def _torch() -> float:
    """In float16, on the GPU."""
    torch = torch_runtime.load()
    kind = "cuda" if torch.cuda.is_available() else "mps"
    one, other = (torch.randn(_GPU_SIZE, _GPU_SIZE, dtype=torch.float16, device=kind) for _ in range(2))
    synchronize: Callable[[], Any] = getattr(torch, kind).synchronize

    def products() -> None:
        for _ in range(_GPU_RUNS):
            torch.matmul(one, other)
        synchronize()

    return 2 * _GPU_SIZE**3 * _GPU_RUNS / _fastest(products) / 1e12


def _fastest(work: Callable[[], Any]) -> float:
    """Return the seconds of the fastest of three runs, after one to warm up."""
    work()
    times = []
    for _ in range(_REPEATS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def measured(task: EngineTask) -> Measurement | str:
    """Measure an engine and its peak, or return why it does not work. Runs in a process of its own."""
    try:
        report = measure(task, lambda *_: None)
    except FramewatchError as error:
        return str(error)
    return Measurement(report, matmul_tflops(report.name))


def render_task(folder: Path, size: tuple[int, int], scale: int) -> RenderTask:
    """Return the render task of a short job, whose frames are measured with."""
    ffmpeg, clip, work = find_ffmpeg(None), folder / "clip.mkv", folder / "work"
    run_ffmpeg(clip_command(ffmpeg, None, size, 1.0, clip))
    work.mkdir()
    preset = Preset.model_validate({"container": "mkv", "ml_upscale": f"esrgan-{scale}x"})
    request = AttemptRequest(source=named_by_user(clip), preset=preset, preset_name="benchmark", work=work)
    worker = TimedWorker()
    try:
        tools = Tools(ffmpeg=ffmpeg, encoders=encoders(ffmpeg), gpus=1, lanes=1)
        return run(request, tools, worker, Watcher(lambda _: None, lambda _: None, threading.Event())).task
    finally:
        worker.kill()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="320x180", help="of the input frames; on a CPU at most 320x180 of them")
    parser.add_argument("--scale", type=int, choices=(2, 3, 4), default=2)
    parser.add_argument("--engines", nargs="+", choices=list(CANDIDATES), default=list(CANDIDATES))
    parser.add_argument("--seconds", type=float, default=3.0, help="of computing for each measurement")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    width, _, height = options.size.partition("x")
    found: dict[str, list[Measurement]] = {}
    with tempfile.TemporaryDirectory() as folder:
        task = render_task(Path(folder), (int(width), int(height)), options.scale)
        for _ in range(options.rounds):
            for name in options.engines:
                # A fresh process for each: a driver may crash, and an engine may leave memory of the GPU in use.
                with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                    engine_task = EngineTask(engine=name, render=task, seconds=options.seconds)
                    result = pool.submit(measured, engine_task).result()
                if isinstance(result, Measurement):
                    found.setdefault(name, []).append(result)
                elif not options.json and name not in found:
                    print(f"{name}: {result}")
    for name, measurements in found.items():
        tflops = max(each.report.tflops for each in measurements)
        share = share_of_peak(measurements)
        if options.json:
            print(json.dumps({"engine": name, "tflops": tflops, "reached": share}))
        else:
            reached = f"{share:.2f} of {tflops / share:.3g}" if share else "no matrix product to compare with"
            print(f"{measurements[0].report.name:20} {tflops:8.3g} TFLOP/s  {reached}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
