"""When jobs that end in bugs hold their folder."""

from __future__ import annotations

from framewatch.domain import Job, JobState
from framewatch.errors import ErrorRecord, Finding, Remedy
from framewatch.jobs.lifecycle import events as ev
from framewatch.jobs.scheduling.bug_guard import FOLDER_HELD, BugGuard
from job_factory import MakeJob


def broke(code: str) -> ev.Broke:
    return ev.Broke(ErrorRecord((Finding(code, "KeyError: 3"),), Remedy.NONE))


def is_held(guard: BugGuard, job: Job, code: str = "internal.bug") -> bool:
    event = guard.judge(job, broke(code))
    assert isinstance(event, ev.Broke)
    held = event.error.findings[0].code == FOLDER_HELD
    assert held == (guard.holds(job.folder) is not None)
    assert not held or event.error.remedy == Remedy.WAIT
    return held


def test_the_second_job_in_a_row_holds_its_folder_and_no_other(make_job: MakeJob) -> None:
    guard = BugGuard()
    assert not is_held(guard, make_job(1))
    assert not is_held(guard, make_job(2, folder="films"))
    assert is_held(guard, make_job(3), "worker.bug")
    assert guard.holds("films") is None


def test_further_attempts_at_one_file_and_other_errors_do_not_count(make_job: MakeJob) -> None:
    guard, job = BugGuard(), make_job(1)
    for _ in range(3):
        assert not is_held(guard, job, "worker.bug")
    assert not is_held(guard, make_job(2), "media.corrupt")
    assert guard.judge(make_job(3), ev.Interrupted()) == ev.Interrupted()


def test_a_job_that_ends_without_a_bug_ends_the_row(make_job: MakeJob) -> None:
    guard = BugGuard()
    assert not is_held(guard, make_job(1))
    bug = (Finding("internal.bug", "KeyError: 3"),)
    guard.ended(make_job(1, state=JobState.FAILED, findings=bug))
    guard.ended(make_job(2, state=JobState.PUBLISHING))
    guard.ended(make_job(3, state=JobState.DONE))
    assert not is_held(guard, make_job(4))
    assert is_held(guard, make_job(5))


def test_a_folder_that_goes_on_is_held_again_by_the_next_bug(make_job: MakeJob) -> None:
    guard = BugGuard()
    guard.resume("anime")
    assert is_held(guard, make_job(1))
    guard.resume("anime")
    assert guard.holds("anime") is None
    assert is_held(guard, make_job(1))
