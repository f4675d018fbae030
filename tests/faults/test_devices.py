"""One video on several devices: how segments are shared, and what happens when a device fails."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from fault_harness import FaultHarness
from framewatch.jobs.gpu.semaphore import GpuSemaphore
from framewatch.upscale.host import memory_gb
from invariants import check
from report import Survived
from sources import RATE, MakeSource
from waiting import eventually

pytestmark = pytest.mark.slow

SEGMENT = RATE  # frames of a segment: `segment_seconds` is 1


def opened(harness: FaultHarness) -> list[str]:
    """Return the devices on which an engine was opened, in order."""
    record = harness.knobs / "opened"
    return record.read_text().split() if record.exists() else []


def require_each_segment_once(harness: FaultHarness, segments: int) -> None:
    assert sorted(event["number"] for event in harness.events("segment.done")) == list(range(segments))


def begin(harness: FaultHarness, source: MakeSource, seconds: int, devices: list[str], delay: float = 0.05) -> None:
    harness.open()
    harness.turn("devices", devices)
    harness.turn("delay", delay)
    harness.drop(source(1, seconds))


def test_equal_devices_share_the_segments_and_none_is_rendered_twice(
    harness: FaultHarness, source: MakeSource
) -> None:
    begin(harness, source, 6, ["0", "1"])
    with harness.watcher:
        harness.start()
        harness.wait_done(60)
        assert harness.stop() == 0
    check(harness)
    assert sorted(opened(harness)) == ["0", "1"]
    require_each_segment_once(harness, 6)
    assert Counter(harness.upscaled()).most_common(1)[0][1] == 1
    assert not harness.processes()


def test_no_worker_is_left_after_a_stop_in_the_middle(harness: FaultHarness, source: MakeSource) -> None:
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
    require_each_segment_once(harness, 4)


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
    require_each_segment_once(harness, 4)
    assert len(harness.events("job.queued")) == 1  # there was no second attempt
    survived("one of three GPUs fails", "its engine does not open", "a warning; the others rendered its share; done")


def test_a_device_that_another_process_uses_is_not_waited_for(harness: FaultHarness, source: MakeSource) -> None:
    taken = GpuSemaphore("identity 1", memory_gb(), 1, harness.knobs / "locks")
    with taken.acquire(1, threading.Event()):
        begin(harness, source, 3, ["0", "1"], delay=0)
        with harness.watcher:
            harness.start()
            harness.wait_done(60)
            assert harness.stop() == 0
    check(harness)
    assert opened(harness) == ["0"]


def test_killing_one_of_two_workers_costs_an_attempt_and_the_segments_being_rendered(
    harness: FaultHarness, source: MakeSource, survived: Survived
) -> None:
    begin(harness, source, 4, ["0", "1"], delay=0.1)
    with harness.watcher:
        harness.start()
        eventually(lambda: len(opened(harness)) == 2, what="both engines", details=harness.log)
        harness.wait_frames(SEGMENT)
        max(harness.processes("worker"), key=lambda process: process.create_time()).kill()
        harness.wait_event("job.queued", code="worker.died")
        harness.turn("delay", 0)
        harness.wait_done(60)
        assert harness.stop() == 0
    check(harness)
    require_each_segment_once(harness, 4)
    assert len(harness.upscaled()) <= (4 + 2) * SEGMENT
    survived("the worker of one of two GPUs killed", "SIGKILL", "attempted again; finished segments kept; done")


def test_all_workers_of_a_job_end_with_a_killed_daemon(
    harness: FaultHarness, source: MakeSource, survived: Survived
) -> None:
    begin(harness, source, 4, ["0", "1"], delay=0.1)
    with harness.watcher:
        harness.start()
        harness.wait_event("segment.done")
        eventually(lambda: harness.processes("inspector"), what="the inspector", details=harness.log)
        assert len(harness.processes("worker")) == 2
        harness.kill_daemon()
        eventually(lambda: not harness.processes(), what="the end of every child", details=harness.log)
        harness.turn("delay", 0)
        harness.start()
        harness.wait_done(60)
        assert harness.stop() == 0
    check(harness)
    require_each_segment_once(harness, 4)
    what = "SIGKILL of the daemon while two workers render and a third inspects"
    survived("no child outlives the daemon", what, "no process left; the job continued at the next start")
