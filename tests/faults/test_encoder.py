"""An ffmpeg that goes wrong, and says nothing of it."""

from __future__ import annotations

import signal
from pathlib import Path

import imageio_ffmpeg
import psutil
import pytest

import stub_ffmpeg
from fault_house import FaultHouse
from invariants import check
from report import Survived
from sources import MakeSource
from waiting import eventually


@pytest.fixture
def stub(house: FaultHouse) -> Path:
    """The folder of a stand-in for ffmpeg, which the house uses."""
    folder = house.root / "stub"
    house.settings["ffmpeg"] = str(stub_ffmpeg.install(folder, imageio_ffmpeg.get_ffmpeg_exe()))
    return folder


@pytest.mark.parametrize(
    ("mode", "what", "code"),
    [
        ("nothing", "no file", "verify.piece"),
        ("silent", "no sound", "verify.streams"),
    ],
)
def test_an_encoder_that_always_lies_fails_the_job_and_the_source_is_kept(
    house: FaultHouse, source: MakeSource, stub: Path, survived: Survived, mode: str, what: str, code: str
) -> None:
    house.settings["retries"] = 1
    house.open()
    stub_ffmpeg.tell(stub, mode)
    house.drop(source(1, 2), "a.mp4")
    with house.watcher:
        house.start()
        house.wait_event("job.failed")
        assert house.stop() == 0
    check(house, failed={"a.mp4": code})
    survived("ffmpeg lies", f"it ends with 0 and has written {what}, each time", "no output; the source in failed/")


LIES = {
    "half": "half the frames",
    "silent": "no sound",
    "unmade": "no joined file",
    "garbage": "a joined file that is no video",
}


@pytest.mark.parametrize(("mode", "what"), LIES.items(), ids=str)
def test_an_encoder_that_lies_once_costs_one_try(
    house: FaultHouse, source: MakeSource, stub: Path, survived: Survived, mode: str, what: str
) -> None:
    house.open()
    stub_ffmpeg.tell(stub, mode, times=1)
    house.drop(source(1, 2))
    with house.watcher:
        house.start()
        house.wait_done()
        assert house.stop() == 0
    check(house)
    survived("ffmpeg lies", f"it ends with 0 and has written {what}, once", "seen, made again, done")


def test_a_piece_that_cannot_be_decoded_is_found_while_the_next_ones_are_rendered(
    house: FaultHouse, source: MakeSource, stub: Path, survived: Survived
) -> None:
    house.open()
    stub_ffmpeg.tell(stub, "rotten", times=1)
    house.turn("delay", 0.2)  # 5 s for each of the 5 pieces that follow
    house.drop(source(1, 6))
    with house.watcher:
        house.start()
        house.wait_event("job.queued", code="verify.segment", timeout=60)
        assert len(house.events("segment.done")) < 5
        house.turn("delay", 0)
        house.wait_done()
        assert house.stop() == 0
    check(house)
    survived("ffmpeg lies", "it has written pictures that cannot be decoded, once", "seen before the end; done")


def test_an_encoder_that_fails_once_costs_one_try(
    house: FaultHouse, source: MakeSource, stub: Path, survived: Survived
) -> None:
    house.open()
    stub_ffmpeg.tell(stub, "fail", times=1)
    house.drop(source(1, 2))
    with house.watcher:
        house.start()
        house.wait_done()
        assert house.stop() == 0
    check(house)
    survived("ffmpeg fails", "it ends with 1 in the middle of a piece, once", "tried again, done")


def test_an_encoder_that_hangs_is_ended_with_all_that_it_started(
    house: FaultHouse, source: MakeSource, stub: Path, survived: Survived
) -> None:
    house.settings["stall_seconds"] = 2
    house.open()
    stub_ffmpeg.tell(stub, "hang", times=1)
    house.drop(source(1, 2))
    with house.watcher:
        house.start()
        eventually(lambda: _sleepers(house), what="the grandchild", story=house.log)
        house.wait_event("job.queued", code="worker.stalled")
        eventually(lambda: not _sleepers(house), timeout=5, what="the grandchild's end")
        house.wait_done()
        assert house.stop() == 0
    check(house)
    survived("ffmpeg hangs", "it sleeps, and so does a child of its own", "both killed by the watchdog; done")


def _sleepers(house: FaultHouse) -> list[psutil.Process]:
    return [process for process in house.processes() if process.name() == stub_ffmpeg.SLEEP[0]]


@pytest.mark.parametrize("what", ["worker", "ffmpeg"])
def test_a_process_that_stands_still_is_killed_and_its_work_done_again(
    house: FaultHouse, source: MakeSource, survived: Survived, what: str
) -> None:
    house.settings["stall_seconds"] = 2
    house.open()
    house.turn("delay", 0.05)
    house.drop(source(1, 3))
    with house.watcher:
        house.start()
        house.wait_frames(30)
        house.victim(what).send_signal(signal.SIGSTOP)
        house.turn("delay", 0)
        house.wait_event("job.queued", code="worker.stalled")
        house.wait_done()
        assert house.stop() == 0
    check(house)
    survived(
        f"{what} stands still", "SIGSTOP in the middle of a piece", "killed by the watchdog; the piece made again"
    )
