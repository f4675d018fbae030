"""A source whose reading crashes the worker."""

from __future__ import annotations

import signal

from fault_harness import FaultHarness
from invariants import check
from report import Survived
from sources import MakeSource

FORTH = 60  # seconds by which the clock is set forward, so that the next attempt is due


def test_a_file_that_crashes_the_worker_twice_fails_and_others_go_on(
    harness: FaultHarness, source: MakeSource, survived: Survived
) -> None:
    harness.open()
    harness.turn("delay", 0.05)
    harness.turn("clock", "0")
    harness.drop(source(1, 4), "a.mp4")
    with harness.watcher:
        harness.start()
        harness.wait_frames(30)  # a segment is done: progress does not make a crash forgotten
        harness.victim("worker").send_signal(signal.SIGSEGV)
        harness.wait_event("job.queued", code="worker.died")
        harness.drop(source(2, 1), "b.mp4")
        harness.turn("clock", str(FORTH))
        harness.wait_event("job.started", count=2, source=str(harness.share / "a.mp4"))
        harness.victim("worker").send_signal(signal.SIGSEGV)
        failed = harness.wait_event("job.failed", code="worker.died")
        assert "a.mp4" in failed["message"]
        assert "SIGSEGV" in failed["message"]
        harness.turn("delay", 0)
        harness.wait_event("job.done", source=str(harness.share / "b.mp4"))
        assert harness.stop() == 0
    check(harness, failed={"a.mp4": "worker.died"})
    survived("a source crashes the worker", "SIGSEGV, twice", "failed, naming file and signal; the next was done")
