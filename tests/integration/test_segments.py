"""A video rendered in many segments equals the video rendered in one: every frame, every time, the sound."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

from framewatch.domain import Record
from framewatch.jobs.work_folder import LEDGER_NAME
from framewatch.media.decode import output_inspection
from framewatch.render.tasks import RenderTask
from full_run import InlineWorker, frame_times, process, rgb_frames
from media_factory import ffmpeg

Task = TypeVar("Task", bound=Record)

LOSSLESS: dict[str, Any] = {"ml_upscale": "esrgan-2x", "crf": 0, "container": "mkv"}


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds of a moving test picture with sound, in open GOPs with B-frames."""
    path = tmp_path_factory.mktemp("moving") / "moving.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25:duration=5", "-f", "lavfi", "-i", "sine=d=5",
           "-c:v", "libx264", "-bf", "3", "-g", "20", "-x264-params", "open-gop=1", "-c:a", "flac", path)  # fmt: skip
    return path


def same(one: Path, other: Path) -> bool:
    pairs = zip(rgb_frames(one), rgb_frames(other), strict=True)
    return frame_times(one) == frame_times(other) and all(np.array_equal(first, second) for first, second in pairs)


@pytest.mark.parametrize(
    "preset_keys",
    [
        {},
        {"start_time": 0.9, "end_time": 4.1},
        {"fps": "10"},
        {"container": "mp4", "video_codec": "libx265"},
        {"video_codec": "vp9", "crf": 20},
        {"video_codec": "libsvtav1", "crf": 20},
        {"video_codec": "prores", "container": "mov", "crf": 18},
        {"deinterlace": "on"},
        {"subtitle_burn_path": "words.srt"},
    ],
    ids=str,
)
def test_many_segments_show_what_one_shows(moving: Path, tmp_path: Path, preset_keys: dict[str, Any]) -> None:
    words = "1\n00:00:00,900 --> 00:00:02,100\nspans two\n\n2\n00:00:03,000 --> 00:00:03,200\nat a border\n"
    (moving.parent / "words.srt").write_text(words)
    whole = process(moving, tmp_path / "one", **(LOSSLESS | preset_keys))
    parts = process(moving, tmp_path / "many", segment_seconds=0.5, **(LOSSLESS | preset_keys))
    assert len(list((tmp_path / "many").glob("segment-*"))) >= 5
    if "video_codec" in preset_keys:  # not lossless: the same frames at the same times, and similar
        assert frame_times(whole.result) == frame_times(parts.result)
        pairs = zip(rgb_frames(whole.result), rgb_frames(parts.result), strict=True)
        assert max(np.abs(a.astype(int) - b).mean() for a, b in pairs) < 4
    else:
        assert same(whole.result, parts.result)


class Asked(InlineWorker):
    """Keeps its tasks."""

    def __init__(self) -> None:
        self.tasks: list[Record] = []

    def run(self, task: Record, *rest: Any, **more: Any) -> Any:
        self.tasks.append(task)
        return super().run(task, *rest, **more)

    def of(self, kind: type[Task]) -> list[Task]:
        return [task for task in self.tasks if isinstance(task, kind)]


@pytest.mark.parametrize(("seconds", "lanes"), [(1.0, 2), (30.0, 1)])
def test_only_encoders_of_several_lanes_get_a_number_of_threads(
    moving: Path, tmp_path: Path, seconds: float, lanes: int
) -> None:
    asked = Asked()
    made = process(moving, tmp_path, segment_seconds=seconds, lanes=2, worker=asked, ml_upscale="esrgan-2x")
    (task,) = asked.of(RenderTask)
    assert task.lanes == lanes
    assert {"-threads:v:0" in output.encoder for output in task.outputs} == {lanes > 1}
    assert len(rgb_frames(made.result)) == 125


def test_a_segment_is_decoded_with_the_given_number_of_threads(
    moving: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("framewatch.jobs.attempt.segmented_render.inspector_workers", lambda *_: (1, 3))
    given: list[int] = []
    prepare = output_inspection._StreamCounter.prepare_decoder

    def noted(tally: Any, threads: int) -> None:
        given.append(threads)
        prepare(tally, threads)

    monkeypatch.setattr(output_inspection._StreamCounter, "prepare_decoder", noted)
    process(moving, tmp_path, segment_seconds=2.0, ml_upscale="esrgan-2x")
    assert given.count(3) >= 2


@pytest.mark.parametrize("container", ["mp4", "mkv"])
def test_frames_keep_their_own_times_across_segments(container: str, tmp_path: Path) -> None:
    uneven = tmp_path / "uneven.mkv"
    step = "settb=1/1000,setpts=N*40+9*mod(N*7\\,5)"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=4", "-vf", step, "-fps_mode", "passthrough",
           "-enc_time_base", "1:1000", "-c:v", "libx264", "-g", "15", uneven)  # fmt: skip
    preset_keys = LOSSLESS | {"container": container, "frame_timing": "preserve"}
    whole = process(uneven, tmp_path / "one", **preset_keys)
    parts = process(uneven, tmp_path / "many", segment_seconds=0.7, **preset_keys)
    assert len(frame_times(whole.result)) == 100
    assert np.abs(np.subtract(frame_times(whole.result), frame_times(parts.result))).max() < 0.0011
    assert all(np.array_equal(a, b) for a, b in zip(rgb_frames(whole.result), rgb_frames(parts.result), strict=True))


def test_a_filter_that_averages_over_time_shows_no_seam(tmp_path: Path) -> None:
    noisy = tmp_path / "noisy.mkv"
    ffmpeg("-f", "lavfi", "-i", "color=gray:size=64x48:rate=25:duration=4", "-vf", "noise=alls=12:allf=t",
           "-c:v", "libx264", "-qp", "0", "-g", "250", noisy)  # fmt: skip
    whole = process(noisy, tmp_path / "one", **(LOSSLESS | {"denoise": 4}))
    parts = process(noisy, tmp_path / "many", segment_seconds=1, **(LOSSLESS | {"denoise": 4}))
    differences = [
        np.abs(a.astype(int) - b).mean()
        for a, b in zip(rgb_frames(whole.result), rgb_frames(parts.result), strict=True)
    ]
    assert max(differences) < 0.1  # without the lead: 2 and more on the first frame of each segment


def test_another_film_with_the_same_size_and_time_is_rendered_again(moving: Path, tmp_path: Path) -> None:
    source = tmp_path / "film.mkv"
    source.write_bytes(moving.read_bytes())
    os.utime(source, ns=(1, 1))
    process(source, tmp_path / "work", segment_seconds=1, **LOSSLESS)
    first = {path.name: path.stat().st_ino for path in (tmp_path / "work").glob("segment-*")}
    process(source, tmp_path / "work", segment_seconds=1, **LOSSLESS)
    assert {path.name: path.stat().st_ino for path in (tmp_path / "work").glob("segment-*")} == first
    source.write_bytes(source.read_bytes().replace(b"Lavf", b"Else"))  # the writing program: the frames are the same
    os.utime(source, ns=(1, 1))
    before = json.loads((tmp_path / "work" / LEDGER_NAME).read_text().splitlines()[0])
    process(source, tmp_path / "work", segment_seconds=1, **LOSSLESS)
    assert json.loads((tmp_path / "work" / LEDGER_NAME).read_text().splitlines()[0]) != before
