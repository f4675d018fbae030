"""What a job took is measured as it goes, and kept in the store."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from framewatch.domain import Progress, Speeds
from framewatch.jobs.attempt.segment_ledger import LedgerEntry
from framewatch.jobs.reporting.stopwatch import SpeedBook, Stopwatch
from framewatch.jobs.store.speeds import read_speeds
from framewatch.jobs.store.store import Store
from framewatch.media.plan.plan import VideoPlan
from framewatch.media.preset.preset import Preset
from job_factory import MakeJob

KIND = "upscale 2x, libx264 medium"


def plan() -> Any:
    sizes: dict[str, Any] = {
        "expected": SimpleNamespace(duration=4.0),
        "decoded_width": 10,
        "decoded_height": 10,
        "width": 20,
        "height": 20,
        "average_rate": 25,
    }
    values = {"mode": "upscale", "scale": 2, "frames": 100, "streams": ()}
    preset = Preset(video_bitrate_mode="bitrate", video_bitrate=200)
    return VideoPlan.model_construct(preset=preset, **values, **sizes)


def segment(frames: int, size: int) -> LedgerEntry:
    return LedgerEntry(number=0, frames=frames, size=size, digest="", engine="ncnn", upscaled=frames, damaged=0)


@pytest.fixture
def now() -> list[float]:
    return [1000.0]


@pytest.fixture
def watch(tmp_path: Path, make_job: MakeJob, now: list[float]) -> Any:
    with Store.open(tmp_path / "s.db") as store:
        book = SpeedBook(store)
        job = make_job(folder="anime", preset_name="anime-2x")
        yield store, lambda: Stopwatch(book, job, clock=lambda: now[0])


def test_a_finished_segment_tells_the_speed_before_the_job_has_ended(watch: Any, now: list[float]) -> None:
    store, make = watch
    stopwatch = make()
    assert stopwatch.planned(plan(), 5000).seconds is None
    now[0] += 500  # a GPU is waited for
    stopwatch.progressed(Progress(total=100))
    now[0] += 20
    stopwatch.progressed(Progress(total=100, encoded=50))
    stopwatch.segment_done(segment(50, 4000))
    known = read_speeds(store).kinds[KIND]
    assert (known.units, known.seconds, known.output_bytes) == (50 * 100, 20, 4000)
    assert read_speeds(store).presets == {}
    assert make().planned(plan(), 5000).seconds == 40


def test_a_whole_job_tells_how_long_files_of_its_folder_take(watch: Any, now: list[float]) -> None:
    store, make = watch
    stopwatch = make()
    now[0] += 3  # to look into the file
    stopwatch.planned(plan(), 5000)
    stopwatch.progressed(Progress(total=100))
    now[0] += 30
    stopwatch.rendered(9000)
    (known,) = read_speeds(store).presets.values()
    assert (known.seconds, known.source_bytes, known.output_bytes) == (33, 5000, 9000)
    assert make().planned(plan(), 5000).seconds == 30


def test_an_attempt_that_kept_segments_does_not_count_as_a_whole_job(watch: Any, now: list[float]) -> None:
    store, make = watch
    stopwatch = make()
    stopwatch.planned(plan(), 5000)
    stopwatch.resumed()
    stopwatch.progressed(Progress(total=100, encoded=90))
    now[0] += 3
    stopwatch.progressed(Progress(total=100, encoded=100))
    stopwatch.segment_done(segment(10, 800))
    stopwatch.rendered(9000)
    speeds = read_speeds(store)
    assert speeds.presets == {}
    assert speeds.kinds[KIND].units / speeds.kinds[KIND].seconds == pytest.approx(10 * 100 / 3)


def test_what_another_version_has_stored_counts_as_nothing(watch: Any) -> None:
    store, _ = watch
    store.set_fact("speeds", {"kinds": 3})
    assert read_speeds(store) == Speeds()
