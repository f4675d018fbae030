"""Encoders alone: what comes out of them counts, and none of them is left running."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import psutil
import pytest

from framewatch.bench import encoder_speed
from framewatch.errors import WorkerError
from framewatch.media.ffmpeg.discovery import find_ffmpeg
from framewatch.upscale.frames.frame import Frame

SIZE = 64, 48


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    random = np.random.default_rng(0)
    return [random.integers(0, 255, (SIZE[1] * 3 // 2, SIZE[0]), np.uint8) for _ in range(4)]


def command(*options: str) -> list[str]:
    source = "-f", "rawvideo", "-pixel_format", "yuv420p", "-video_size", "64x48", "-framerate", "25", "-i", "pipe:0"
    output = "-v", "level+error", "-progress", "pipe:1"
    return [str(find_ffmpeg(None)), *output, *source, *options, "-y", "file:out.mp4"]


@pytest.mark.parametrize("lanes", [1, 3])
def test_written_frames_are_counted_and_no_encoder_is_left(tmp_path: Path, frames: list[Frame], lanes: int) -> None:
    before = psutil.Process().children()
    fps = encoder_speed.encoding_fps(command("-c:v", "libx264"), frames, lanes, tmp_path, 0.5)
    assert fps > 0
    assert psutil.Process().children() == before


def test_frames_that_only_go_in_do_not_count(
    tmp_path: Path, frames: list[Frame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder_speed, "FIRST_FRAME_SECONDS", 1.0)
    swallowing = command("-vf", "select=0", "-c:v", "libx264")
    assert encoder_speed.encoding_fps(swallowing, frames, 1, tmp_path, 0.5) == 0


def test_a_failed_encoder_is_an_error_and_the_others_are_stopped(tmp_path: Path, frames: list[Frame]) -> None:
    before = psutil.Process().children()
    with pytest.raises(WorkerError):
        encoder_speed.encoding_fps(command("-c:v", "libx264", "-profile:v", "nonsense"), frames, 2, tmp_path, 0.5)
    assert psutil.Process().children() == before
