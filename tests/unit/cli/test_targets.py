"""Which jobs the arguments of a command name, and what a command asks an older daemon for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from framewatch.cli.queue.outbox import Outbox
from framewatch.cli.queue.targets import find_jobs
from framewatch.domain import JobState, Journal
from framewatch.errors import ConfigError
from framewatch.jobs.lifecycle.transitions import require_arrangeable
from framewatch.jobs.store.store import Store, StoreError
from framewatch.service import liveness
from framewatch.settings import FolderSettings, Settings
from job_factory import MakeJob

S = JobState
WAITING = (S.QUEUED, S.RUNNING, S.HELD)


@pytest.fixture
def store(tmp_path: Path, make_job: MakeJob) -> Iterator[Store]:
    with Store.open(tmp_path / "jobs.db") as store:
        jobs = [
            ("7hq00001", "show", "S01/[Group] E01.mkv", S.QUEUED),
            ("k3f00002", "show", "S01/[Group] E02.mkv", S.DONE),
            ("k3g00003", "show", "S02/E01.mkv", S.RUNNING),
            ("p0000004", "films", "film.mkv", S.QUEUED),
            ("q0000005", "other", "film.mkv", S.QUEUED),
            ("r0000006", "films", "again.mkv", S.DONE),
            ("s0000007", "films", "again.mkv", S.QUEUED),
        ]
        for job_id, folder, name, state in jobs:
            relative = Path(name)
            source, done = Path("/nas") / folder / relative, Path("/nas/done") / relative
            journal = Journal(source_to=done) if state == S.DONE else Journal()
            output = Path("/out") / folder / relative.with_suffix(".mp4")
            places = {"source": source, "journal": journal, "output": output}
            job = make_job(1, id=job_id, folder=folder, relative=relative, state=state, **places)
            store.add(job.evolve(ended_at=1.0 if state == S.DONE else None))
        yield store


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["7"], ["7hq00001"]),
        (["K3G"], ["k3g00003"]),
        (["[Group] E01.mkv"], ["7hq00001"]),
        (["S02/E01.mkv"], ["k3g00003"]),
        (["/nas/show/S02/E01.mkv"], ["k3g00003"]),
        (["/out/films/film.mp4"], ["p0000004"]),
        (["again.mkv"], ["s0000007"]),
        (["*e0?.mkv"], ["k3g00003", "7hq00001"]),
        (["s01/*"], ["7hq00001"]),
        (["film*"], ["q0000005", "p0000004"]),
        (["k3g", "E01.mkv", "7hq"], ["k3g00003", "7hq00001"]),
    ],
)
def test_ids_names_paths_and_patterns(store: Store, arguments: list[str], expected: list[str]) -> None:
    assert [job.id for job in find_jobs(store, arguments, WAITING, require_arrangeable)] == expected


def test_every_argument_that_names_nothing_usable_is_told(store: Store) -> None:
    arguments = ["k3", "k3f", "film.mkv", "[Group] E02.mkv", "none*", "zzz", "7hq"]
    with pytest.raises(StoreError) as caught:
        find_jobs(store, arguments, WAITING, require_arrangeable)
    assert [finding.code for finding in caught.value.findings] == [
        "job.ambiguous",
        "job.not_waiting",
        "job.ambiguous",
        "job.not_found",
        "job.not_found",
    ]


def test_an_older_daemon_is_not_asked_for_what_it_does_not_know(store: Store) -> None:
    settings = Settings(folders=[FolderSettings(name="a", input="/in")])
    store.set_fact("daemon", liveness.identity() | {"version": "0.1.0"})
    box = Outbox("pause", settings, store, as_json=False)
    box.send("retry", "7hq00001", "a job")
    for kind, argument in (("pause", None), ("retry", {"same_preset": True})):
        with pytest.raises(ConfigError) as caught:
            box.send(kind, None, "all", argument)
        assert caught.value.finding.code == "daemon.too_old"
    assert [request.kind for request in store.take_requests()] == ["retry"]
