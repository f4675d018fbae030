"""`replace: true`: outputs take the places of their sources, and are never taken for sources."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from harness import Harness


def jobs(harness: Harness) -> int:
    return len(harness.events("job.queued"))


def test_outputs_take_the_places_of_their_sources_and_are_not_processed_again(harness: Harness, clip: Path) -> None:
    share = harness.folder(replace=True, progress_files="folder", keep_mtime=True)
    film = clip.read_bytes()
    (share / "s1").mkdir()
    for name in ("same.mp4", "s1/other.m4v"):
        (share / name).write_bytes(film)
        os.utime(share / name, (10**9, 10**9))
    (share / "same.srt").write_text("text")
    (share / "bad.mp4").write_bytes(b"no film")
    assert harness.once().returncode == 1
    assert jobs(harness) == 3, harness.log()
    outputs = [share / "same.mp4", share / "s1/other.mp4"]
    for output in outputs:
        assert len(output.read_bytes()) > 100
        assert output.read_bytes() != film
        assert output.stat().st_mtime == 10**9
    assert not (share / "s1/other.m4v").exists()
    assert (share / "same.srt").exists()
    assert (share / "done/same.mp4").read_bytes() == (share / "done/s1/other.m4v").read_bytes() == film
    assert (share / "failed/bad.mp4").exists()
    assert [str(path.relative_to(share)) for path in sorted(share.rglob("*.progress.json"))] == [
        ".framewatch-progress/s1/other.mp4.progress.json",
        ".framewatch-progress/same.mp4.progress.json",
        "failed/.framewatch-progress/bad.mp4.progress.json",
    ]
    assert [path.name for path in share.rglob(".framewatch-*")] == [".framewatch-progress"] * 2

    outputs[0].rename(share / "renamed.mp4")
    assert harness.once().returncode == 0
    assert jobs(harness) == 3
    (share / "renamed.mp4").rename(outputs[0])
    shutil.rmtree(harness.root / "state")
    assert harness.once().returncode == 0
    assert jobs(harness) == 3

    outputs[0].write_bytes(film)  # another release
    os.utime(outputs[0])
    assert harness.once().returncode == 0
    assert jobs(harness) == 4
    assert (share / "done/same (2).mp4").read_bytes() == film
