"""The wall clock jumps by hours."""

from __future__ import annotations

import pytest

from disks import AddDisk
from fault_harness import FaultHarness
from invariants import check
from report import Survived
from sources import MakeSource

HOURS = 3600


@pytest.mark.parametrize("hours", [-9000, 9000])
def test_a_clock_that_jumps_mid_run_changes_nothing(
    harness: FaultHarness, source: MakeSource, survived: Survived, hours: int
) -> None:
    harness.open()
    harness.turn("delay", 0.02)
    for clip in (1, 2):
        harness.drop(source(clip, 3))
    with harness.watcher:
        harness.start()
        harness.wait_frames(30)
        harness.turn("clock", hours * HOURS)
        harness.victim("worker").kill()  # so that the wait before the next attempt spans the jump
        harness.turn("delay", 0)
        harness.wait_done(timeout=30)
        assert harness.stop() == 0
    check(harness)
    survived(
        "clock jumps", f"{abs(hours)} h {'forward' if hours > 0 else 'back'}, and a worker killed", "all jobs done"
    )


def test_a_held_job_continues_soon_after_the_clock_jumped_back(
    harness: FaultHarness, source: MakeSource, disk: AddDisk, survived: Survived
) -> None:
    harness.open()
    output = disk("output")
    output.fill()
    with harness.watcher:
        harness.start()
        harness.drop(source(1, 2))
        harness.wait_event("job.held")
        harness.turn("clock", -9000 * HOURS)
        output.free()
        harness.wait_done()
        assert harness.stop() == 0
    check(harness)
    survived("clock jumps", "9000 h back while a job is held by a full disk", "it continued once there was space")
