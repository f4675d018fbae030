"""ffmpeg fails, hangs, or reports success for a wrong file."""

from __future__ import annotations

import signal
from pathlib import Path

import imageio_ffmpeg
import psutil
import pytest

import stub_ffmpeg
from fault_harness import FaultHarness
from invariants import check
from report import Survived
from sources import MakeSource
from waiting import eventually

pytestmark = pytest.mark.slow


@pytest.fixture
def stub(harness: FaultHarness) -> Path:
    """The folder of a stand-in for ffmpeg, which the daemon uses."""
    folder = harness.root / "stub"
    harness.settings["ffmpeg"] = str(stub_ffmpeg.install(folder, imageio_ffmpeg.get_ffmpeg_exe()))
    return folder


@pytest.mark.parametrize(
    ("mode", "what", "code"),
    [
        ("nothing", "no file", "verify.piece"),
        ("silent", "no sound", "verify.streams"),
    ],
)
def test_an_encoder_that_always_writes_wrong_files_fails_the_job_and_the_source_is_kept(
    harness: FaultHarness, source: MakeSource, stub: Path, survived: Survived, mode: str, what: str, code: str
) -> None:
    harness.settings["retries"] = 1
    harness.open()
    stub_ffmpeg.misbehave(stub, mode)
    harness.drop(source(1, 2), "a.mp4")
    with harness.watcher:
        harness.start()
        harness.wait_event("job.failed")
        assert harness.stop() == 0
    check(harness, failed={"a.mp4": code})
    survived(
        "ffmpeg reports success wrongly",
        f"it exits with 0 and has written {what}, every time",
        "no output; the source in failed/",
    )


WRONG_FILES = {
    "half": "half the frames",
    "silent": "no sound",
    "unmade": "no joined file",
    "garbage": "a joined file that is not a video",
}


@pytest.mark.parametrize(("mode", "what"), WRONG_FILES.items(), ids=str)
def test_an_encoder_that_writes_one_wrong_file_costs_one_attempt(
    harness: FaultHarness, source: MakeSource, stub: Path, survived: Survived, mode: str, what: str
) -> None:
    harness.open()
    stub_ffmpeg.misbehave(stub, mode, times=1)
    harness.drop(source(1, 2))
    with harness.watcher:
        harness.start()
        harness.wait_done()
        assert harness.stop() == 0
    check(harness)
    survived(
        "ffmpeg reports success wrongly",
        f"it exits with 0 and has written {what}, once",
        "detected, rendered again, done",
    )


def test_a_segment_that_cannot_be_decoded_is_found_while_the_next_ones_are_rendered(
    harness: FaultHarness, source: MakeSource, stub: Path, survived: Survived
) -> None:
    harness.open()
    stub_ffmpeg.misbehave(stub, "rotten", times=1)
    harness.turn("delay", 0.2)  # 5 s for each of the 5 segments that follow
    harness.drop(source(1, 6))
    with harness.watcher:
        harness.start()
        harness.wait_event("job.queued", code="verify.segment", timeout=60)
        assert len(harness.events("segment.done")) < 5
        harness.turn("delay", 0)
        harness.wait_done()
        assert harness.stop() == 0
    check(harness)
    survived(
        "ffmpeg reports success wrongly",
        "it has written frames that cannot be decoded, once",
        "detected before the end; done",
    )


def test_an_encoder_that_fails_once_costs_one_attempt(
    harness: FaultHarness, source: MakeSource, stub: Path, survived: Survived
) -> None:
    harness.open()
    stub_ffmpeg.misbehave(stub, "fail", times=1)
    harness.drop(source(1, 2))
    with harness.watcher:
        harness.start()
        harness.wait_done()
        assert harness.stop() == 0
    check(harness)
    survived("ffmpeg fails", "it exits with 1 in the middle of a segment, once", "attempted again, done")


def test_an_encoder_that_hangs_is_killed_with_its_children(
    harness: FaultHarness, source: MakeSource, stub: Path, survived: Survived
) -> None:
    harness.settings["stall_seconds"] = 2
    harness.open()
    stub_ffmpeg.misbehave(stub, "hang", times=1)
    harness.drop(source(1, 2))
    with harness.watcher:
        harness.start()
        eventually(lambda: _sleepers(harness), what="the grandchild", details=harness.log)
        harness.wait_event("job.queued", code="worker.stalled")
        eventually(lambda: not _sleepers(harness), timeout=5, what="the grandchild's end")
        harness.wait_done()
        assert harness.stop() == 0
    check(harness)
    survived("ffmpeg hangs", "it sleeps, and so does a child of its own", "both killed by the stall detector; done")


def _sleepers(harness: FaultHarness) -> list[psutil.Process]:
    return [process for process in harness.processes() if process.name() == stub_ffmpeg.SLEEP[0]]


@pytest.mark.parametrize("what", ["worker", "ffmpeg"])
def test_a_stopped_process_is_killed_and_its_work_repeated(
    harness: FaultHarness, source: MakeSource, survived: Survived, what: str
) -> None:
    harness.settings["stall_seconds"] = 2
    harness.open()
    harness.turn("delay", 0.05)
    harness.drop(source(1, 3))
    with harness.watcher:
        harness.start()
        harness.wait_frames(30)
        harness.victim(what).send_signal(signal.SIGSTOP)
        harness.turn("delay", 0)
        harness.wait_event("job.queued", code="worker.stalled")
        harness.wait_done()
        assert harness.stop() == 0
    check(harness)
    survived(
        f"{what} stopped",
        "SIGSTOP in the middle of a segment",
        "killed by the stall detector; segment rendered again",
    )
