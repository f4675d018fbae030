"""Progress: counts and times become shares, speeds and times to go."""

from __future__ import annotations

from framewatch.jobs.progress import Tracker
from framewatch.render.messages import Counted


def heard(seconds: float) -> Counted:
    return Counted(stage="encode", seconds=seconds)


def test_sound_alone_comes_by_its_share_of_the_time() -> None:
    tracker = Tracker(0, seconds=200.0)
    assert tracker.progress.percent == 0
    tracker.counted(heard(20), now=100.0)
    progress = tracker.counted(heard(50), now=103.0)
    assert (progress.percent, progress.eta_seconds, progress.total, progress.fps) == (25.0, 15.0, 0, 0.0)


def test_sound_alone_is_not_done_before_it_lies_in_its_place() -> None:
    tracker = Tracker(0, seconds=10.0)
    assert tracker.counted(heard(12), now=1.0).percent == 99.0
    assert tracker.progress.eta_seconds is None


def test_frames_count_where_there_are_any() -> None:
    tracker = Tracker(100)
    progress = tracker.counted(Counted(stage="upscale", decoded=100, upscaled=50, encoded=40, seconds=3), now=1.0)
    assert (progress.percent, progress.share) == (51.5, None)
