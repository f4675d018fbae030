"""The progress file: its content, and when it is written."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from faulty_os import failing
from framewatch.domain import Job, JobState, Journal, Progress
from framewatch.errors import Finding, StorageError
from framewatch.jobs import progress_file
from framewatch.jobs.reporting.sidecar import PROGRESS_SCHEMA, Sidecar, progress_document
from framewatch.storage.root import Root
from job_factory import NAMES, MakeJob

S = JobState
KEYS = [
    "schema",
    "job_id",
    "folder",
    "source",
    "output",
    "preset",
    "status",
    "stage",
    "progress",
    "frames_done",
    "frames_total",
    "fps",
    "eta_seconds",
    "attempt",
    "engine",
    "started_at",
    "updated_at",
    "error",
]


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def running(make_job: MakeJob) -> Job:
    return make_job(1, state=S.RUNNING, attempt=1, started_at=1_700_000_000.5)


def read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return document


def at(upscaled: int, **changes: Any) -> Progress:
    values: dict[str, Any] = {"stage": "upscale", "total": 100, "decoded": 100, "upscaled": upscaled}
    return Progress(**(values | changes))


def test_a_document_has_exactly_the_keys_of_the_schema(running: Job) -> None:
    progress = at(50, encoded=20, fps=18.412, eta_seconds=4.26, engine="openvino/bf16")
    document = progress_document(running, progress, 1_700_000_010.25)
    assert list(document) == KEYS
    assert document == {
        "schema": "framewatch.progress/1",
        "job_id": "id0001",
        "folder": "anime",
        "source": "/in/clip1.mkv",
        "output": "/out/clip1.mp4",
        "preset": "4k",
        "status": "running",
        "stage": "upscale",
        "progress": 49.5,
        "frames_done": 20,
        "frames_total": 100,
        "fps": 18.41,
        "eta_seconds": 4.3,
        "attempt": 1,
        "engine": "openvino/bf16",
        "started_at": "2023-11-14T22:13:20.500Z",
        "updated_at": "2023-11-14T22:13:30.250Z",
        "error": None,
    }


def test_a_published_job_is_at_100_and_names_the_chosen_output(running: Job) -> None:
    journal = Journal(output=Path("/out/clip1 (2).mp4"))
    publishing = running.evolve(state=S.PUBLISHING, outcome=S.DONE, journal=journal, frames=100, engine="x")
    assert progress_document(publishing, at(100, encoded=100), 0)["progress"] == 99.0
    document = progress_document(publishing.evolve(state=S.DONE, ended_at=1.0), Progress(), 0)
    shown = (document["status"], document["progress"], document["output"], document["frames_done"])
    assert shown == ("done", 100.0, "/out/clip1 (2).mp4", 100)
    assert (document["stage"], document["fps"], document["eta_seconds"]) == (None, 0.0, None)


def test_an_error_has_all_findings(running: Job) -> None:
    findings = (
        Finding(code="container.upscale_needs_video", message="m\udcff", hint="h"),
        Finding(code="b.c", message="n", where="stream 2"),
    )
    error = progress_document(running.evolve(state=S.HELD, held_state=S.QUEUED, findings=findings), at(1), 0)["error"]
    assert {key: error[key] for key in ("code", "message", "hint")} == {
        "code": "container.upscale_needs_video",
        "message": "m\ufffd",
        "hint": "h",
    }
    assert [(each["code"], each["where"]) for each in error["findings"]] == [
        ("container.upscale_needs_video", ""),
        ("b.c", "stream 2"),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_the_file_is_valid_json_in_utf_8_whatever_the_source_is_called(
    tmp_path: Path, make_job: MakeJob, name: str
) -> None:
    sidecar = Sidecar(tmp_path / "progress.json", Root(tmp_path))
    sidecar.update(make_job(name=name), Progress())
    shown = read(tmp_path / "progress.json")["source"]
    assert shown == os.fsencode(Path("/in") / name).decode("utf-8", "replace")


def test_times_that_are_not_finite_are_left_out(running: Job) -> None:
    for eta in (float("inf"), float("nan"), -1.0):
        assert progress_document(running, at(1, eta_seconds=eta), 0)["eta_seconds"] is None


def test_the_file_is_written_once_a_second_and_at_each_change_of_stage_or_status(
    tmp_path: Path, running: Job
) -> None:
    path, clock = tmp_path / "sub" / "p.json", Clock()
    sidecar = Sidecar(path, Root(tmp_path), clock=clock)
    sidecar.update(running, at(0))
    first = read(path)["progress"]
    clock.now += 0.9
    sidecar.update(running, at(10))
    assert read(path)["progress"] == first
    clock.now += 0.1
    sidecar.update(running, at(20))
    assert read(path)["progress"] == 22.0
    sidecar.update(running, at(30, stage="encode"))
    assert (read(path)["stage"], read(path)["progress"]) == ("encode", 30.5)
    sidecar.update(running.evolve(state=S.PUBLISHING, outcome=S.DONE), at(30))
    assert read(path)["status"] == "publishing"
    assert [entry.name for entry in path.parent.iterdir()] == ["p.json"]


def test_progress_never_decreases_within_an_attempt_and_starts_again_with_the_next(
    tmp_path: Path, running: Job
) -> None:
    path, clock = tmp_path / "p.json", Clock()
    sidecar = Sidecar(path, Root(tmp_path), clock=clock)
    shown = []
    again = running.evolve(attempt=2, started_at=running.started_at)
    for job, upscaled in ((running, 50), (running, 20), (running, 60), (again, 0), (again, 10)):
        clock.now += 1
        sidecar.update(job, at(upscaled))
        shown.append(read(path)["progress"])
    assert shown == [47.5, 47.5, 56.0, 5.0, 13.5]
    failed = again.evolve(state=S.FAILED, outcome=S.FAILED, ended_at=1.0)
    sidecar.finish(failed, Progress(), path, Root(tmp_path))
    assert read(path)["progress"] == 13.5


def test_the_final_file_is_in_its_place_and_nowhere_else(tmp_path: Path, running: Job) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "failed").mkdir()
    running_path, last = tmp_path / "out/s1/a.mp4.progress.json", tmp_path / "failed/s1/a.mkv.progress.json"
    sidecar = Sidecar(running_path, Root(tmp_path / "out"))
    sidecar.update(running, at(10))
    failed = running.evolve(state=S.FAILED, outcome=S.FAILED, ended_at=1.0)
    sidecar.finish(failed, at(10), last, Root(tmp_path / "failed"))
    assert read(last)["status"] == "failed"
    assert not running_path.exists()
    sidecar.finish(failed, at(10), last, Root(tmp_path / "failed"))
    assert last.exists()


def test_a_folder_that_cannot_be_written_to_is_reported_once_and_stops_nothing(tmp_path: Path, running: Job) -> None:
    heard: list[StorageError] = []
    root, clock = tmp_path / "out", Clock()
    sidecar = Sidecar(root / "p.json", Root(root), on_error=heard.append, clock=clock)
    for _ in range(3):
        clock.now += 1
        sidecar.update(running, at(10))
    assert [error.finding.code for error in heard] == ["storage.unavailable"]
    root.mkdir()
    clock.now += 1
    sidecar.update(running, at(10))
    assert read(root / "p.json")["status"] == "running"


@pytest.mark.parametrize(
    "content",
    [
        b"notes of somebody",
        b'{"schema": "other/1"}',
        b'{"status": "done"}',
        b'["framewatch.progress/1"]',
        b"[" * 100_000,
        b'{"schema": "framewatch.progress/1"}' + b" " * (1 << 20),
        "link",
        "folder",
        "fifo",
    ],
    ids=["text", "other", "no schema", "list", "nested", "too large", "link", "folder", "fifo"],
)
def test_what_framewatch_did_not_write_is_neither_replaced_nor_removed(
    tmp_path: Path, running: Job, content: bytes | str
) -> None:
    path = tmp_path / "clip1.mp4.progress.json"
    match content:
        case "link":
            path.symlink_to("elsewhere")
        case "folder":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case bytes():
            path.write_bytes(content)
    before = path.lstat()
    errors: list[StorageError] = []
    sidecar = Sidecar(path, Root(tmp_path), on_error=errors.append)
    sidecar.update(running, at(1))
    sidecar.finish(running, at(2), path, Root(tmp_path))
    sidecar.remove(running.id)
    assert path.lstat() == before
    assert content == path.read_bytes() if isinstance(content, bytes) else True
    assert [error.finding.code for error in errors] == ["sidecar.foreign"]  # once
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_progress_file_of_an_earlier_job_is_replaced(tmp_path: Path, running: Job) -> None:
    path = tmp_path / "clip1.mp4.progress.json"
    Sidecar(path, Root(tmp_path)).update(running, at(1))
    Sidecar(path, Root(tmp_path)).update(running.evolve(id="another"), at(2))
    assert read(path)["job_id"] == "another"


@pytest.mark.parametrize(
    ("status", "has_output", "replaced"),
    [
        (S.RUNNING, False, False),
        (S.QUEUED, True, False),
        (S.DONE, True, False),
        (S.DONE, False, True),  # somebody has taken its output away
        (S.FAILED, False, True),
    ],
)
def test_a_progress_file_that_another_job_needs_is_neither_replaced_nor_removed(
    tmp_path: Path, running: Job, status: JobState, has_output: bool, replaced: bool
) -> None:
    path, output = tmp_path / "clip1.mp4.progress.json", tmp_path / running.output.name
    running = running.evolve(output=output)
    other = running.evolve(id="another", source=Path("/elsewhere/clip1.mkv"), state=status, outcome=status)
    Sidecar(path, Root(tmp_path)).finish(other, at(1), path, Root(tmp_path))
    if has_output:
        output.touch()
    errors: list[StorageError] = []
    sidecar = Sidecar(path, Root(tmp_path), on_error=errors.append)
    sidecar.remove(running.id)
    assert read(path)["job_id"] == "another"
    sidecar.update(running, at(2))
    assert read(path)["job_id"] == (running.id if replaced else "another")
    assert [error.finding.code for error in errors] == ([] if replaced else ["sidecar.taken"])


def test_a_job_that_has_placed_its_output_replaces_what_an_earlier_one_left_there(
    tmp_path: Path, running: Job
) -> None:
    path, output = tmp_path / "clip1.mp4.progress.json", tmp_path / running.output.name
    other = running.evolve(id="another", source=Path("/elsewhere/clip1.mkv"), state=S.DONE, outcome=S.DONE)
    Sidecar(path, Root(tmp_path)).finish(other, at(1), path, Root(tmp_path))
    output.touch()
    Sidecar(path, Root(tmp_path), overwrite=True).update(running, at(2))
    assert read(path)["job_id"] == running.id
    Sidecar(path, Root(tmp_path)).finish(other.evolve(id="third"), at(1), path, Root(tmp_path))
    assert read(path)["job_id"] == running.id  # it still runs


def test_an_empty_file_that_a_power_cut_left_is_replaced(tmp_path: Path, running: Job) -> None:
    path = tmp_path / "clip1.mp4.progress.json"
    path.touch()
    Sidecar(path, Root(tmp_path)).finish(running, at(2), path, Root(tmp_path))
    assert read(path)["job_id"] == running.id


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE, errno.EMFILE])
def test_a_folder_that_does_not_answer_does_not_make_a_progress_file_somebody_elses(
    tmp_path: Path, running: Job, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "clip1.mp4.progress.json"
    errors: list[StorageError] = []
    monkeypatch.setattr(progress_file, "os", failing("open", code))
    Sidecar(path, Root(tmp_path), on_error=errors.append).update(running, at(1))
    assert [error.finding.code for error in errors] == ["storage.unavailable"]


def test_the_schema_names_every_key_of_a_document(running: Job) -> None:
    assert list(PROGRESS_SCHEMA["properties"]) == KEYS
    assert PROGRESS_SCHEMA["properties"]["schema"]["const"] == "framewatch.progress/1"
    assert PROGRESS_SCHEMA["additionalProperties"] is False
