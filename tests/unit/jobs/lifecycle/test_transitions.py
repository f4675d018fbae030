"""The state machine: every path of a job, and invariants that hold after any sequence of events."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framewatch.domain import FileIdentity, Job, JobState, Journal, Length
from framewatch.errors import CrashError, ErrorRecord, Finding, Remedy, StorageError, WorkerError
from framewatch.jobs.lifecycle import events as ev
from framewatch.jobs.lifecycle.errors import ImpossibleTransitionError
from framewatch.jobs.lifecycle.publishing_step import (
    ChooseOutput,
    ChooseSource,
    Conclude,
    MoveSource,
    PlaceOutput,
    PublishingStep,
    publishing_step,
)
from framewatch.jobs.lifecycle.retry_policy import RetryPolicy
from framewatch.jobs.lifecycle.transitions import transition

S = JobState
POLICY = RetryPolicy(retries=2, backoff=10, hold=15, hold_cap=100, free_crashes=5)
IDENTITY = FileIdentity(device=1, inode=2, size=3, mtime_ns=4)
FULL = Finding("storage.full", "the disk is full")
BAD = Finding("media.unreadable", "not a video")
CRASH = Finding("worker.failed", "the worker crashed")

JOB = Job(
    id="0a",
    folder="anime",
    relative=Path("s1/a.mkv"),
    source=Path("/in/s1/a.mkv"),
    identity=IDENTITY,
    preset_name="4k",
    preset="{}",
    output=Path("/out/s1/a.mp4"),
    created_at=1.0,
)
RENDERED = ev.Rendered(Path("/work/0a/result.mp4"), frames=100, engine="fake/fp32")
CHOSEN = ev.OutputChosen(Path("/out/s1/a.mp4"), 1000)
TO_FAILED = ev.SourceChosen(Path("/failed/s1/a.mkv"))
TO_DONE = ev.SourceChosen(Path("/done/s1/a.mkv"))
REQUEUED = ev.Requeued(Path("/out/s1/a.mkv"), "other", '{"crf": 2}', gpu=False)
RETRY = ev.RetryAsked(Path("/failed/s1/a.mkv"), IDENTITY, Path("/out/s1/a (2).mp4"))


def after(*happened: ev.Event, job: Job = JOB, now: float = 100.0) -> Job:
    for event in happened:
        job = transition(job, event, now, POLICY)
    return job


def broke(finding: Finding, remedy: Remedy) -> ev.Broke:
    return ev.Broke(ErrorRecord((finding,), remedy))


SKIPPED = ev.Skipped((Finding(code="only_if.no_match", message="it is 1440 pixels high"),))


def test_a_skipped_file_goes_to_done_without_an_output() -> None:
    job = after(ev.Claimed(), SKIPPED)
    assert (job.state, job.outcome, job.journal.result) == (S.PUBLISHING, S.SKIPPED, None)
    assert publishing_step(job) == ChooseSource()
    ended = after(TO_DONE, ev.SourceMoved(), ev.Published(), job=job)
    assert (ended.state, ended.state.ended, ended.ended_at) == (S.SKIPPED, True, 100.0)
    assert [failure.code for failure in ended.findings] == ["only_if.no_match"]


def test_a_skipped_file_that_changed_in_the_meantime_fails() -> None:
    lost = ev.SourceLost(Finding("source.changed", "the file was changed"))
    job = after(ev.Claimed(), SKIPPED, lost, ev.Published())
    assert (job.state, job.findings[0].code) == (S.FAILED, "source.changed")


def test_a_result_in_another_container_changes_the_ending_of_the_output() -> None:
    job = after(ev.Claimed(), ev.Rendered(Path("/work/0a/result.png"), frames=1, container="png"))
    assert job.output == Path("/out/s1/a.png")


def test_a_job_that_succeeds_goes_through_its_journal_step_by_step() -> None:
    job = after(ev.Claimed())
    assert (job.state, job.attempt, job.started_at) == (S.RUNNING, 1, 100.0)
    steps = [
        (RENDERED, ChooseOutput(RENDERED.result)),
        (CHOSEN, PlaceOutput(RENDERED.result, CHOSEN.path)),
        (ev.OutputPlaced(), ChooseSource()),
        (TO_DONE, MoveSource(JOB.source, TO_DONE.path)),
        (ev.SourceMoved(), Conclude()),
    ]
    for event, step in steps:
        job = transition(job, event, 100.0, POLICY)
        assert publishing_step(job) == step
        assert (job.state, job.outcome) == (S.PUBLISHING, S.DONE)
    end = transition(job, ev.Published(), 200.0, POLICY)
    assert (end.state, end.ended_at, end.engine, end.frames) == (S.DONE, 200.0, "fake/fp32", 100)


def test_a_permanent_failure_moves_the_source_to_failed() -> None:
    broken = after(ev.Claimed(), broke(BAD, Remedy.NONE))
    assert (broken.state, publishing_step(broken)) == (S.PUBLISHING, ChooseSource())
    job = after(TO_DONE, ev.SourceMoved(), ev.Published(), job=broken)
    assert (job.state, job.findings[0].code, job.journal.output) == (S.FAILED, "media.unreadable", None)


def test_failed_attempts_are_repeated_with_growing_waits_until_none_is_left() -> None:
    job, waits = JOB, []
    for _ in range(POLICY.retries):
        job = after(ev.Claimed(), broke(CRASH, Remedy.RETRY), job=job)
        assert (job.state, job.findings[0].code) == (S.QUEUED, "worker.failed")
        waits.append(job.not_before - 100)
    assert waits == [10, 20]
    job = after(ev.Claimed(), broke(CRASH, Remedy.RETRY), job=job)
    assert (job.state, job.outcome, job.attempt) == (S.PUBLISHING, S.FAILED, 3)


def test_a_job_that_finishes_a_segment_with_each_attempt_is_never_given_up() -> None:
    job = JOB
    for number in range(1, 4 * POLICY.retries):
        job = after(ev.Claimed(), ev.SegmentDone(), broke(CRASH, Remedy.RETRY), job=job)
        assert (job.state, job.attempt, job.stuck, job.not_before) == (S.QUEUED, number, 1, 110)


def test_a_finished_segment_resets_the_counts_of_crashes_and_holds() -> None:
    job = after(ev.Claimed(), ev.Recovered(), ev.Claimed(), broke(FULL, Remedy.WAIT), ev.HoldOver(), ev.Claimed())
    assert (job.crashes, job.holds) == (1, 1)
    job = after(ev.SegmentDone(), job=job)
    assert (job.state, job.crashes, job.holds, job.attempt) == (S.RUNNING, 0, 0, 1)


def test_an_outside_cause_holds_the_job_with_growing_waits_and_costs_no_attempt() -> None:
    job, waits = JOB, []
    for _ in range(5):
        job = after(ev.Claimed(), broke(FULL, Remedy.WAIT), job=job)
        assert (job.state, job.held_state, job.attempt) == (S.HELD, S.QUEUED, 0)
        waits.append(job.not_before - 100)
        job = after(ev.HoldOver(), job=job)
        assert (job.state, job.findings, job.not_before) == (S.QUEUED, (), 0)
    assert waits == [15, 30, 60, 100, 100]


def test_progress_makes_the_next_hold_short_again() -> None:
    job = after(ev.Claimed(), broke(FULL, Remedy.WAIT), ev.HoldOver(), ev.Claimed(), RENDERED)
    assert job.holds == 0


def test_a_hold_during_publishing_continues_at_the_same_step_and_keeps_the_failure() -> None:
    job = after(ev.Claimed(), broke(BAD, Remedy.NONE), TO_DONE, broke(FULL, Remedy.WAIT))
    assert (job.state, job.held_state, job.findings[0].code) == (S.HELD, S.PUBLISHING, "storage.full")
    job = after(broke(FULL, Remedy.WAIT), job=after(ev.HoldOver(), job=job))
    released = after(ev.HoldOver(), job=job)
    assert publishing_step(released) == MoveSource(JOB.source, TO_DONE.path)
    assert [finding.code for finding in released.findings] == ["media.unreadable"]


@pytest.mark.parametrize("remedy", list(Remedy))
def test_publishing_is_never_given_up_once_the_output_is_placed(remedy: Remedy) -> None:
    job = after(ev.Claimed(), RENDERED, CHOSEN, ev.OutputPlaced(), broke(FULL, remedy))
    assert (job.state, job.outcome) == (S.HELD, S.DONE)


def test_a_result_that_is_lost_before_it_is_placed_is_rendered_again() -> None:
    job = after(ev.Claimed(), RENDERED, CHOSEN, broke(CRASH, Remedy.RETRY))
    assert (job.state, job.journal, job.outcome, job.attempt) == (S.QUEUED, Journal(), None, 1)


@pytest.mark.parametrize(
    "happened",
    [(), (ev.Claimed(),), (ev.Claimed(), broke(FULL, Remedy.WAIT))],
    ids=["queued", "running", "held"],
)
def test_a_job_can_be_cancelled_before_it_is_published(happened: tuple[ev.Event, ...]) -> None:
    job = after(*happened, ev.CancelAsked())
    assert (job.state, job.outcome, publishing_step(job)) == (S.PUBLISHING, S.CANCELLED, ChooseSource())


def test_a_job_whose_output_does_not_fit_on_the_disk_can_be_cancelled() -> None:
    job = after(ev.Claimed(), RENDERED, CHOSEN, broke(FULL, Remedy.WAIT), ev.CancelAsked())
    assert (job.outcome, job.findings[0].code) == (S.CANCELLED, "job.cancelled")
    assert publishing_step(job) == ChooseSource()


@pytest.mark.parametrize(
    "happened",
    [
        (ev.Claimed(), RENDERED),
        (ev.Claimed(), RENDERED, CHOSEN, ev.OutputPlaced(), broke(FULL, Remedy.WAIT)),
        (ev.CancelAsked(),),
        (ev.CancelAsked(), TO_DONE, ev.SourceMoved(), ev.Published()),
    ],
    ids=["publishing", "held after its output was placed", "being cancelled", "cancelled"],
)
def test_a_job_cannot_be_cancelled_once_it_is_published(happened: tuple[ev.Event, ...]) -> None:
    with pytest.raises(ImpossibleTransitionError) as caught:
        after(*happened, ev.CancelAsked())
    assert caught.value.finding.code == "job.not_cancelable"
    assert caught.value.finding.hint


def test_a_restart_queues_a_running_job_again_and_costs_no_attempt() -> None:
    job = after(ev.Claimed(), ev.Recovered())
    assert (job.state, job.attempt, job.not_before) == (S.QUEUED, 0, 100)


def test_a_job_that_kills_the_daemon_each_time_lets_others_go_first_and_finally_fails() -> None:
    job, deaths, waits = JOB, 0, []
    while job.state == S.QUEUED:
        job = after(ev.Claimed(), ev.Recovered(), job=job)
        deaths += 1
        waits.append(job.not_before - 100)
    assert waits[:4] == [0, 0, 10, 20]
    assert deaths == POLICY.free_crashes + POLICY.retries
    assert (job.outcome, job.findings[0].code) == (S.FAILED, "job.daemon_died")


def test_after_a_restart_publishing_continues_at_the_journals_step() -> None:
    job = after(ev.Claimed(), RENDERED, CHOSEN)
    recovered = after(ev.Recovered(), job=job)
    assert (recovered, publishing_step(recovered)) == (job, PlaceOutput(RENDERED.result, CHOSEN.path))


def test_stopping_the_daemon_queues_a_running_job_again_and_costs_no_attempt() -> None:
    job = after(ev.Claimed(), ev.Interrupted())
    assert (job.state, job.attempt, job.crashes) == (S.QUEUED, 0, 0)


def test_a_source_that_changed_before_the_output_was_placed_fails_the_job_and_is_not_moved() -> None:
    job = after(ev.Claimed(), RENDERED, CHOSEN, ev.SourceLost(Finding("source.changed", "it changed")))
    assert (job.outcome, job.findings[0].code) == (S.FAILED, "source.changed")
    assert publishing_step(job) == Conclude()


def test_a_source_that_changed_after_the_output_was_placed_is_a_warning() -> None:
    lost = ev.SourceLost(Finding("source.vanished", "it is gone"))
    job = after(ev.Claimed(), RENDERED, CHOSEN, ev.OutputPlaced(), lost, ev.Published())
    assert (job.state, job.warnings[0].code) == (S.DONE, "source.vanished")


def test_a_retry_starts_over_with_the_source_in_failed_and_a_corrected_preset() -> None:
    failed = after(ev.Claimed(), broke(BAD, Remedy.NONE), TO_DONE, ev.SourceMoved(), ev.Published())
    job = after(RETRY, job=failed)
    assert (job.state, job.attempt, job.journal, job.findings) == (S.QUEUED, 0, Journal(), ())
    assert (job.source, job.output, job.preset) == (RETRY.source, RETRY.output, "{}")
    assert (job.id, job.created_at, job.ended_at) == (failed.id, failed.created_at, None)
    corrected = ev.RetryAsked(RETRY.source, IDENTITY, RETRY.output, preset_name="new", preset='{"crf": 1}')
    assert after(corrected, job=failed).preset == '{"crf": 1}'


def test_the_second_crash_of_the_worker_ends_the_job_and_names_file_and_signal() -> None:
    crash = ev.Broke.of(CrashError("the worker process was killed by signal 11 (SIGSEGV)"))
    once = after(ev.Claimed(), crash)
    assert (once.state, once.worker_crashes) == (S.QUEUED, 1)
    # Neither segments that come between nor another kind of failure make it forgotten.
    between = after(ev.Claimed(), ev.SegmentDone(), broke(CRASH, Remedy.RETRY), ev.Claimed(), job=once)
    failed = after(crash, job=between)
    assert (failed.state, failed.outcome) == (S.PUBLISHING, S.FAILED)
    (finding,) = failed.findings
    assert finding.code == "worker.died"
    assert "a.mkv" in finding.message
    assert "SIGSEGV" in finding.message
    assert finding.hint


def test_a_worker_that_others_kill_is_not_the_files_fault() -> None:
    killed = ev.Broke.of(WorkerError("the worker process was killed by signal 9 (SIGKILL)", code="worker.died"))
    job = after(*(2 * (ev.Claimed(), killed)))
    assert (job.state, job.worker_crashes) == (S.QUEUED, 0)


def test_an_impossible_transition_describes_the_job() -> None:
    with pytest.raises(ImpossibleTransitionError) as caught:
        after(ev.Claimed(), RENDERED, CHOSEN, ev.Claimed())
    message = caught.value.finding.message
    for part in ("Claimed", "0a", "s1/a.mkv", "publishing", "attempts 1", "output chosen", "end as done"):
        assert part in message


def test_an_error_becomes_an_event_with_its_findings_and_remedy() -> None:
    error = StorageError("full", code="storage.full")
    assert ev.Broke.of(error).error == ErrorRecord(
        (Finding("storage.full", "full"),), Remedy.WAIT, (), "StorageError"
    )


EVENTS = st.sampled_from(
    [
        ev.Claimed(),
        ev.SegmentDone(),
        RENDERED,
        *(broke(finding, remedy) for finding, remedy in zip((BAD, CRASH, FULL), Remedy, strict=True)),
        CHOSEN,
        ev.OutputPlaced(),
        TO_DONE,
        ev.SourceMoved(),
        ev.SourceLost(Finding("source.changed", "it changed")),
        ev.Published(),
        ev.CancelAsked(),
        ev.Recovered(),
        ev.Interrupted(),
        ev.HoldOver(),
        RETRY,
        REQUEUED,
        ev.Measured(Length(seconds=2.5)),
        ev.Arranged(priority=5, front=1, paused=True),
    ]
)


def check_invariants(job: Job, policy: RetryPolicy) -> None:
    state, journal = job.state, job.journal
    publishing = S.PUBLISHING in (state, job.held_state)
    assert (job.outcome is not None) == (publishing or state.ended)
    assert (job.held_state is not None) == (state == S.HELD)
    assert (job.ended_at is not None) == state.ended
    assert job.attempt >= 0
    assert 0 <= job.stuck <= policy.retries + 1
    assert state != S.RUNNING or job.attempt >= 1
    assert job.not_before == 0 or state in (S.QUEUED, S.HELD)
    assert publishing or state.ended or journal == Journal()
    assert not journal.output_done or journal.output is not None
    assert job.outcome != S.DONE or journal.output_done or not (journal.source_to or journal.source_done)
    assert job.outcome not in (S.FAILED, S.CANCELLED) or job.findings
    assert not job.parked or state == S.HELD
    if state.ended:
        assert state == job.outcome
        assert journal.source_done
        assert state != S.DONE or journal.output_done
    if state == S.PUBLISHING:
        assert isinstance(publishing_step(job), PublishingStep)


@settings(max_examples=600, deadline=None)
@given(st.lists(EVENTS, max_size=60), st.integers(0, 3))
def test_no_sequence_of_events_breaks_an_invariant(sequence: list[ev.Event], retries: int) -> None:
    job, policy, now = JOB, RetryPolicy(retries=retries), 1000.0
    for event in sequence:
        now += 1
        try:
            changed = transition(job, event, now, policy)
        except ImpossibleTransitionError:
            continue
        assert not job.state.ended or isinstance(event, ev.RetryAsked)
        check_invariants(changed, policy)
        job = changed


def test_a_waiting_job_gets_another_preset_and_keeps_its_place() -> None:
    waiting = after(ev.Arranged(priority=3, paused=True), ev.Claimed(), broke(FULL, Remedy.WAIT))
    job = after(REQUEUED, job=waiting)
    assert (job.state, job.preset, job.output, job.gpu) == (S.QUEUED, '{"crf": 2}', Path("/out/s1/a.mkv"), False)
    assert (job.priority, job.paused, job.findings, job.not_before) == (3, True, (), 0)
    with pytest.raises(ImpossibleTransitionError) as caught:
        after(ev.Claimed(), REQUEUED)
    assert caught.value.finding.code == "job.not_queued"


def test_a_retry_keeps_priority_and_length_and_is_neither_paused_nor_in_front() -> None:
    arranged = ev.Arranged(priority=3, front=2, paused=True)
    failed = after(ev.Measured(Length(seconds=2.5)), arranged, ev.Claimed(), broke(BAD, Remedy.NONE), TO_FAILED)
    job = after(ev.SourceMoved(), ev.Published(), RETRY, job=failed)
    assert (job.priority, job.length, job.front, job.paused) == (3, Length(seconds=2.5), 0, False)


def test_every_field_of_a_finding_is_kept() -> None:
    job = after(broke(Finding("a.b", "what", "do", "where"), Remedy.NONE))
    assert job.findings == (Finding(code="a.b", message="what", hint="do", where="where"),)
