"""Jobs run on threads: they are stopped when that is asked for, and a bug fails one job only."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from framewatch.domain import Job, JobState
from framewatch.errors import CancelledError
from framewatch.jobs.lifecycle import events as ev
from framewatch.jobs.lifecycle.retry_policy import RetryPolicy
from framewatch.jobs.reporting.reporter import Reporter
from framewatch.jobs.scheduling.job_manager import JobManager
from framewatch.jobs.scheduling.scheduler import Scheduler
from framewatch.jobs.scheduling.stop_request import StopRequest
from framewatch.jobs.store.store import Store
from job_factory import MakeJob
from waiting import eventually

S = JobState
TIMEOUT = 10.0


class FakeSlot:
    """A slot whose attempts do what a test wants."""

    def __init__(self, attempt: Callable[[Job, StopRequest], ev.Event]) -> None:
        self.name, self.gpu, self.attempt = "fake", True, attempt
        self.closed = False

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def manager(store: Store, tmp_path: Path) -> JobManager:
    work = tmp_path / "work"
    work.mkdir()
    return JobManager(store, Reporter(store, lambda _: None), work, RetryPolicy())


@pytest.fixture
def start(manager: JobManager) -> Iterator[Callable[[FakeSlot], Scheduler]]:
    """Starts a scheduler with one slot; nothing is published."""
    running: list[Scheduler] = []

    def started(slot: FakeSlot) -> Scheduler:
        scheduler = Scheduler(
            manager, [slot], lambda job, stop: stop.wait() and None, lambda _: True, lambda _: False
        )
        running.append(scheduler)
        scheduler.start()
        return scheduler

    yield started
    for scheduler in running:
        assert scheduler.drain(TIMEOUT)
        assert scheduler.failure is None


def until_stopped(job: Job, stop: StopRequest) -> ev.Event:
    assert stop.event.wait(TIMEOUT)
    raise CancelledError("stopped")


def wait_for_stop(_: Job, stop: threading.Event) -> None:
    stop.wait(TIMEOUT)


def in_state(store: Store, job: Job, state: JobState) -> Callable[[], bool]:
    def check() -> bool:
        found = store.get(job.id)
        return found is not None and found.state == state

    return check


def test_cancelling_a_running_job_stops_its_attempt(
    store: Store, make_job: MakeJob, start: Callable[[FakeSlot], Scheduler]
) -> None:
    job = make_job()
    store.add(job)
    scheduler = start(FakeSlot(until_stopped))
    eventually(in_state(store, job, S.RUNNING), timeout=TIMEOUT)
    scheduler.cancel(job.id)
    eventually(in_state(store, job, S.PUBLISHING), timeout=TIMEOUT)
    assert [entry.event for entry in store.history(job.id)][-1] == "CancelAsked"


def test_a_cancellation_that_was_accepted_holds_though_the_work_is_done(
    store: Store, make_job: MakeJob, start: Callable[[FakeSlot], Scheduler]
) -> None:
    def finish_anyway(job: Job, stop: StopRequest) -> ev.Event:
        assert stop.event.wait(TIMEOUT)
        return ev.Rendered(Path("/work/result.mp4"), 10)

    job = make_job()
    store.add(job)
    scheduler = start(FakeSlot(finish_anyway))
    eventually(in_state(store, job, S.RUNNING), timeout=TIMEOUT)
    scheduler.cancel(job.id)
    eventually(in_state(store, job, S.PUBLISHING), timeout=TIMEOUT)
    found = store.get(job.id)
    assert found is not None
    assert found.outcome == S.CANCELLED


def test_stopping_the_scheduler_returns_a_running_job_to_the_queue(
    store: Store, make_job: MakeJob, manager: JobManager
) -> None:
    job = make_job()
    store.add(job)
    slot = FakeSlot(until_stopped)
    scheduler = Scheduler(manager, [slot], lambda job, _: None, lambda _: True, lambda _: False)
    scheduler.start()
    eventually(in_state(store, job, S.RUNNING), timeout=TIMEOUT)
    assert scheduler.drain(TIMEOUT)
    found = store.get(job.id)
    assert found is not None
    assert (found.state, found.attempt, slot.closed) == (S.QUEUED, 0, True)


def test_a_bug_fails_its_job_and_the_slot_takes_the_next(
    store: Store, make_job: MakeJob, start: Callable[[FakeSlot], Scheduler]
) -> None:
    def attempt(job: Job, stop: StopRequest) -> ev.Event:
        if job.id == "id0001":
            raise ZeroDivisionError("a bug")
        return until_stopped(job, stop)

    jobs = [make_job(1), make_job(2)]
    for job in jobs:
        store.add(job)
    start(FakeSlot(attempt))
    eventually(in_state(store, jobs[1], S.RUNNING), timeout=TIMEOUT)
    failed = store.get("id0001")
    assert failed is not None
    assert (failed.outcome, failed.findings[0].code) == (S.FAILED, "internal.bug")
