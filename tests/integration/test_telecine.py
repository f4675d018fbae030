"""Film whose fields are repeated by players (soft telecine): its own rate, and every frame once."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest

from frame_marks import read
from full_run import process
from telecine import VIDEO, film, telecined

FILM = Fraction(24_000, 1001)
FRAMES = 120
WAYS = pytest.mark.parametrize("mode", ["none", "esrgan-2x"])
CONTAINERS = pytest.mark.parametrize("name", ["film.ts", "film.mkv"])


def shown(path: Path) -> list[tuple[int, float]]:
    """Number and seconds of each frame."""
    with av.open(str(path)) as container:
        frames = [(read(frame.to_ndarray(format="gray")), frame.time) for frame in container.decode(video=0)]
    return [(-1 if mark is None else mark.frame, time) for mark, time in frames]


@WAYS
@CONTAINERS
@pytest.mark.parametrize("begins_with", [3, 2])
def test_film_gets_its_own_rate_and_every_frame_once(mode: str, name: str, begins_with: int, tmp_path: Path) -> None:
    times = telecined(tmp_path / name, FRAMES, lambda number: film(number + 3 - begins_with))
    made = process(tmp_path / name, tmp_path / "w", container="mp4", ml_upscale=mode, crf=10)
    found = shown(made.result)
    assert made.plan.rate == FILM
    assert [number for number, _ in found] == list(range(FRAMES))
    assert [time for _, time in found] == pytest.approx([float(each / FILM) for each in range(FRAMES)], abs=0.0002)
    assert [time for _, time in found] == pytest.approx(times, abs=float(1 / FILM) / 2)


@WAYS
@CONTAINERS
def test_film_and_video_get_the_rate_of_the_video_and_lose_no_frame(mode: str, name: str, tmp_path: Path) -> None:
    times = telecined(tmp_path / name, FRAMES, lambda number: film(number) if number < 61 else 2)
    made = process(tmp_path / name, tmp_path / "w", container="mp4", ml_upscale=mode, crf=10)
    found = shown(made.result)
    assert made.plan.rate == VIDEO
    first = dict(reversed(found))
    assert sorted(first) == list(range(FRAMES))
    assert [first[number] for number in range(FRAMES)] == pytest.approx(times, abs=float(0.6 / VIDEO) + 0.0002)
    assert "timing.frames_dropped" not in [each.code for each in made.warnings]


@WAYS
def test_film_keeps_the_times_of_its_fields_where_that_is_asked_for(mode: str, tmp_path: Path) -> None:
    times = telecined(tmp_path / "film.ts", FRAMES)
    made = process(
        tmp_path / "film.ts", tmp_path / "w", container="mp4", ml_upscale=mode, crf=10, frame_timing="preserve"
    )
    found = shown(made.result)
    assert [time - found[0][1] for _, time in found] == pytest.approx(times, abs=0.0002)
