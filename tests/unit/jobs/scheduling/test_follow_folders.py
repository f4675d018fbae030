"""Jobs that follow a watch folder to its new name or place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from framewatch.domain import FileIdentity, Job, JobState, Journal, KnownFile
from framewatch.jobs.lifecycle.retry_policy import RetryPolicy
from framewatch.jobs.reporting.reporter import Reporter
from framewatch.jobs.scheduling.follow_folders import FACT, follow_input, follow_names, renamings
from framewatch.jobs.scheduling.job_manager import JobManager
from framewatch.jobs.scheduling.pauses import Pauses
from framewatch.jobs.store.store import Store
from framewatch.library.retention import MovedFile
from job_factory import MakeJob

A, B, C = Path("/nas/a"), Path("/nas/b"), Path("/nas/c")


@pytest.mark.parametrize(
    ("before", "now", "renamed"),
    [
        ({}, {"a": A}, {}),
        ({"a": A}, {"a": A, "b": B}, {}),
        ({"a": A}, {"b": A}, {"a": "b"}),
        ({"a": A, "b": B}, {"a": B, "b": A}, {"a": "b", "b": "a"}),
        ({"a": A, "b": B, "c": C}, {"a": B, "b": C, "c": A}, {"a": "c", "b": "a", "c": "b"}),
        ({"a": A}, {"a": B}, {}),  # the input was moved: its jobs wait for the files where they are
        ({"a": A}, {"b": B}, {}),  # one is gone, and another is new
        ({"a": A, "b": B}, {"a": B}, {"b": "a", "a": "a at /nas/a"}),
        ({"a at /nas/a": A, "a": B}, {"a": B, "c": A}, {"a at /nas/a": "c"}),
    ],
)
def test_a_folder_is_known_by_its_input(
    before: dict[str, Path], now: dict[str, Path], renamed: dict[str, str]
) -> None:
    assert renamings(before, now) == renamed


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[JobManager]:
    with Store.open(tmp_path / "jobs.db") as store:
        yield JobManager(store, Reporter(store, lambda _: None), tmp_path, RetryPolicy())


def put(manager: JobManager, make_job: MakeJob, number: int, folder: str, root: Path, **changes: object) -> Job:
    job = make_job(number, folder=folder, **changes)
    job = job.evolve(source=root / job.relative)
    manager.store.add(job)
    return job


def folders_of(manager: JobManager) -> list[str]:
    return [job.folder for job in reversed(manager.store.find(limit=None))]


def test_everything_that_is_stored_by_name_is_renamed_also_when_two_exchange_names(
    manager: JobManager, make_job: MakeJob
) -> None:
    follow_names(manager, {"a": A, "b": B})
    put(manager, make_job, 1, "a", A)
    put(manager, make_job, 2, "b", B, state=JobState.DONE, ended_at=1.0)
    identity = FileIdentity(device=1, inode=2, size=3, mtime_ns=4)
    for name in ("a", "b"):
        manager.store.remember(name, {Path("film.mkv"): KnownFile(identity=identity, sample=name)})
    pauses = Pauses(manager.store, lambda: 1.0)
    pauses.begin("a")
    pauses.begin(None)
    renamed = follow_names(manager, {"a": B, "b": A})
    pauses.rename_folders(renamed)
    assert folders_of(manager) == ["b", "a"]
    known = [manager.store.known_file(name, Path("film.mkv")) for name in ("a", "b")]
    assert [each and each.sample for each in known] == ["b", "a"]
    assert [pause.folder for pause in Pauses(manager.store, lambda: 1.0).all] == ["b", None]
    assert follow_names(manager, {"a": B, "b": A}) == {}


def test_a_folder_that_is_gone_for_a_while_is_known_when_it_is_back(manager: JobManager, make_job: MakeJob) -> None:
    follow_names(manager, {"a": A, "b": B})
    put(manager, make_job, 1, "a", A)
    assert follow_names(manager, {"b": B}) == {}
    follow_names(manager, {"c": A, "b": B})
    assert folders_of(manager) == ["c"]


def test_a_store_that_knows_no_inputs_tells_them_by_its_jobs(manager: JobManager, make_job: MakeJob) -> None:
    put(manager, make_job, 1, "a", A)
    put(manager, make_job, 2, "b", B, state=JobState.DONE, ended_at=1.0)
    assert FACT not in manager.store.get_facts()
    assert follow_names(manager, {"c": A, "d": B}) == {"a": "c", "b": "d"}
    assert folders_of(manager) == ["c", "d"]


def test_paths_below_an_input_that_was_moved_follow_it(manager: JobManager, make_job: MakeJob) -> None:
    follow_names(manager, {"a": A, "b": B})
    waits = put(manager, make_job, 1, "a", A)
    journal = Journal(source_to=A / "failed" / "clip2.mkv", source_done=True)
    failed = put(manager, make_job, 2, "a", A, state=JobState.FAILED, ended_at=1.0, journal=journal)
    other = put(manager, make_job, 3, "b", B)
    again = put(manager, make_job, 4, "a", A, name="twice.mkv")
    put(manager, make_job, 5, "c", C, name="twice.mkv")  # was found at the new place by a version that did not follow
    store = manager.store
    store.note_moved([MovedFile(root / "done" / "clip0.mkv", 5, 7, 2e9, "0a") for root in (A, B)])
    follow_names(manager, {"c": C, "b": B})
    assert follow_input(manager, "c", C, [A]) == {"a": "c"}
    assert [file.path for root in (A, B, C) for file in store.moved_files(root)] == [
        B / "done" / "clip0.mkv",
        C / "done" / "clip0.mkv",
    ]
    moved, ended = store.get(waits.id), store.get(failed.id)
    assert moved is not None
    assert (moved.folder, moved.source, moved.output) == ("c", C / waits.relative, waits.output)
    assert ended is not None
    assert ended.journal.source_to == C / "failed" / "clip2.mkv"
    assert store.get(other.id) == other
    left = store.get(again.id)
    assert left is not None
    assert left.source == again.source
    assert follow_input(manager, "c", C, [A]) == {}
