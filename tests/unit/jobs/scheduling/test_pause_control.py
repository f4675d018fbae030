"""What is paused is not begun, and what runs is stopped as it was asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from framewatch.domain import JobState
from framewatch.jobs.lifecycle.errors import ImpossibleTransitionError
from framewatch.jobs.lifecycle.retry_policy import RetryPolicy
from framewatch.jobs.reporting.reporter import Reporter
from framewatch.jobs.scheduling.job_manager import JobManager
from framewatch.jobs.scheduling.pause_control import PauseControl
from framewatch.jobs.scheduling.pauses import Pause, Pauses
from framewatch.jobs.scheduling.stop_request import StopRequest, StopRequests
from framewatch.jobs.store.store import Store
from framewatch.jobs.work_folder import last_segments_marker
from job_factory import MakeJob

S = JobState
HOT = Pause(by="temperature", since=5.0, why="hot")


@pytest.fixture
def manager(store: Store, tmp_path: Path) -> JobManager:
    return JobManager(store, Reporter(store, lambda _: None), tmp_path / "work", RetryPolicy(), clock=lambda: 7.0)


@pytest.fixture
def stops() -> StopRequests:
    return StopRequests()


@pytest.fixture
def control(manager: JobManager, stops: StopRequests) -> PauseControl:
    return PauseControl(manager, stops, lambda: None)


@pytest.fixture
def run(store: Store, make_job: MakeJob, manager: JobManager, stops: StopRequests) -> Callable[..., StopRequest]:
    """Returns the stop request of a job that runs."""

    def running(number: int, **changes: object) -> StopRequest:
        job = make_job(number, state=S.RUNNING, **changes)
        store.add(job)
        manager.work_folder(job).mkdir(parents=True)
        request = stops.open(job.id)
        assert request is not None
        return request

    return running


def test_running_jobs_of_the_folder_are_stopped_as_asked(
    control: PauseControl, run: Callable[..., StopRequest], manager: JobManager, store: Store
) -> None:
    first, other = run(1, folder="a"), run(2, folder="b")
    control.pause("a", "after-job")
    assert not first.event.is_set()
    assert not first.after_segment.is_set()
    control.pause("a", "after-segment")
    job = store.get("id0001")
    assert job is not None
    marker = last_segments_marker(manager.work_folder(job))
    assert first.after_segment.is_set()
    assert marker.exists()
    control.resume("a")
    assert not first.after_segment.is_set()
    assert not marker.exists()
    control.pause(None, "now")
    assert first.event.is_set()
    assert other.event.is_set()


def test_a_job_that_is_being_published_is_never_stopped(
    control: PauseControl, run: Callable[..., StopRequest], store: Store
) -> None:
    request = run(1)
    job = store.get("id0001")
    assert job is not None
    store.save(job.evolve(state=S.PUBLISHING, outcome=S.DONE), "Rendered")
    control.pause(None, "now")
    assert not request.event.is_set()
    with pytest.raises(ImpossibleTransitionError) as caught:
        control.pause_job("id0001", "now")
    assert caught.value.finding.code == "job.not_waiting"


def test_a_cancellation_counts_though_the_job_is_being_paused(
    control: PauseControl, run: Callable[..., StopRequest], stops: StopRequests
) -> None:
    request = run(1)
    control.pause(None, "now")
    assert stops.cancel("id0001")
    assert request.is_cancel


def test_pauses_of_the_user_outlast_a_restart_and_add_up(store: Store) -> None:
    pauses = Pauses(store, lambda: 1.0)
    pauses.begin(None)
    pauses.begin("a")
    pauses.begin("a")
    assert pauses.use_conditions([HOT]) == (HOT,)
    assert pauses.use_conditions([HOT.evolve(since=9.0)]) == ()
    assert [pause.since for pause in pauses.of("b")] == [1.0, 5.0]
    later = Pauses(store, lambda: 2.0)
    assert [(pause.by, pause.folder) for pause in later.all] == [("user", None), ("user", "a")]
    later.end(None)
    assert (later.allows("a"), later.allows("b")) == (False, True)
    later.end(None, everything=True)
    assert later.allows("a")


def test_only_heat_is_waited_for_by_a_run_that_is_to_end(store: Store) -> None:
    pauses = Pauses(store, lambda: 1.0)
    pauses.use_conditions([HOT])
    assert pauses.is_short("a")
    pauses.use_conditions([HOT, Pause(by="hours", folder="a", since=1.0)])
    assert (pauses.is_short("a"), pauses.is_short("b")) == (False, True)


def test_all_pauses_end_together(control: PauseControl, store: Store, make_job: MakeJob) -> None:
    store.add(make_job(1))
    store.add(make_job(2, paused=True, state=S.HELD, held_state=S.PUBLISHING, outcome=S.DONE))
    control.pause_job("id0001", "now")
    control.pause("a", "now")
    assert store.next_queued(9.0) is None
    control.resume(None, everything=True)
    assert control.pauses.all == ()
    found = store.next_queued(9.0)
    assert found is not None
    assert found.id == "id0001"
