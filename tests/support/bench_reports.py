"""Results of benchmarks, as the bench worker reports them."""

from __future__ import annotations

from framewatch.bench.tasks import EngineReport


def engine_report(tflops: float, name: str = "openvino/bf16") -> EngineReport:
    """The report of an engine of this speed; the other figures do not matter."""
    return EngineReport(
        name=name,
        device="",
        gpu=False,
        layout="rgb",
        width=64,
        height=64,
        in_flight=1,
        fps=tflops,
        milliseconds=1000.0,
        tflops=tflops,
        psnr_db=60.0,
    )
