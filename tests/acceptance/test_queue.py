"""The queue under the user's control: its order, pauses, and what is done again."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from clips import make_clip
from fault_harness import PRESET, FaultHarness
from harness import FAST_PRESET, Harness
from invariants import require_whole
from queue_control import asked, counts, started, state, upscaled
from sources import make_source
from waiting import eventually

SECONDS, PER_SEGMENT = 3, 25


@pytest.fixture
def fault_harness(tmp_path: Path) -> Iterator[FaultHarness]:
    harness = FaultHarness(tmp_path / "server")
    yield harness
    harness.end()


def test_folders_by_priority_and_files_by_their_folders_order(harness: Harness, clip: Path, tmp_path: Path) -> None:
    harness.settings["order"] = "name"
    series, films = harness.folder("series"), harness.folder("films", priority=1, order="shortest")
    for name in ("E10.mp4", "E9.mp4", "e2.mp4"):
        (series / name).write_bytes(clip.read_bytes())
    for name, frames in (("long.mp4", 9), ("short.mp4", 3), ("middle.mp4", 6)):
        make_clip(films / name, frames=frames)
    (films / "broken.mp4").write_text("text")
    assert harness.once().returncode == 1
    assert [name for name in started(harness) if name in harness.listed(series / "done")] == [
        "e2.mp4",
        "E9.mp4",
        "E10.mp4",
    ]
    assert [name for name in started(harness) if name[0] not in "eE"] == [
        "short.mp4",
        "middle.mp4",
        "long.mp4",
        "broken.mp4",
    ]


@pytest.mark.slow
def test_pauses_keep_finished_segments_and_outlast_a_restart(fault_harness: FaultHarness) -> None:
    harness = fault_harness
    share = harness.folder("anime", preset=PRESET)
    first, second = (make_source(share / name, clip, SECONDS) for clip, name in enumerate(("a [1].mp4", "b.mp4"), 1))
    harness.turn("delay", 0.5)
    harness.start()
    harness.wait_frames(2)

    # After the segment: it is finished, nothing else is begun, and nothing is done twice.
    asked(harness, "pause", "--after-segment")
    harness.wait_for_event("queue.paused")
    harness.turn("delay", 0.01)
    eventually(lambda: counts(harness) == {"queued": 2}, what="the pause", details=harness.log)
    assert sorted(upscaled(harness).items()) == [((1, frame), 1) for frame in range(PER_SEGMENT)]
    assert state(harness)["pauses"][0]["by"] == "user"
    assert "framewatch resume" in asked(harness, "status")

    # A restart keeps it, and what is asked without a daemon counts before a job is begun.
    assert harness.stop() == 0
    begun = len(harness.events("job.started"))
    harness.turn("delay", 0.5)
    asked(harness, "pause", "--folder", "anime", expected=1)
    asked(harness, "resume", expected=1)
    asked(harness, "next", "b.mp4", expected=1)
    harness.start()
    assert [pause["folder"] for pause in state(harness)["pauses"]] == ["anime"]
    assert len(harness.events("job.started")) == begun
    asked(harness, "pause", "b.mp4")
    asked(harness, "resume", "--folder", "anime")
    harness.wait_frames(PER_SEGMENT + 2)
    assert started(harness)[-1] == "a [1].mp4"

    # At once: the running segment is done again later, a finished one is not.
    asked(harness, "pause", "a [1].mp4", "--now")
    eventually(lambda: counts(harness) == {"queued": 2}, what="the second pause", details=harness.log)
    assert {job["paused"] for job in state(harness)["jobs"]} == {True}
    harness.turn("delay", 0)
    asked(harness, "resume", "*.mp4")
    for source in (first, second):
        harness.wait_status(harness.out / source.path.name, "done")
    assert harness.stop() == 0
    twice = {frame for frame, times in upscaled(harness).items() if times > 1}
    assert {(1, PER_SEGMENT), (1, PER_SEGMENT + 1)} <= twice
    assert {(clip, frame // PER_SEGMENT) for clip, frame in twice} == {(1, 1)}
    assert set(upscaled(harness)) == {(clip, frame) for clip in (1, 2) for frame in range(SECONDS * PER_SEGMENT)}
    require_whole(harness.out / "a [1].mp4", first)


def test_files_are_named_retried_and_done_again_with_another_preset(harness: Harness, clip: Path) -> None:
    preset = harness.root / "mine.yaml"
    preset.write_text(yaml.safe_dump(FAST_PRESET))
    share = harness.folder("anime", preset=str(preset))
    out, failed = harness.root / "anime/out", share / "failed"
    for name in ("S01E01.mp4", "S01E02.mp4", "S02E01.mp4"):
        (share / name).write_text("no film")
    (share / "film.mp4").write_bytes(clip.read_bytes())
    assert harness.once().returncode == 1
    for name in ("S01E01.mp4", "S01E02.mp4", "S02E01.mp4"):
        (failed / name).write_bytes(clip.read_bytes())
    (failed / "S01E02.mp4").unlink()
    preset.write_text(yaml.safe_dump(FAST_PRESET | {"ml_upscale": "esrgan-3x", "container": "mkv"}))
    harness.start()

    # By path and pattern; what cannot be done is told, and then nothing is asked for.
    wrong = asked(harness, "retry", "film.mp4", "nothing", expected=2)
    assert "job.not_retryable" in wrong
    assert "job.not_found" in wrong
    told = asked(harness, "retry", "s01*", expected=0)
    assert "S01E01" in told
    assert "S01E02" not in told
    asked(harness, "retry", str(failed / "S02E01.mp4"), "--same-preset")
    harness.wait_status(out / "S01E01.mkv", "done")
    harness.wait_status(out / "S02E01.mp4", "done")
    assert "there are no such jobs" in asked(harness, "retry", "--failed", "--folder", "anime")

    # Done again: the source goes back to where it was, and the earlier output stays.
    first = out / "film.mp4"
    before = first.read_bytes()
    asked(harness, "redo", "film.mp4")
    harness.wait_status(out / "film.mkv", "done")
    asked(harness, "redo", str(first), "--same-preset")
    harness.wait_status(out / "film (2).mp4", "done")
    eventually(lambda: counts(harness).keys() <= {"done", "failed"}, what="the end", details=harness.log)
    assert first.read_bytes() == before
    assert (share / "done" / "film.mp4").read_bytes() == clip.read_bytes()
    assert "job.not_redoable" in asked(harness, "redo", "S01E02.mp4", expected=2)

    # Waiting jobs get the present preset.
    asked(harness, "pause")
    (share / "later.mp4").write_bytes(clip.read_bytes())
    eventually(lambda: counts(harness).get("queued") == 1, what="the last file", details=harness.log)
    preset.write_text(yaml.safe_dump(FAST_PRESET | {"container": "mov"}))
    assert harness.daemon is not None
    harness.daemon.send_signal(signal.SIGHUP)
    harness.wait_for_event("config.reloaded")
    asked(harness, "requeue", "--all")
    asked(harness, "resume")
    harness.wait_status(out / "later.mov", "done")
    assert harness.stop() == 0
