"""Sources that change while they are processed."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import pytest

from fault_harness import FaultHarness
from invariants import check
from report import Survived
from sources import MakeSource, Source

CAPABILITIES = (1, 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH (linux/capability.h): root without them obeys modes
PR_CAPBSET_DROP = 24  # linux/prctl.h


@pytest.fixture
def running(harness: FaultHarness, source: MakeSource) -> FaultHarness:
    """A harness with a running job on `a.mp4`."""
    harness.open()
    harness.turn("delay", 0.05)
    harness.drop(source(1, 4), "a.mp4")
    return harness


def test_a_source_replaced_during_its_job_is_processed_in_its_new_version(
    running: FaultHarness, source: MakeSource, survived: Survived
) -> None:
    other = source(2, 3)
    with running.watcher:
        running.start()
        running.wait_frames(30)
        (running.share / "a.mp4").write_bytes(other.path.read_bytes())
        running.dropped["a.mp4"] = other
        running.wait_event("job.failed", code="source.changed")
        running.turn("delay", 0)
        running.wait_done()
        assert running.stop() == 0
    check(running)
    survived(
        "source replaced", "another video written over it mid-run", "the job ended at once; a new job processed it"
    )


def test_a_source_that_shrinks_during_its_job_ends_in_failed(
    running: FaultHarness, source: MakeSource, survived: Survived, tmp_path: Path
) -> None:
    with running.watcher:
        running.start()
        running.wait_frames(30)
        path = running.share / "a.mp4"
        os.truncate(path, path.stat().st_size // 2)
        half = tmp_path / "half.mp4"
        half.write_bytes(path.read_bytes())
        running.dropped["a.mp4"] = Source(half, 1, 50)
        running.wait_event("job.failed", code="source.changed")
        running.turn("delay", 0)
        running.wait_event("job.failed", code="media.truncated")
        assert running.stop() == 0
    check(running, failed={"a.mp4": "media.truncated"})
    survived("source shrank", "cut in half mid-run", "the job ended at once; the rest of the file went to failed/")


def test_a_source_that_vanishes_during_its_job_leaves_nothing_and_may_return(
    running: FaultHarness, source: MakeSource, survived: Survived
) -> None:
    with running.watcher:
        running.start()
        running.wait_frames(30)
        (running.share / "a.mp4").unlink()
        running.wait_event("job.failed", code="source.vanished")
        assert len(running.upscaled()) < 90  # it was noticed long before the end
        running.turn("delay", 0)
        running.drop(source(1, 4), "a.mp4")
        running.wait_done()
        assert running.stop() == 0
    check(running)
    survived("source vanished", "deleted mid-run, and dropped again", "the job ended at once; the new file was done")


def test_a_source_that_becomes_unreadable_waits_until_it_is_readable(
    running: FaultHarness, survived: Survived
) -> None:
    running.process_options["preexec_fn"] = _obey_modes
    path = running.share / "a.mp4"
    with running.watcher:
        running.start()
        running.wait_frames(30)
        path.chmod(0)
        assert running.wait_event("job.held")["code"] == "storage.denied"
        path.chmod(0o644)
        running.turn("delay", 0)
        running.wait_done()
        assert running.stop() == 0
    check(running)
    survived("source unreadable", "mode 000 mid-run", "held; continued once it was readable")


def _obey_modes() -> None:
    """Run in the child before the daemon: drop root's capability to ignore file modes."""
    if os.geteuid() == 0:
        for capability in CAPABILITIES:
            ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
