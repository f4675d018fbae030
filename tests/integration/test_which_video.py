"""Which of several videos in a file is processed, and what becomes of the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from framewatch.errors import RuleError
from framewatch.media.probe.probe import probe
from full_run import process
from media_factory import ffmpeg
from media_samples import look

SMALL, LARGE = (("-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25:duration=1") for size in ("64x48", "128x96"))
X264 = ("libx264", "-preset", "ultrafast")


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("still") / "still.png"
    ffmpeg(*LARGE, "-frames:v", "1", path)
    return path


@pytest.mark.parametrize("extension", ["mov", "mkv", "avi"])
@pytest.mark.parametrize("codec", ["mjpeg", "libx264"])
def test_a_stream_of_one_packet_is_a_cover_whatever_its_codec(
    extension: str, codec: str, still: Path, tmp_path: Path
) -> None:
    film = tmp_path / f"a.{extension}"
    ffmpeg(*SMALL, "-i", still, "-map", "1", "-map", "0", "-c:v:0", codec, "-c:v:1", "libx264", "-bf", "0", film)
    info = probe(film)
    assert [stream.cover for stream in info.streams] == [True, False]
    assert info.main_video == info.streams[1]


@pytest.mark.parametrize("extension", ["mov", "mkv", "avi"])
def test_a_moving_mjpeg_track_is_no_cover(extension: str, tmp_path: Path) -> None:
    film = tmp_path / f"a.{extension}"
    ffmpeg(*LARGE, *SMALL, "-map", "0", "-map", "1", "-c:v:0", *X264, "-bf", "0", "-c:v:1", "mjpeg", film)
    info = probe(film)
    assert [stream.cover for stream in info.streams] == [False, False]
    assert info.main_video == info.streams[0]


@pytest.fixture(scope="module")
def two_videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film, and a smaller moving track beside it."""
    film = tmp_path_factory.mktemp("two") / "two.mkv"
    ffmpeg(*LARGE, *SMALL, "-map", "0", "-map", "1", "-c:v:0", *X264, "-c:v:1", "mjpeg", film)
    return film


@pytest.mark.parametrize("container", ["mkv", "mp4", "mov"])
def test_a_copy_keeps_both_videos_with_all_their_frames(container: str, two_videos: Path, tmp_path: Path) -> None:
    made = process(two_videos, tmp_path / "work", container=container, processing_mode="copy")
    assert [(each.codec, each.frames) for each in look(made.result).of("video")] == [("h264", 25), ("mjpeg", 25)]
    assert made.warnings == ()


@pytest.mark.parametrize("mode", ["none", "esrgan-2x"])
@pytest.mark.parametrize(("chosen", "size", "lost"), [("auto", (128, 96), 1), (1, (64, 48), 0)])
def test_the_preset_chooses_the_video_and_the_other_is_named(
    mode: str, chosen: str | int, size: tuple[int, int], lost: int, two_videos: Path, tmp_path: Path
) -> None:
    made = process(two_videos, tmp_path / "work", container="mkv", ml_upscale=mode, video_track=chosen)
    factor = 2 if mode == "esrgan-2x" else 1
    (stream,) = probe(made.result).of_kind("video")
    assert stream.video
    assert (stream.video.width, stream.video.height) == (factor * size[0], factor * size[1])
    (warning,) = (each for each in made.warnings if each.code == "streams.second_video")
    assert warning.where == f"stream {lost}"
    assert f"video_track: {lost}" in warning.hint


def test_a_video_track_that_the_file_does_not_have_is_an_error(two_videos: Path, tmp_path: Path) -> None:
    with pytest.raises(RuleError) as told:
        process(two_videos, tmp_path / "work", container="mkv", video_track=7)
    assert told.value.finding.code == "tracks.video_not_found"
