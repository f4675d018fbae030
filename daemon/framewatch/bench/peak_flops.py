"""The most that a device computes by a runtime: a large matrix product, measured in the process of the engine."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from framewatch.upscale import host
from framewatch.upscale.torch import runtime as torch_runtime

_REPEATS = 3
_CPU_SIZE = 2048  # rows and columns: three matrices of float32 take 48 MiB, and a product 17 GFLOP
_CPU_CHAIN = 2  # products one after another, so that the conversion at both ends does not count
_GPU_SIZE = 8192  # the size at which cuBLAS is at its best; 1.1 TFLOP
_GPU_RUNS = 10


def matmul_tflops(engine: str) -> float | None:
    """10^12 operations a second of a matrix product, by the runtime and in the precision of an open engine.

    Args:
        engine: a session's name, such as "openvino/bf16". Its runtime is loaded already.

    Returns:
        The best of three; None where no product is known that the engine could be held against.
    """
    runtime, _, precision = engine.partition("/")
    if runtime == "openvino" and precision in ("bf16", "f32"):
        return _openvino(precision)
    if runtime in ("cuda", "torch"):
        return _torch()
    return None


def _openvino(precision: str) -> float:
    """On all cores, as one stream."""
    import openvino  # noqa: PLC0415 - where this engine is measured, it is there
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
    return operations / _best(lambda: request.infer({0: matrix}, share_inputs=True)) / 1e12


def _torch() -> float:
    """In float16, on the GPU."""
    torch = torch_runtime.load()
    kind = "cuda" if torch.cuda.is_available() else "mps"
    one, other = (torch.randn(_GPU_SIZE, _GPU_SIZE, dtype=torch.float16, device=kind) for _ in range(2))
    wait: Callable[[], Any] = getattr(torch, kind).synchronize

    def products() -> None:
        for _ in range(_GPU_RUNS):
            torch.matmul(one, other)
        wait()

    return 2 * _GPU_SIZE**3 * _GPU_RUNS / _best(products) / 1e12


def _best(work: Callable[[], Any]) -> float:
    """Seconds of the quickest run."""
    work()
    times = []
    for _ in range(_REPEATS):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)
