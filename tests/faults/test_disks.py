"""Disks that are full, read-only, pulled out, or others than one thinks."""

from __future__ import annotations

import pytest

from disks import AddDisk
from fault_harness import FaultHarness
from invariants import check
from report import Survived
from sources import MakeSource


@pytest.fixture
def harness(harness: FaultHarness) -> FaultHarness:
    """With done/ beside the input, so that each of its places can have a disk of its own."""
    harness.open(done=str(harness.root / "anime" / "done"))
    return harness


def _held(harness: FaultHarness) -> str:
    """Wait until the job is held by its storage; returns the code."""
    code: str = harness.wait_event("job.held")["code"]
    assert code.startswith("storage.")
    return code


@pytest.mark.parametrize("what", ["work", "output", "done"])
def test_a_full_disk_holds_the_job_until_there_is_room(
    harness: FaultHarness, source: MakeSource, disk: AddDisk, survived: Survived, what: str
) -> None:
    full = disk(what)
    harness.turn("delay", 0.05)
    with harness.watcher:
        harness.start()
        harness.drop(source(1, 3))
        harness.wait_frames(10)
        full.fill()
        code = _held(harness)
        assert code in ("storage.full", "storage.will_not_fit")
        full.free()
        harness.turn("delay", 0)
        harness.wait_done()
        assert harness.stop() == 0
    check(harness)
    survived("disk full", f"ENOSPC where {what} lies, in the middle of a job", "held; went on once there was room")


def test_work_output_and_done_may_all_lie_on_other_disks(
    harness: FaultHarness, source: MakeSource, disk: AddDisk, survived: Survived
) -> None:
    for what in ("work", "input", "output", "done"):
        disk(what)
    with harness.watcher:
        harness.start()
        for clip in (1, 2):
            harness.drop(source(clip, 3))
        harness.wait_done()
        assert harness.stop() == 0
    check(harness)
    survived("other file systems", "work, input, output and done on one each (EXDEV)", "copied, compared, done")


@pytest.mark.parametrize("what", ["input", "output", "done"])
def test_a_disk_that_becomes_read_only_holds_the_job_until_it_can_be_written(
    harness: FaultHarness, source: MakeSource, disk: AddDisk, survived: Survived, what: str
) -> None:
    hurt = disk(what)
    harness.turn("delay", 0.05)
    with harness.watcher:
        harness.start()
        harness.drop(source(1, 3))
        harness.wait_frames(10)
        hurt.read_only(True)
        assert _held(harness) == "storage.read_only"
        hurt.read_only(False)
        harness.turn("delay", 0)
        harness.wait_done()
        assert harness.stop() == 0
    check(harness)
    survived("disk read-only", f"{what} remounted read-only mid-run", "held; went on once it could be written")


@pytest.mark.parametrize("what", ["input", "output", "done"])
def test_a_disk_that_is_pulled_out_holds_the_job_and_nothing_is_written_where_it_was(
    harness: FaultHarness, source: MakeSource, disk: AddDisk, survived: Survived, what: str
) -> None:
    gone = disk(what)
    harness.turn("delay", 0.05)
    with harness.watcher:
        harness.start()
        harness.drop(source(1, 3))
        harness.wait_frames(10)
        gone.pull()
        _held(harness)
        assert not list(gone.place.rglob("*"))
        gone.plug()
        harness.turn("delay", 0)
        harness.wait_done()
        assert harness.stop() == 0
        gone.pull()
        assert not list(gone.place.rglob("*"))
        gone.plug()
    check(harness)
    survived(
        "mount vanished",
        f"{what} unmounted mid-run, and mounted again",
        "held; nothing written to the empty mount point; went on when it was back",
    )
