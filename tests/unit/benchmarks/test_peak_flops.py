"""The share of the hardware's peak that an engine reaches."""

from __future__ import annotations

import pytest

from bench_reports import engine_report
from benchmarks.peak_flops import Measurement, share_of_peak


def test_of_two_measurements_the_faster_counts_against_the_larger_peak() -> None:
    assert share_of_peak([Measurement(engine_report(1.0), 4.0), Measurement(engine_report(2.0), 2.5)]) == 0.5
    assert share_of_peak([Measurement(engine_report(1.0), None), Measurement(engine_report(2.0), None)]) is None


def test_the_share_is_the_engines_speed_over_the_peak() -> None:
    assert share_of_peak([Measurement(engine_report(0.3), 0.4)]) == pytest.approx(0.3 / 0.4)
