"""Disks that are full, read-only, unplugged, or separate file systems."""

from __future__ import annotations

import pytest

from disks import AddDisk
from fault_harness import FaultHarness
from invariants import check
from report import Survived
from sources import MakeSource

pytestmark = pytest.mark.slow


@pytest.fixture
def harness(harness: FaultHarness) -> FaultHarness:
    """With done/ beside the input, so that each folder can be on a disk of its own."""
    harness.open(done=str(harness.root / "anime" / "done"))
    return harness


def _held(harness: FaultHarness) -> str:
    """Wait until the job is held by its storage; returns the code."""
    code: str = harness.wait_event("job.held")["code"]
    assert code.startswith("storage.")
    return code


@pytest.mark.parametrize("what", ["work", "output", "done"])
def test_a_full_disk_holds_the_job_until_there_is_space(
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
    survived(
        "disk full", f"ENOSPC on the disk of {what}, in the middle of a job", "held; continued once there was space"
    )


def test_work_input_output_and_done_may_be_on_different_disks(
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
    survived("other file systems", "work, input, output and done on a disk each (EXDEV)", "copied, compared, done")


@pytest.mark.parametrize("what", ["input", "output", "done"])
def test_a_disk_that_becomes_read_only_holds_the_job_until_it_can_be_written(
    harness: FaultHarness, source: MakeSource, disk: AddDisk, survived: Survived, what: str
) -> None:
    faulty = disk(what)
    harness.turn("delay", 0.05)
    with harness.watcher:
        harness.start()
        harness.drop(source(1, 3))
        harness.wait_frames(10)
        faulty.read_only(True)
        assert _held(harness) == "storage.read_only"
        faulty.read_only(False)
        harness.turn("delay", 0)
        harness.wait_done()
        assert harness.stop() == 0
    check(harness)
    survived("disk read-only", f"{what} remounted read-only mid-run", "held; continued once it was writable")


def test_a_disk_for_sources_that_cannot_be_written_to_holds_the_job_before_the_work(
    harness: FaultHarness, source: MakeSource, disk: AddDisk, survived: Survived
) -> None:
    faulty = disk("done")
    with harness.watcher:
        harness.start()
        faulty.read_only(True)
        harness.drop(source(1, 3))
        assert _held(harness) == "storage.read_only"
        assert harness.upscaled() == []
        faulty.read_only(False)
        harness.wait_done()
        assert harness.stop() == 0
    check(harness)
    survived("disk read-only", "done is read-only before the job", "held before any work; continued")


@pytest.mark.parametrize("what", ["input", "output", "done"])
def test_an_unplugged_disk_holds_the_job_and_nothing_is_written_to_its_mount_point(
    harness: FaultHarness, source: MakeSource, disk: AddDisk, survived: Survived, what: str
) -> None:
    unplugged = disk(what)
    harness.turn("delay", 0.05)
    with harness.watcher:
        harness.start()
        harness.drop(source(1, 3))
        harness.wait_frames(10)
        unplugged.pull()
        _held(harness)
        assert not list(unplugged.place.rglob("*"))
        unplugged.plug()
        harness.turn("delay", 0)
        harness.wait_done()
        assert harness.stop() == 0
        unplugged.pull()
        assert not list(unplugged.place.rglob("*"))
        unplugged.plug()
    check(harness)
    survived(
        "mount vanished",
        f"{what} unmounted mid-run, and mounted again",
        "held; nothing written to the empty mount point; continued when it was back",
    )
