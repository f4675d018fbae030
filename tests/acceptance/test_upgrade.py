"""What framewatch 0.1.0 left on disk is taken up: jobs, finished segments, half-published results, markers.

tests/data/upgrade/README.md says what the fixture holds and how it was made.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
import yaml

from fault_harness import FaultHarness
from harness import framewatch
from invariants import require_whole
from sources import Source
from waiting import eventually

FIXTURE = Path(__file__).parents[1] / "data" / "upgrade" / "framewatch-0.1.0.tar.xz"
OLD_ROOT = "/srv/framewatch"  # below which everything lay
TABLES = ("jobs", "history", "progress", "requests", "facts")
LATIN = "caf\udce9.mp4"  # not UTF-8

# Each job of the fixture, by its source's name as it is shown: its state, and the codes of its findings.
JOBS = {
    "M\u00e4rchen 01.mp4": ("done", []),
    "short.mp4": ("skipped", ["only_if.no_match"]),
    "broken.mp4": ("failed", ["media.not_media"]),
    "many findings.mp4": ("failed", ["tracks.audio_not_found", "tracks.subtitle_not_found", "crop.outside"]),
    "cancelled.mp4": ("cancelled", ["job.cancelled"]),
    "to retry.mp4": ("cancelled", ["job.cancelled"]),
    "retried.mp4": ("queued", []),
    "half output.mp4": ("publishing", []),
    "half source.mp4": ("publishing", []),
    "running.mp4": ("running", []),
    "caf\ufffd.mp4": ("queued", []),
    "to cancel.mp4": ("queued", []),
    "held room.mp4": ("held", ["storage.will_not_fit"]),
    "held result.mp4": ("held", ["storage.not_mounted"]),
    "held failure.mp4": ("held", ["storage.not_mounted"]),
    "held queued.mp4": ("held", ["storage.not_mounted"]),
}
ENDED = ("M\u00e4rchen 01.mp4", "short.mp4", "broken.mp4", "many findings.mp4", "cancelled.mp4")
ENDED_SIDECARS = (
    "anime/out/season 1/M\u00e4rchen 01.mp4.progress.json",
    "anime/in/done/short.mp4.progress.json",
    "anime/in/failed/broken.mp4.progress.json",
    "strict/in/failed/many findings.mp4.progress.json",
    "anime/in/failed/cancelled.mp4.progress.json",
)
ON_PULLED_DISK = ("held result.mp4", "held failure.mp4", "held queued.mp4")
BEGUN = ("retried.mp4", "half output.mp4", "half source.mp4", "running.mp4", "held room.mp4")
DONE: tuple[str, list[str]] = ("done", [])
AFTER = JOBS | {
    **dict.fromkeys((*BEGUN, "to retry.mp4", "caf\ufffd.mp4", "held result.mp4", "held queued.mp4"), DONE),
    "to cancel.mp4": ("cancelled", ["job.cancelled"]),
    "held failure.mp4": ("failed", ["media.not_media"]),
}
# The clips that frames are marked with, by name.
CLIPS = {
    "season 1/M\u00e4rchen 01.mp4": 1,
    "retried.mp4": 5,
    "to retry.mp4": 6,
    "half output.mp4": 10,
    "half source.mp4": 11,
    "running.mp4": 12,
    LATIN: 13,
}
RUNNING, FRAMES, PER_SEGMENT = 12, 200, 25  # the clip that was half done, its frames, and those of a segment
KEPT = [0, 1, 2, 3]  # its segments that were finished


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[FaultHarness]:
    root = tmp_path / "harness"
    with tarfile.open(FIXTURE) as archive:
        archive.extractall(root, filter="data")
    _relocate(root)
    harness = FaultHarness(root)
    harness.settings = yaml.safe_load(harness.config.read_text())
    harness.process_options["env"]["FRAMEWATCH_UPGRADE_FFMPEG"] = imageio_ffmpeg.get_ffmpeg_exe()
    yield harness
    harness.end()


def test_every_old_job_is_listed_with_its_state_findings_and_progress(harness: FaultHarness) -> None:
    old = json.loads((harness.root / "status.json").read_text())
    new = _status(harness)
    assert _shown(new) == JOBS
    assert new["daemon"] is None
    assert new["counts"] == old["counts"]
    known = {job["job_id"]: job for job in new["jobs"]}
    assert len(old["jobs"]) == len(known) == len(JOBS)
    for job in old["jobs"]:
        if job["status"] in ("queued", "running", "publishing", "held"):
            del job["updated_at"]  # the moment of asking
        assert job.items() <= known[job["job_id"]].items()


@pytest.mark.parametrize("lost", ["", "framewatch.roots.json"])
def test_the_ids_of_old_markers_are_known_from_the_store_and_from_the_copy(harness: FaultHarness, lost: str) -> None:
    if lost:
        (harness.root / "state" / lost).unlink()
    told = json.loads(_command(harness, "folders", "--json").stdout)["folders"]
    disks = {folder["name"]: {place["disk"] for place in folder["places"].values()} for folder in told}
    assert disks == {"anime": {"there"}, "strict": {"there"}, "small": {"there"}, "usb": {"absent"}}


def test_everything_that_was_begun_is_finished_and_nothing_is_done_twice(harness: FaultHarness) -> None:
    markers, history, sidecars = _markers(harness.root), _history(harness), _sidecars(harness.root)
    work = harness.work / _ids(harness)["running.mp4"]
    segments = [work / f"segment-{number:05}.mp4" for number in KEPT]
    before = [_version(path) for path in segments]
    assert [entry["number"] for entry in _ledger(work)] == KEPT

    harness.turn("delay", 0.02)
    harness.start()
    eventually((work / "segment-00004.mp4").exists, timeout=30, what="the next segment", details=harness.log)
    assert [_version(path) for path in segments] == before
    assert [entry["number"] for entry in _ledger(work)][: len(KEPT)] == KEPT
    harness.turn("delay", 0)

    assert _shown(_status(harness)).items() >= {name: JOBS[name] for name in ON_PULLED_DISK}.items()
    assert not list((harness.root / "usb").iterdir())
    (harness.root / "usb.disk").rename(harness.root / "usb")

    for name in CLIPS:
        harness.wait_status(harness.out / name, "done", timeout=30)
    harness.wait_status(harness.failed / "to cancel.mp4", "cancelled", timeout=30)
    harness.wait_status(harness.root / "small/out/held room.mp4", "done", timeout=30)
    for name in ("held result.mp4", "held queued.mp4"):
        harness.wait_status(harness.root / "usb/out" / name, "done", timeout=30)
    harness.wait_status(harness.root / "usb/in/failed/held failure.mp4", "failed", timeout=30)
    eventually(lambda: not harness.leftovers(), timeout=10, what="an empty work folder", details=harness.log)
    assert harness.stop() == 0

    assert _shown(_status(harness)) == AFTER
    _require_outputs(harness, CLIPS)
    _require_rendered(harness, {RUNNING, 5, 6, 7, 9, 13})
    assert _markers(harness.root) == {_mounted(path): content for path, content in markers.items()}
    missing = [each for each in harness.events() if each.get("code") == "storage.not_mounted"]
    assert {each.get("folder", "usb") for each in missing} <= {"usb"}
    assert _sidecars(harness.root).items() >= {path: sidecars[path] for path in ENDED_SIDECARS}.items()
    told = {path: json.loads(content)["status"] for path, content in _sidecars(harness.root).items()}
    assert {Path(path).name.removesuffix(".progress.json"): status for path, status in told.items()} == {
        LATIN if name == "caf\ufffd.mp4" else name: state for name, (state, _) in AFTER.items()
    }
    assert len(told) == len(AFTER)  # none of an earlier end is left
    new = _history(harness)
    assert {job: new[job][: len(rows)] for job, rows in history.items()} == history
    for name in ENDED:
        assert new[_ids(harness)[name]] == history[_ids(harness)[name]]


@pytest.mark.parametrize("how", ["removed", "damaged"])
def test_a_lost_store_is_rebuilt_from_the_old_backup_records(harness: FaultHarness, how: str) -> None:
    markers, ids = _markers(harness.root), _ids(harness)
    for path in (harness.root / "state").glob("framewatch.db*"):
        if how == "removed":
            path.unlink()
        else:
            path.write_bytes(b"damage" * 10_000)
    assert harness.once(timeout=60).returncode == 1  # the disk of one folder is not there

    rebuilt = {ids[name] for name in (*BEGUN, *ON_PULLED_DISK)}
    assert [set(event["job_ids"]) for event in harness.events("store.rebuilt")] == [rebuilt]
    told = _status(harness)
    assert {job["job_id"] for job in told["jobs"]} >= rebuilt
    # What only waited is found in its folder again; the requests went with the store.
    waited = ("caf\ufffd.mp4", "to cancel.mp4")
    assert _shown(told) == dict.fromkeys((*BEGUN, *waited), DONE) | {name: JOBS[name] for name in ON_PULLED_DISK}
    _require_outputs(harness, {name: CLIPS[name] for name in CLIPS if name != "to retry.mp4"} | {"to cancel.mp4": 14})
    _require_rendered(harness, {RUNNING, 5, 7, 13, 14})
    assert _markers(harness.root) == markers
    assert not list((harness.root / "usb").iterdir())


# --- what there is -------------------------------------------------------------------------------------------


def _command(harness: FaultHarness, *args: str) -> Any:
    done = framewatch(*args, "--config", harness.config, **harness.process_options)
    assert done.returncode == 0, done.stderr
    return done


def _status(harness: FaultHarness) -> dict[str, Any]:
    done = framewatch("status", "--json", "--limit", "100", "--config", harness.config, **harness.process_options)
    told: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (0 if told["daemon"] else 1), done.stderr
    return told


def _shown(status: dict[str, Any]) -> dict[str, tuple[str, list[str]]]:
    """The state of each job and the codes of its findings, by the name of its source."""
    return {
        Path(job["source"]).name: (
            job["status"],
            [finding["code"] for finding in (job["error"] or {"findings": []})["findings"]],
        )
        for job in status["jobs"]
    }


def _ids(harness: FaultHarness) -> dict[str, str]:
    """The ids that the fixture's jobs have, by the names of their sources."""
    told = json.loads((harness.root / "status.json").read_text())
    return {Path(job["source"]).name: job["job_id"] for job in told["jobs"]}


