"""Requests to a running daemon while a share hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from framewatch.domain import FileIdentity, Job, JobState
from framewatch.errors import StorageError
from framewatch.jobs.lifecycle.retry_policy import RetryPolicy
from framewatch.jobs.reporting.reporter import Reporter
from framewatch.jobs.scheduling.job_manager import JobManager
from framewatch.jobs.scheduling.scheduler import Scheduler
from framewatch.jobs.store.store import Store
from framewatch.service.application import Application
from framewatch.service.requests import Requests
from waiting import eventually

TIMEOUT = 10.0


class DeadShare:
    """Stands in for the mounts: folder `dead` hangs until it is released, and then fails."""

    def __init__(self) -> None:
        self.begun, self.may_end = threading.Event(), threading.Event()
        self.trusted: list[str] = []

    def trust(self, name: str) -> None:
        if name == "dead":
            self.begun.set()
            assert self.may_end.wait(TIMEOUT)
            raise StorageError("gone")
        self.trusted.append(name)


def job(number: int, folder: str) -> Job:
    return Job(
        id=f"id{number}",
        folder=folder,
        relative=Path("a.mkv"),
        source=Path(f"/{folder}/{number}.mkv"),
        identity=FileIdentity(device=1, inode=number, size=3, mtime_ns=4),
        preset_name="4k",
        preset="{}",
        output=Path(f"/out/{number}.mp4"),
        created_at=1.0,
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "jobs.db") as opened:
        yield opened


@pytest.fixture
def share() -> Iterator[DeadShare]:
    made = DeadShare()
    yield made
    made.may_end.set()


@pytest.fixture
def requests(store: Store, share: DeadShare, tmp_path: Path) -> Requests:
    manager = JobManager(store, Reporter(store, lambda _: None), tmp_path, RetryPolicy())
    scheduler = Scheduler(manager, [], lambda job, _: job, lambda _: True, lambda _: False)
    parts = SimpleNamespace(manager=manager, scheduler=scheduler, mounts=share, admission=lambda _: None)
    return Requests(store, cast("Application", parts))


def state(store: Store, number: int) -> JobState:
    found = store.get(f"id{number}")
    assert found is not None
    return found.state


def test_a_hanging_request_does_not_delay_those_for_other_folders(
    store: Store, requests: Requests, share: DeadShare
) -> None:
    store.add(job(1, "dead"))
    store.add(job(2, "fine"))
    asked: tuple[tuple[Any, str], ...] = (("trust", "dead"), ("cancel", "id1"), ("cancel", "id2"), ("trust", "fine"))
    for kind, about in asked:
        store.request(kind, about)
    requests.take()
    assert share.begun.wait(TIMEOUT)
    eventually(lambda: share.trusted, timeout=TIMEOUT)
    assert (state(store, 1), state(store, 2)) == (JobState.QUEUED, JobState.PUBLISHING)
    assert not requests.idle
    share.may_end.set()
    eventually(lambda: requests.idle, timeout=TIMEOUT)
    assert state(store, 1) == JobState.PUBLISHING  # in order, though the first request was refused


def test_unfinished_requests_are_left_to_the_next_daemon(store: Store, requests: Requests, share: DeadShare) -> None:
    store.add(job(1, "dead"))
    store.request("trust", "fine")
    store.request("trust", "dead")
    store.request("cancel", "id1")
    requests.take()
    assert share.begun.wait(TIMEOUT)
    eventually(lambda: share.trusted, timeout=TIMEOUT)
    began = time.monotonic()
    assert not requests.stop(0.1)
    assert time.monotonic() - began < TIMEOUT / 2
    left = {(request.kind, request.subject) for request in store.take_requests()}
    assert {("trust", "dead"), ("cancel", "id1")} == left


def test_a_request_for_a_removed_folder_is_refused(store: Store, requests: Requests) -> None:
    store.add(job(1, "fine"))
    store.request("retry", "id1")
    store.request("cancel", "unknown")
    store.request("of a later version", "id1", {"what": 1})
    requests.take()
    eventually(lambda: requests.idle, timeout=TIMEOUT)
    assert requests.stop(0.1)
    assert state(store, 1) == JobState.QUEUED
    assert store.take_requests() == ()
