"""When the wall clock is set, no job waits too long, none is forgotten, and the order stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framewatch.domain import JobState
from framewatch.jobs.lifecycle.retry_policy import LONGEST_WAIT, RetryPolicy
from framewatch.jobs.store.store import KEEP_JOBS, Store
from job_factory import MakeJob

S = JobState
NOW = 1_800_000_000.0
YEAR = 365 * 24 * 3600.0


@given(st.integers(0, 1000))
def test_no_wait_is_longer_than_the_longest(times: int) -> None:
    policy = RetryPolicy()
    waits = (policy.retry_wait(times), policy.hold_wait(times), policy.crash_wait(times))
    assert max(waits) <= LONGEST_WAIT


@pytest.mark.parametrize("back", [LONGEST_WAIT, 3600.0, 10 * YEAR])
def test_after_a_jump_back_a_waiting_job_is_due(store: Store, make_job: MakeJob, back: float) -> None:
    store.add(make_job(1, not_before=NOW + 10.0))
    store.add(make_job(2, state=S.HELD, held_state=S.QUEUED, not_before=NOW + 10.0))
    assert store.next_queued(NOW) is None
    assert store.due_holds(NOW) == []
    assert store.next_wake(NOW) == NOW + 10.0
    due = store.next_queued(NOW - back)
    assert due is not None
    assert due.id == "id0001"
    assert [job.id for job in store.due_holds(NOW - back)] == ["id0002"]
    assert store.next_wake(NOW - back) is None  # nothing to wait for: they are due


def test_after_a_small_jump_back_a_job_waits_no_longer_than_the_longest_wait(store: Store, make_job: MakeJob) -> None:
    store.add(make_job(1, not_before=NOW + 10.0))
    wake = store.next_wake(NOW - 300.0)
    assert wake is not None
    assert wake - (NOW - 300.0) <= LONGEST_WAIT


def test_after_a_jump_forward_a_waiting_job_is_due(store: Store, make_job: MakeJob) -> None:
    store.add(make_job(1, not_before=NOW + 500.0))
    store.add(make_job(2, state=S.HELD, held_state=S.QUEUED, not_before=NOW + 500.0))
    assert store.next_queued(NOW + YEAR) is not None
    assert len(store.due_holds(NOW + YEAR)) == 1


def test_a_job_that_is_queued_after_a_jump_back_comes_last(tmp_path: Path, make_job: MakeJob) -> None:
    clock = [NOW + 10 * YEAR]
    with Store.open(tmp_path / "jobs.db", clock=lambda: clock[0]) as store:
        before = make_job(1, created_at=clock[0])
        store.add(before)
        clock[0] = NOW
        after = make_job(2, created_at=clock[0])
        store.add(after)
        first = store.next_queued(NOW)
        assert first is not None
        assert first.id == before.id
        assert [job.id for job in store.find()] == [after.id, before.id]


def test_a_jump_of_years_deletes_only_jobs_beyond_the_newest(tmp_path: Path, make_job: MakeJob) -> None:
    with Store.open(tmp_path / "jobs.db", clock=lambda: NOW + 50 * YEAR) as store:
        for number in range(20):
            store.add(make_job(number, state=S.DONE, outcome=S.DONE, ended_at=NOW + number))
        store.add(make_job(20))
        assert store.prune() == 0
        assert len(store.find()) == 21 < KEEP_JOBS
        assert store.prune(keep=5) == 15
        assert len(store.find()) == 6
