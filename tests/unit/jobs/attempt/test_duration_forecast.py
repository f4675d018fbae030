"""What a plan's job will take: measured, or unknown; never guessed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from framewatch.domain import Measured, Speeds
from framewatch.jobs.attempt.forecast.duration import forecast, workload
from framewatch.media.plan.image_plan import Plan
from framewatch.media.plan.plan import VideoPlan
from framewatch.media.preset.preset import Preset


def plan(**changes: Any) -> Plan:
    """The part of a plan that a forecast reads."""
    preset = Preset(video_bitrate_mode="bitrate", video_bitrate=200)
    values = {"mode": "upscale", "scale": 2, "frames": 100, "preset": preset, "streams": ()}
    values |= {"average_rate": 25, "expected": SimpleNamespace(duration=4.0)}
    sizes = {"decoded_width": 32, "decoded_height": 24, "width": 64, "height": 48}
    return cast("Plan", VideoPlan.model_construct(**(values | sizes | changes)))


def known(kind: str, family: str, **measured: float) -> Speeds:
    return Speeds(kinds={kind: Measured(**measured)}, families={family: kind})


def test_a_job_takes_as_long_as_those_like_it_by_its_pixels() -> None:
    work = workload(plan(), 5000)
    assert (work.kind, work.units) == ("upscale 2x, libx264 medium", 32 * 24 * 100)
    speeds = known(work.kind, work.family, units=work.units * 2, seconds=60, output_units=1e6, output_bytes=1e5)
    found = forecast(plan(), 5000, speeds)
    assert (found.seconds, found.basis) == (30, "jobs")
    assert (found.output_size, found.measured_size) == (round(64 * 48 * 100 * 0.1), True)
    assert found.disk == 2 * found.output_size  # the segments, and the result beside them
    assert forecast(plan(frames=200), 5000, speeds).seconds == 60


def test_another_encoder_is_better_than_nothing_and_the_benchmark_comes_last() -> None:
    other = known("upscale 2x, libx265 slow", "upscale 2x", units=76_800, seconds=60)
    assert forecast(plan(), 5000, other).basis == "similar"
    bench = Speeds(bench={"upscale 2x": 7680.0})
    found = forecast(plan(), 5000, bench)
    assert (found.seconds, found.basis) == (10, "bench")
    assert forecast(plan(), 5000, other.evolve(bench=bench.bench)).basis == "similar"


@pytest.mark.parametrize(
    "speeds", [Speeds(), Speeds(bench={"upscale 4x": 1.0}), known("copy", "copy", units=1, seconds=1)]
)
def test_what_was_never_measured_is_unknown(speeds: Speeds) -> None:
    found = forecast(plan(), 5000, speeds)
    assert (found.seconds, found.basis, found.measured_size) == (None, None, False)
    assert found.output_size == 100_000  # 200 kbit/s for 4 s


def test_a_copy_takes_time_by_its_bytes() -> None:
    assert workload(plan(mode="copy"), 5000) == workload(plan(mode="copy", frames=1), 5000)
    assert forecast(plan(mode="copy"), 5000, known("copy", "copy", units=1000, seconds=1)).seconds == 5
