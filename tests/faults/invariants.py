"""The guarantees that hold whatever happens, checked by content: see `check`."""

from __future__ import annotations

import json
from pathlib import Path

import av

import frame_marks
from fault_harness import OURS, FaultHarness
from frame_marks import Mark
from sources import Source, digest
from waiting import eventually

SIDECAR = ".progress.json"


def check(harness: FaultHarness, *, failed: dict[str, str] | None = None, lost: set[str] | None = None) -> None:
    """Check, after the daemon has ended, that every guarantee holds for everything that was dropped.

    Args:
        harness: what is checked.
        failed: names whose job must have failed, with the error code.
        lost: names whose source the test itself removed or changed.
    """
    failed, lost = failed or {}, lost or set()
    finished = {name: source for name, source in harness.dropped.items() if name not in failed.keys() | lost}
    _each_source_in_one_place(harness, finished, failed, lost)
    _outputs_are_whole(harness, finished)
    _nothing_is_left(harness, finished, failed)
    _sidecars_show_the_end(harness, finished, failed)
    _log_is_json(harness, finished)
    assert not harness.watcher.torn, harness.watcher.torn
    eventually(
        lambda: not harness.processes(),
        timeout=5,
        what="the end of every process",
        details=lambda: str(harness.processes()),
    )


def _files(folder: Path) -> list[Path]:
    """Return all files in a folder and below, except sidecars and the daemon's own files."""
    found = [path for path in folder.rglob("*") if path.is_file() and path.name not in OURS]
    return [path for path in found if not path.name.endswith(SIDECAR)]


def _each_source_in_one_place(
    harness: FaultHarness, finished: dict[str, Source], failed: dict[str, str], lost: set[str]
) -> None:
    """Every source is, byte for byte, in exactly one of watch, done and failed, and in the right one."""
    for name, source in harness.dropped.items():
        if name not in lost:
            root = harness.done if name in finished else harness.failed
            assert [path.parent for path in _places(harness, source)] == [root], name
    known = {source.digest for source in harness.dropped.values()}
    assert not [path for path in _of_users(harness) if digest(path) not in known]


def _of_users(harness: FaultHarness) -> list[Path]:
    """Return all files in watch, done and failed."""
    roots = {harness.share, harness.done, harness.failed}
    tops = [root for root in roots if not any(other in root.parents for other in roots)]
    return [path for top in tops for path in _files(top)]


def _places(harness: FaultHarness, source: Source) -> list[Path]:
    """Return where copies of a source are, byte for byte."""
    return [path for path in _of_users(harness) if digest(path) == source.digest]


def _outputs_are_whole(harness: FaultHarness, finished: dict[str, Source]) -> None:
    """There is one output for each source, unchanged since its name first appeared, with each frame in its place."""
    there = sorted(_files(harness.out))
    assert there == sorted(harness.output(name) for name in finished)
    for name, source in finished.items():
        output = harness.output(name)
        assert harness.watcher.first.get(output.name) == digest(output), f"{output.name} changed after it was seen"
        require_whole(output, source)


def require_whole(output: Path, source: Source) -> None:
    """Require every frame of the source, once and in order, twice as large, and audio of the same length."""
    with av.open(str(output)) as container:
        planes = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    assert {plane.shape for plane in planes} == {(2 * frame_marks.HEIGHT, 2 * frame_marks.WIDTH)}
    marks = [frame_marks.read(plane) for plane in planes]
    assert marks == [Mark(source.clip, number) for number in range(source.frames)]
    with av.open(str(output)) as container:
        sound = sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))
    assert abs(sound - source.seconds) < 0.1, f"{output.name}: {sound:.3f} s of audio"


def _nothing_is_left(harness: FaultHarness, finished: dict[str, Source], failed: dict[str, str]) -> None:
    """No partial copies and no work folders are left."""
    roots = {harness.share, harness.out, harness.done, harness.failed}
    parts = [path for root in roots for path in root.rglob(".*") if path.name not in OURS]
    assert not parts
    if len(finished) + len(failed) == len(harness.dropped):
        assert not harness.leftovers()


def _sidecars_show_the_end(harness: FaultHarness, finished: dict[str, Source], failed: dict[str, str]) -> None:
    """There is one sidecar for each job, and it shows how the job ended."""
    for name, source in finished.items():
        shown = harness.sidecar(harness.output(name))
        assert (shown["status"], shown["progress"], shown["frames_done"]) == ("done", 100, source.frames)
    for name, code in failed.items():
        shown = harness.sidecar(_places(harness, harness.dropped[name])[0])
        assert (shown["status"], shown["error"]["code"]) == ("failed", code)
    roots = {harness.share, harness.out, harness.done, harness.failed}
    live = [
        path
        for root in roots
        for path in root.rglob(f"*{SIDECAR}")
        if json.loads(path.read_text())["status"] not in ("done", "failed")
    ]
    assert not live


def _log_is_json(harness: FaultHarness, finished: dict[str, Source]) -> None:
    """Every log line is JSON, and no source was processed twice, nor any job finished twice."""
    for line in harness.log().splitlines():
        json.loads(line)
    done = [event["job_id"] for event in harness.events("job.done")]
    assert len(done) == len(set(done)), "a job was done twice"
    failed = {event["job_id"] for event in harness.events("job.failed")}
    begun = {event["job_id"]: Path(event["source"]).name for event in harness.events("job.started")}
    for name in finished:
        jobs = [job for job, taken in begun.items() if taken == name and job not in failed]
        assert len(jobs) <= 1, f"{name} was processed twice"
