"""A wall clock that jumps by hours."""

from __future__ import annotations

import pytest

from disks import AddDisk
from fault_house import FaultHouse
from invariants import check
from report import Survived
from sources import MakeSource

HOURS = 3600


@pytest.mark.parametrize("hours", [-9000, 9000])
def test_a_clock_that_jumps_mid_run_changes_nothing(
    house: FaultHouse, source: MakeSource, survived: Survived, hours: int
) -> None:
    house.open()
    house.turn("delay", 0.02)
    for clip in (1, 2):
        house.drop(source(clip, 3))
    with house.watcher:
        house.start()
        house.wait_frames(30)
        house.turn("clock", hours * HOURS)
        house.victim("worker").kill()  # so that a wait before another try falls into the jump
        house.turn("delay", 0)
        house.wait_done(timeout=30)
        assert house.stop() == 0
    check(house)
    survived(
        "clock jumps", f"{abs(hours)} h {'forth' if hours > 0 else 'back'}, and a worker killed", "all jobs done"
    )


def test_a_held_job_goes_on_soon_after_the_clock_jumped_back(
    house: FaultHouse, source: MakeSource, disk: AddDisk, survived: Survived
) -> None:
    house.open()
    output = disk("output")
    output.fill()
    with house.watcher:
        house.start()
        house.drop(source(1, 2))
        house.wait_event("job.held")
        house.turn("clock", -9000 * HOURS)
        output.free()
        house.wait_done()
        assert house.stop() == 0
    check(house)
    survived("clock jumps", "9000 h back while a job is held by a full disk", "it went on once there was room")
