"""`done: keep`: a library that others use stays as it is, and nothing in it is processed twice."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from harness import Harness, framewatch
from mounts import bound_read_only
from waiting import eventually

HOUR = 3600 * 10**9


def state_of(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Content and time of every file, and the names of folders."""
    return {
        str(path.relative_to(folder)): (path.read_bytes() if path.is_file() else b"", path.stat().st_mtime_ns)
        for path in (folder, *folder.rglob("*"))
    }


def append(film: Path, text: str) -> None:
    """Add a box that players pass over: the same film, and another file."""
    box = b"free" + text.encode()
    with film.open("ab") as file:
        file.write((len(box) + 4).to_bytes(4, "big") + box)


def jobs(harness: Harness) -> int:
    return len(harness.events("job.queued"))


def test_a_library_is_left_as_it_is_and_nothing_is_processed_twice(harness: Harness, clip: Path) -> None:
    share = harness.folder(done="keep", failed=str(harness.root / "reasons"))
    library = harness.root / "library"
    (library / "s1").mkdir(parents=True)
    for name in ("s1/one.mp4", "s1/two.mp4"):
        shutil.copy2(clip, library / name)
        append(library / name, name)
    (library / "bad.mkv").write_bytes(b"no film")
    (library / "notes.txt").write_text("x")
    with bound_read_only(library, share):
        check_library(harness, library)


def check_library(harness: Harness, library: Path) -> None:
    output, before = harness.root / "anime/out", state_of(library)
    assert harness.once().returncode == 1
    assert jobs(harness) == 3, harness.log()
    assert state_of(library) == before
    assert sorted(path.name for path in output.glob("s1/*.mp4")) == ["one.mp4", "two.mp4"]
    assert [path.name for path in (harness.root / "reasons").glob("*.json")] == ["bad.mkv.progress.json"]

    # What happens to files of libraries: a rename, another inode, another time zone.
    (library / "s1/one.mp4").rename(library / "One (1999).mp4")
    shutil.copy2(library / "s1/two.mp4", library / "copy")
    (library / "copy").replace(library / "s1/two.mp4")
    found = (library / "bad.mkv").stat()
    os.utime(library / "bad.mkv", ns=(0, found.st_mtime_ns - HOUR))
    assert harness.once().returncode == 0, harness.log()
    assert jobs(harness) == 3

    # The store is lost: outputs say what was done, and each belongs to one source.
    (library / "One (1999).mp4").rename(library / "s1/one.mp4")
    shutil.rmtree(harness.root / "state")
    assert harness.once().returncode == 1
    assert jobs(harness) == 4, "only the file without an output is new"
    assert [event["files"] for event in harness.events("folder.output_exists")] == [2]

    # New content is a new file.
    append(library / "s1/two.mp4", "more")
    assert harness.once().returncode == 0
    assert jobs(harness) == 5
    assert (output / "s1/two (2).mp4").exists()


def test_a_failed_file_stays_and_a_retry_takes_it_again(harness: Harness, clip: Path) -> None:
    share = harness.folder(done="keep", progress_files="while_running")
    bad = share / "bad.mp4"
    bad.write_bytes(b"no film")
    harness.start()
    failed = eventually(lambda: harness.events("job.failed"), what="the failed job", details=harness.log)[0]
    reason = harness.root / "anime/out/bad.mp4.progress.json"
    assert reason.exists()
    assert sorted(path.name for path in share.iterdir()) == ["bad.mp4"]

    kept = bad.stat()
    bad.write_bytes(clip.read_bytes())
    os.utime(bad, ns=(kept.st_atime_ns, kept.st_mtime_ns + 60 * 10**9))
    done = eventually(lambda: harness.events("job.done"), what="the repaired file's job", details=harness.log)[0]
    assert [path.name for path in (harness.root / "anime/out").glob("*.mp4*")] == ["bad.mp4"]
    assert done["job_id"] != failed["job_id"]

    append(bad, "again")
    assert framewatch("retry", failed["job_id"], "--config", harness.config).returncode == 0
    eventually(lambda: len(harness.events("job.done")) == 2, what="the retried job", details=harness.log)
    assert sorted(path.name for path in share.iterdir()) == ["bad.mp4"]
    assert harness.stop() == 0
