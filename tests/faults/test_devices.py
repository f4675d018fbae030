"""A video on several devices at once: what is shared out, and what happens when one of them goes wrong."""

from __future__ import annotations

import threading
from collections import Counter

from fault_harness import FaultHarness
from framewatch.jobs.gpu.semaphore import GpuSemaphore
from framewatch.upscale.host import memory_gb
from invariants import check
from report import Survived
from sources import RATE, MakeSource
from waiting import eventually

PIECE = RATE  # frames of a piece: `segment_seconds` is 1


def opened(harness: FaultHarness) -> list[str]:
    """The devices on which an engine was opened, in order."""
    tally = harness.knobs / "opened"
    return tally.read_text().split() if tally.exists() else []


def require_each_piece_once(harness: FaultHarness, pieces: int) -> None:
    assert sorted(event["number"] for event in harness.events("segment.done")) == list(range(pieces))


def begin(harness: FaultHarness, source: MakeSource, seconds: int, devices: list[str], delay: float = 0.05) -> None:
    harness.open()
    harness.turn("devices", devices)
    harness.turn("delay", delay)
    harness.drop(source(1, seconds))


def test_segments_are_shared_out_among_equal_devices_and_none_is_made_twice(
    harness: FaultHarness, source: MakeSource
) -> None:
    begin(harness, source, 6, ["0", "1"])
    with harness.watcher:
        harness.start()
        harness.wait_done(60)
        assert harness.stop() == 0
    check(harness)
    assert sorted(opened(harness)) == ["0", "1"]
    require_each_piece_once(harness, 6)
    assert Counter(harness.upscaled()).most_common(1)[0][1] == 1
    assert not harness.processes()


def test_stopped_in_the_middle_no_worker_is_left(harness: FaultHarness, source: MakeSource) -> None:
    begin(harness, source, 4, ["0", "1"], delay=0.1)
    with harness.watcher:
        harness.start()
        harness.wait_event("segment.done", 2)
        assert harness.stop() == 0
        assert not harness.processes()
        harness.turn("delay", 0)
        harness.start()
        harness.wait_done(60)
        assert harness.stop() == 0
    check(harness)
    require_each_piece_once(harness, 4)


def test_a_device_that_does_not_open_leaves_its_share_to_the_others(
    harness: FaultHarness, source: MakeSource, survived: Survived
) -> None:
    begin(harness, source, 4, ["0", "1!", "2"])
    with harness.watcher:
        harness.start()
        harness.wait_done(60)
        assert harness.stop() == 0
    check(harness)
    assert sorted(set(opened(harness))) == ["0", "1", "2"]
    require_each_piece_once(harness, 4)
    assert (
        harness.events(
            "job.queued",
        )
        == harness.events("job.queued")[:1]
    )  # it was not tried again
    survived("one of three GPUs fails", "its engine does not open", "a warning; the others made its share; done")


def test_a_device_that_another_process_has_is_not_waited_for(harness: FaultHarness, source: MakeSource) -> None:
    taken = GpuSemaphore("identity 1", memory_gb(), 1, harness.knobs / "locks")
    with taken.acquire(1, threading.Event()):
        begin(harness, source, 3, ["0", "1"], delay=0)
        with harness.watcher:
            harness.start()
            harness.wait_done(60)
            assert harness.stop() == 0
    check(harness)
    assert opened(harness) == ["0"]


def test_one_of_two_workers_killed_costs_a_try_and_at_most_the_pieces_in_hand(
    harness: FaultHarness, source: MakeSource, survived: Survived
) -> None:
    begin(harness, source, 4, ["0", "1"], delay=0.1)
    with harness.watcher:
        harness.start()
        eventually(lambda: len(opened(harness)) == 2, what="both engines", story=harness.log)
        harness.wait_frames(PIECE)
        max(harness.processes("worker"), key=lambda process: process.create_time()).kill()
        harness.wait_event("job.queued", code="worker.died")
        harness.turn("delay", 0)
        harness.wait_done(60)
        assert harness.stop() == 0
    check(harness)
    require_each_piece_once(harness, 4)
    assert len(harness.upscaled()) <= (4 + 2) * PIECE
    survived("the worker of one of two GPUs killed", "SIGKILL", "tried again; finished pieces kept; done")


def test_all_workers_of_a_job_go_with_a_daemon_that_is_killed(
    harness: FaultHarness, source: MakeSource, survived: Survived
) -> None:
    begin(harness, source, 4, ["0", "1"], delay=0.1)
    with harness.watcher:
        harness.start()
        harness.wait_event("segment.done")
        eventually(lambda: harness.processes("inspector"), what="the one that inspects", story=harness.log)
        assert len(harness.processes("worker")) == 2
        harness.kill_daemon()
        eventually(lambda: not harness.processes(), what="the end of every child", story=harness.log)
        harness.turn("delay", 0)
        harness.start()
        harness.wait_done(60)
        assert harness.stop() == 0
    check(harness)
    require_each_piece_once(harness, 4)
    what = "SIGKILL of the daemon while two workers render and a third one inspects"
    survived("no child outlives the daemon", what, "no process left; the job went on at the next start")
