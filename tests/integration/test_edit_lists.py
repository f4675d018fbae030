"""MP4 and MOV files that show a part of what they hold, or hold more than they show."""

from __future__ import annotations

from pathlib import Path

import pytest

from framewatch.errors import FramewatchError
from framewatch.media.ffmpeg.trial import keeps_hidden_edges
from full_run import frame_times, process
from iso_edits import Edit, with_edits
from media_factory import make_video, remux
from media_samples import FFMPEG

TICK = 512  # of the clock of an MP4 with 25 frames per second
HELD_BACK = 2 * TICK  # where a video with B-frames begins
UPSCALED = {"ml_upscale": "esrgan-2x", "container": "mkv"}
COPIED = {"ml_upscale": "none", "processing_mode": "copy"}
AT_START: list[Edit] = [(0.8, HELD_BACK + 5 * TICK, 1)]
EDITS: dict[str, tuple[list[Edit], list[float]]] = {
    "start": (AT_START, [number / 25 for number in range(20)]),
    "both ends": ([(0.4, HELD_BACK + 5 * TICK, 1)], [number / 25 for number in range(10)]),
    "end": ([(0.4, HELD_BACK, 1)], [number / 25 for number in range(10)]),
    "late": ([(0.2, -1, 1), (1.0, HELD_BACK, 1)], [number / 25 + 0.2 for number in range(25)]),
    "two parts": ([(0.2, HELD_BACK, 1), (0.2, HELD_BACK + 20 * TICK, 1)], [number / 25 for number in range(10)]),
    "two parts, the later one first": (
        [(0.2, HELD_BACK + 20 * TICK, 1), (0.2, HELD_BACK + 4 * TICK, 1)],
        [number / 25 for number in range(10)],
    ),
    "slow": ([(2.0, HELD_BACK, 0.5)], [number / 25 for number in range(25)]),
}


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    codec = ("-c:v", "libx264", "-preset", "fast", "-bf", "2", "-g", "10")
    path = tmp_path_factory.mktemp("films") / "film.mp4"
    return make_video(path, codec=codec, audio=True, output=["-c:a", "aac", "-movie_timescale", "1000"])


def codes(source: Path, folder: Path, **keys: object) -> set[str]:
    return {warning.code for warning in process(source, folder, **keys).plan.warnings}


@pytest.mark.parametrize("name", EDITS)
def test_what_an_edit_list_shows_is_processed(film: Path, tmp_path: Path, name: str) -> None:
    edits, times = EDITS[name]
    source = with_edits(film, tmp_path / "trimmed.mp4", edits)
    warned = codes(source, tmp_path / "work", **UPSCALED)
    assert warned == ({"media.speed_lost"} if name == "slow" else set())
    # Old versions of ffmpeg move everything by what AAC begins with, which they cannot hide in Matroska.
    primed = 0.0 if keeps_hidden_edges(FFMPEG) else 1024 / 44100
    assert frame_times(tmp_path / "work" / "result.mkv") == pytest.approx(
        [time + primed for time in times], abs=0.001
    )


def test_a_copy_names_the_frames_that_it_cannot_hide(film: Path, tmp_path: Path) -> None:
    start = with_edits(film, tmp_path / "start.mp4", AT_START)
    assert codes(start, tmp_path / "mp4", container="mp4", **COPIED) == set()
    assert frame_times(tmp_path / "mp4" / "result.mp4") == pytest.approx(EDITS["start"][1], abs=0.001)
    assert codes(start, tmp_path / "mkv", container="mkv", **COPIED) == {"copy.hidden_frames"}
    joined = with_edits(film, tmp_path / "joined.mp4", [(0.2, HELD_BACK, 1), (0.2, HELD_BACK + 16 * TICK, 1)])
    with pytest.raises(FramewatchError) as caught:
        process(joined, tmp_path / "work", container="mp4", **COPIED)
    assert caught.value.finding.code == "copy.edit_list"


@pytest.mark.parametrize("flags", ["+faststart", "+frag_keyframe"])
def test_bytes_behind_the_last_box_are_named_and_a_cut_is_refused(film: Path, tmp_path: Path, flags: str) -> None:
    source = remux(film, tmp_path / "film.mov", "-movflags", flags)
    whole = source.read_bytes()
    source.write_bytes(whole + b"<html><head><title>Thank you</title></head></html>\n")
    assert codes(source, tmp_path / "work", **UPSCALED) == {"media.trailing_bytes"}
    assert len(frame_times(tmp_path / "work" / "result.mkv")) == 25
    source.write_bytes(whole[: len(whole) * 3 // 4])
    with pytest.raises(FramewatchError) as caught:
        process(source, tmp_path / "again", **UPSCALED)
    assert caught.value.finding.code == "media.truncated"
