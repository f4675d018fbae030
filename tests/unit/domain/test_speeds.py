"""A time that is expected follows from measurements alone."""

from __future__ import annotations

import pytest

from framewatch.domain import Measured, Speeds, Workload
from framewatch.domain.speeds import forecast_size, preset_key

WORK = Workload(kind="upscale 2x, libx264 medium", family="upscale 2x", units=1e6, output_units=4e6)
KEY = preset_key("anime", "anime-2x")


def test_files_that_wait_take_as_long_as_others_of_their_folder_and_preset() -> None:
    whole = Measured(seconds=60, source_bytes=1e6, output_bytes=3e6)
    speeds = Speeds().learned(WORK, Measured(units=1, seconds=50), KEY, whole)
    assert forecast_size(2e6, KEY, speeds) == (120, 6e6)
    assert forecast_size(2e6, preset_key("films", "anime-2x"), speeds) == (None, None)
    assert forecast_size(2e6, KEY, Speeds()) == (None, None)


def test_the_last_jobs_decide_and_a_short_one_hardly_counts() -> None:
    slow, fast, short = Measured(units=100, seconds=100), Measured(units=400, seconds=100), Measured(seconds=9)
    speeds = Speeds()
    for measured in (slow, slow, fast, fast, fast, short):
        speeds = speeds.learned(WORK, measured)
    known = speeds.kinds[WORK.kind]
    assert known.units / known.seconds == pytest.approx(3.3, abs=0.2)


def test_the_kind_that_was_measured_last_stands_for_its_family() -> None:
    other = WORK.evolve(kind="upscale 2x, libx265 slow")
    speeds = Speeds().learned(WORK, Measured(units=1, seconds=1)).learned(other, Measured(units=1, seconds=1))
    assert speeds.families == {"upscale 2x": other.kind}


def test_only_so_many_kinds_are_remembered_and_the_oldest_is_forgotten() -> None:
    speeds = Speeds()
    for number in range(300):
        speeds = speeds.learned(WORK, Measured(), f"folder {number}", Measured(source_bytes=1))
    assert list(speeds.presets) == [f"folder {number}" for number in range(100, 300)]
    assert Speeds.model_validate(speeds.model_dump()) == speeds
