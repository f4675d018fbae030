"""The share of the hardware's peak that an engine reaches."""

from __future__ import annotations

import pytest

from benchmarks.peak_flops import Measurement, share_of_peak
from framewatch.bench.tasks import EngineReport


def report(tflops: float) -> EngineReport:
    return EngineReport(
        name="openvino/bf16",
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


def test_of_two_measurements_the_faster_counts_against_the_larger_peak() -> None:
    assert share_of_peak([Measurement(report(1.0), 4.0), Measurement(report(2.0), 2.5)]) == 0.5
    assert share_of_peak([Measurement(report(1.0), None), Measurement(report(2.0), None)]) is None


def test_the_share_is_the_engines_speed_over_the_peak() -> None:
    assert share_of_peak([Measurement(report(0.3), 0.4)]) == pytest.approx(0.3 / 0.4)
