"""The expressions that tell ffmpeg the times of frames are right for every frame, however uneven the times."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from fractions import Fraction
from itertools import accumulate

import pytest

from framewatch.errors import RuleError
from framewatch.media.plan.avi_timestamps import FrameTimes, frame_filter, frame_times, packet_filter
from framewatch.media.plan.plan import make_plan
from framewatch.media.preset.preset import Preset
from framewatch.media.probe.packet_scan import ScanResult
from media_factory import ffmpeg
from media_samples import cfr, media, video

TICK = Fraction(1, 25)


def scanned(pts: list[int]) -> ScanResult:
    return ScanResult(TICK, tuple(pts), 1, (pts[0],), reordered=True)


def uneven(frames: int) -> list[int]:
    """Times of which about every third frame starts a new run."""
    chance = random.Random(5)  # noqa: S311 - of the test
    return list(accumulate(chance.choice([1, 1, 1, 4]) for _ in range(frames)))


@pytest.mark.parametrize("pts", [[0], [3, 4, 5, 6], [0, 4, 5, 6], [0, 5, 10, 15, 19, 23], uneven(4000)], ids=len)
def test_each_frame_gets_its_time(pts: list[int]) -> None:
    told = frame_filter(frame_times(scanned(pts)), offset=0.2)
    chain = f"color=size=16x16:rate=25,trim=end_frame={len(pts)}"
    graph = ("-copyts", "-f", "lavfi", "-i", chain, "-vf", told, "-fps_mode", "passthrough", "-f", "framehash", "-")
    lines = ffmpeg(*graph).decode().splitlines()
    times = [int(line.split(",")[2]) for line in lines if not line.startswith("#")]
    assert times == [each + 5 for each in pts]


def test_frames_at_a_constant_step_are_one_run() -> None:
    assert len(frame_times(scanned([2, 5, 8, 11])).runs) == 1
    assert not frame_times(ScanResult(TICK, (0, 1, 2), 1, (0,))).runs


@pytest.mark.parametrize("preset_keys", [{}, {"processing_mode": "copy"}])
def test_times_too_uneven_for_one_command_are_refused_with_a_hint(preset_keys: dict[str, str]) -> None:
    told = frame_times(scanned(uneven(20_000)))
    with pytest.raises(RuleError) as refused:
        make_plan(Preset(container="mkv", **preset_keys), "test", media(video()), cfr(), told)  # type: ignore[arg-type]
    assert [finding.code for finding in refused.value.findings] == ["media.timestamps"]
    assert re.search("upscale", refused.value.findings[0].hint)
    make_plan(Preset(container="mkv", ml_upscale="esrgan-2x"), "test", media(video()), cfr(), told)


def test_frames_are_distinct_when_even_milliseconds_tell_them_apart() -> None:
    assert frame_times(scanned([0, 1, 2])).distinct
    assert not frame_times(scanned([0, 1, 1])).distinct
    assert not frame_times(ScanResult(Fraction(1, 1000), (0, 1, 2), 1, (0,))).distinct


@pytest.mark.parametrize(("runs", "told"), [(2000, frame_filter), (600, packet_filter)])
def test_the_longest_expression_fits_into_one_argument(runs: int, told: Callable[[FrameTimes, float], str]) -> None:
    late = 10_000_000  # frames: four days
    stamps = frame_times(scanned([late + 3 * (number // 2) + number % 2 for number in range(2 * runs)]))
    assert len(stamps.runs) == runs
    assert len(told(stamps, 86_400.0)) < 128 * 1024
