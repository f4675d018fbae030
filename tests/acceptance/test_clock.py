"""The wall clock jumps while the daemon runs: by hours and years, back and forth."""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from pathlib import Path

import pytest

import injected
from harness import Harness, framewatch

HOUR, YEAR = 3600.0, 365 * 24 * 3600.0


def test_a_held_job_continues_and_new_files_are_taken_when_the_clock_jumps(
    harness: Harness, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = injected.clock(tmp_path / "clock", monkeypatch)
    share = harness.folder()
    out = harness.root / "anime" / "out"
    harness.start()
    out.rename(out.with_name("away"))
    out.touch()  # a file in its place: a missing folder would be made again
    shutil.copy(clip, share / "a.mp4")
    harness.wait_for_event("job.held")
    clock.turn(-10 * HOUR)
    out.unlink()
    out.with_name("away").rename(out)
    harness.wait_status(out / "a.mp4", "done", timeout=12)  # within 15 s it would not, with the clock as it was

    for number, jump in enumerate((10 * YEAR, -YEAR, 0.0)):
        clock.turn(jump)
        shutil.copy(clip, share / f"{number}.mp4")
        harness.wait_status(out / f"{number}.mp4", "done", timeout=20)
    state = json.loads(framewatch("status", "--json", "--config", harness.config).stdout)
    assert state["daemon"] is not None
    assert {Path(job["source"]).name for job in state["jobs"]} == {"2.mp4", "1.mp4", "0.mp4", "a.mp4"}
    years = {datetime.fromisoformat(harness.sidecar(out / f"{number}.mp4")["updated_at"]).year for number in range(3)}
    assert len(years) == 3
    assert all(line["seconds"] >= 0 for line in harness.events("job.done"))
    assert harness.stop() == 0
