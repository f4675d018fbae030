"""Counts become progress, with a speed and a remaining time."""

from __future__ import annotations

from framewatch.jobs.attempt.progress_tracker import ProgressTracker
from framewatch.render.messages import FramesCounted


def counted(seconds: float) -> FramesCounted:
    return FramesCounted(stage="encode", seconds=seconds)


def test_progress_of_audio_alone_is_its_share_of_the_duration() -> None:
    tracker = ProgressTracker(seconds=200.0)
    assert tracker.progress.percent == 0
    tracker.update(counted(20), now=100.0)
    progress = tracker.update(counted(50), now=103.0)
    assert (progress.percent, progress.eta_seconds, progress.total, progress.fps) == (25.0, 15.0, 0, 0.0)


def test_audio_alone_is_not_done_before_it_is_published() -> None:
    tracker = ProgressTracker(seconds=10.0)
    assert tracker.update(counted(12), now=1.0).percent == 99.0
    assert tracker.progress.eta_seconds is None


def test_progress_of_video_is_counted_in_frames() -> None:
    tracker = ProgressTracker(frames=100)
    progress = tracker.update(
        FramesCounted(stage="upscale", decoded=100, upscaled=50, encoded=40, seconds=3), now=1.0
    )
    assert (progress.percent, progress.share) == (51.5, None)


def test_frames_that_are_lost_and_counted_again_never_make_the_speed_negative() -> None:
    tracker = ProgressTracker(frames=100)
    tracker.update(FramesCounted(stage="encode", decoded=40, upscaled=40, encoded=40), now=1.0)
    lost = tracker.update(FramesCounted(stage="encode", decoded=25, upscaled=25, encoded=25), now=2.0)
    assert (lost.fps, lost.eta_seconds) == (0.0, None)
    again = tracker.update(FramesCounted(stage="encode", decoded=35, upscaled=35, encoded=35), now=3.0)
    assert (again.fps, again.eta_seconds) == (10.0, 6.5)


def test_progress_waits_until_lost_frames_are_made_again() -> None:
    tracker = ProgressTracker(frames=100, kept=10)
    tracker.engine_opened("cuda")
    tracker.update(FramesCounted(stage="encode", decoded=40, upscaled=40, encoded=40), now=1.0)
    tracker.continue_from(30)
    progress = tracker.update(FramesCounted(stage="encode", decoded=10, upscaled=10, encoded=10), now=2.0)
    assert (progress.encoded, progress.engine) == (50, "cuda")
    progress = tracker.update(FramesCounted(stage="encode", decoded=30, upscaled=30, encoded=30), now=4.0)
    assert (progress.encoded, progress.fps, progress.eta_seconds) == (60, 10.0, 4.0)