def _history(harness: FaultHarness) -> dict[str, list[tuple[Any, ...]]]:
    found: dict[str, list[tuple[Any, ...]]] = {}
    with closing(sqlite3.connect(harness.root / "state/framewatch.db")) as database:
        rows = database.execute("SELECT job_id, at, event, state, attempt, codes FROM history ORDER BY number")
        for job, *row in rows:
            found.setdefault(job, []).append(tuple(row))
    return found


def _ledger(work: Path) -> list[dict[str, Any]]:
    """The entries of a job's finished segments; a line that is just being written is left out."""
    whole = (work / "ledger.jsonl").read_text().rpartition("\n")[0].splitlines()
    return [entry for entry in map(json.loads, whole) if "number" in entry]


def _version(path: Path) -> tuple[int, int, str]:
    """What changes when a file is written again."""
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest()


def _markers(root: Path) -> dict[Path, bytes]:
    return {path.relative_to(root): path.read_bytes() for path in root.rglob(".framewatch")}


def _sidecars(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*.progress.json")}


def _mounted(path: Path) -> Path:
    """Where a file lies once the disk is back at its mount point."""
    return Path("usb", *path.parts[1:]) if path.parts[0] == "usb.disk" else path


def _require_outputs(harness: FaultHarness, clips: dict[str, int]) -> None:
    """The outputs of the first folder: those of these sources, whole, once each, and their sources in done/."""
    outputs = [path for path in harness.out.rglob("*.mp4") if path.is_file()]
    assert sorted(path.relative_to(harness.out).as_posix() for path in outputs) == sorted(clips)
    for name, clip in clips.items():
        frames = FRAMES if clip == RUNNING else PER_SEGMENT
        require_whole(harness.out / name, Source(harness.done / name, clip, frames))
        assert (harness.done / name).is_file()
        assert not (harness.share / name).exists()
        told = harness.sidecar(harness.out / name)
        assert (told["status"], told["progress"], told["frames_done"]) == ("done", 100, frames)
    assert not list(harness.share.glob("*.mp4"))


def _require_rendered(harness: FaultHarness, clips: set[int]) -> None:
    """The frames of these clips went through the engine, once each; no frame of a finished segment did."""
    done = {(RUNNING, frame) for number in KEPT for frame in range(number * PER_SEGMENT, (number + 1) * PER_SEGMENT)}
    every = {(clip, frame) for clip in clips for frame in range(FRAMES if clip == RUNNING else PER_SEGMENT)}
    assert sorted(harness.upscaled()) == sorted(every - done)


# --- another place for the fixture ---------------------------------------------------------------------------


def _relocate(root: Path) -> None:
    """Write the place that it was unpacked to into everything that holds absolute paths."""
    _relocate_store(root / "state/framewatch.db", root)
    _reseal(root / "state/framewatch.roots.json", "marks", root)
    for path in root.glob("work/*/job.json"):
        _reseal(path, "job", root)
    for path in (root / "framewatch.yaml", root / "status.json", *root.rglob("*.progress.json")):
        path.write_text(path.read_text().replace(OLD_ROOT, str(root)))


def _relocate_store(path: Path, root: Path) -> None:
    def moved(value: Any) -> Any:
        if isinstance(value, bytes):
            return value.replace(OLD_ROOT.encode(), bytes(root))
        return value.replace(OLD_ROOT, str(root)) if isinstance(value, str) else value

    with closing(sqlite3.connect(path)) as database, database:
        for table in TABLES:
            rows = database.execute(f"SELECT rowid AS row, * FROM {table}")  # noqa: S608 - a name from above
            columns = [column for column, *_ in rows.description[1:]]
            changes = ", ".join(f"{column} = ?" for column in columns)
            for row, *values in rows.fetchall():
                command = f"UPDATE {table} SET {changes} WHERE rowid = ?"  # noqa: S608
                database.execute(command, (*map(moved, values), row))


def _reseal(path: Path, key: str, root: Path) -> None:
    """Replace the prefix in a document that carries its own digest, and give it the digest of the new text."""
    document = json.loads(path.read_text())
    assert document["digest"] == _digest(document[key])
    text = document[key].replace(OLD_ROOT, str(root))
    path.write_text(json.dumps({"digest": _digest(text), key: text}) + "\n")


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
