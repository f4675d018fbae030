"""The state machine of a job. Pure: a job and an event give the changed job.

    QUEUED -Claimed-> RUNNING -Rendered-> PUBLISHING (outcome DONE) -journal steps, Published-> DONE
    RUNNING -Skipped-> PUBLISHING (outcome SKIPPED) -> SKIPPED
    QUEUED, RUNNING, PUBLISHING -Broke-> QUEUED again, HELD, or PUBLISHING (outcome FAILED) -> FAILED
    QUEUED, HELD -SourceRenewed-> QUEUED
    QUEUED, HELD, RUNNING -CancelAsked-> PUBLISHING (outcome CANCELLED) -> CANCELLED
    FAILED, CANCELLED -RetryAsked-> QUEUED

A job that failed, was cancelled or was skipped is published too, so that its source moves by the same journal.
What is to be done next follows from the job alone (docs/decisions/0027).

Attempts that ended by themselves count. One that ended in a hold, or with the daemon, does not. Nor does one
during which the daemon died, since a power cut is not the job's fault; but from the `free_crashes`th death in a
row they count as failed attempts, so that a file that kills the daemon ends in failed/. Each finished segment
resets these counts: a job that makes progress is never given up. Crashes of the worker are counted apart and never
reset: the `worker_crashes`th ends the job.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from framewatch.domain import Job, JobState, Journal
from framewatch.errors import CrashError, Finding, Remedy
from framewatch.jobs.lifecycle import events as ev
from framewatch.jobs.lifecycle.errors import ImpossibleTransitionError
from framewatch.jobs.lifecycle.publishing_step import (
    Conclude,
    publishes_output,
    publishing_step,
    secures_source,
)
from framewatch.jobs.lifecycle.retry_policy import RetryPolicy, is_checked_at_once
from framewatch.jobs.naming import with_container
from framewatch.text import printable

QUEUED, RUNNING, PUBLISHING = JobState.QUEUED, JobState.RUNNING, JobState.PUBLISHING
HELD, DONE, FAILED, CANCELLED = JobState.HELD, JobState.DONE, JobState.FAILED, JobState.CANCELLED

_KEPT_BY_A_RETRY = ("id", "folder", "relative", "priority", "created_at", "length")
_KEPT_FOR_ANOTHER_VERSION = (
    *("id", "folder", "relative", "source", "preset_name", "preset", "output", "gpu"),
    *("priority", "front", "paused"),
)


def transition(job: Job, event: ev.Event, now: float, policy: RetryPolicy) -> Job:
    """Return the job after `event` happened to it at Unix time `now`.

    Raises:
        ImpossibleTransitionError: the event cannot happen in this state. Its code is `job.not_cancelable` or
            `job.not_retryable` for what a user asked for, else `job.impossible_transition`.
    """
    return _HANDLERS[type(event)](job, event, now, policy)


# --- what a user may ask for --------------------------------------------------------------------------------


def require_cancellable(job: Job) -> None:
    """Check that the user may cancel this job now.

    Raises:
        ImpossibleTransitionError: `job.not_cancelable`: it has ended, or its files are already being moved.
    """
    # Once the source is secured, its output may be in its place already, though that is not recorded.
    output_held = job.state == HELD and publishes_output(job) and not job.journal.source_secured
    before_publishing = job.state in (QUEUED, RUNNING) or (job.state == HELD and job.held_state == QUEUED)
    if not (before_publishing or output_held):
        hint = "it has ended" if job.state.ended else "its files are already being moved into place"
        raise ImpossibleTransitionError.refused(job, "job.not_cancelable", hint)


def require_retryable(job: Job) -> None:
    """Check that the user may retry this job now.

    Raises:
        ImpossibleTransitionError: `job.not_retryable`: it neither failed nor was cancelled.
    """
    if job.state not in (FAILED, CANCELLED):
        hint = "only a failed or cancelled job can be tried again"
        raise ImpossibleTransitionError.refused(job, "job.not_retryable", hint)


def require_redoable(job: Job) -> None:
    """Check that a job's source may be processed once more.

    Raises:
        ImpossibleTransitionError: `job.not_redoable`: it is neither done nor was skipped.
    """
    if job.state not in (DONE, JobState.SKIPPED):
        hint = "only a job that is done or was skipped can be done again; `framewatch retry` is for failed ones"
        raise ImpossibleTransitionError.refused(job, "job.not_redoable", hint)


def require_requeueable(job: Job) -> None:
    """Check that a job may get another preset now.

    Raises:
        ImpossibleTransitionError: `job.not_queued`: it runs, is being published, or has ended.
    """
    if not is_waiting(job):
        hint = "only a job that waits can get another preset; `framewatch pause` stops one that runs"
        raise ImpossibleTransitionError.refused(job, "job.not_queued", hint)


def is_waiting(job: Job) -> bool:
    """Return whether the work on a job has not begun, or will begin again after a hold."""
    return job.state == QUEUED or (job.state == HELD and job.held_state == QUEUED)


def require_arrangeable(job: Job) -> None:
    """Check that the user may still say when this job runs.

    Raises:
        ImpossibleTransitionError: `job.not_waiting`: it has ended, or its files are being moved.
    """
    waits = job.state in (QUEUED, RUNNING) or (job.state == HELD and job.held_state == QUEUED)
    if not waits:
        hint = "it has ended" if job.state.ended else "its work is done, and its files are being moved into place"
        raise ImpossibleTransitionError.refused(job, "job.not_waiting", hint)


# --- a job that succeeds ------------------------------------------------------------------------------------


def _claimed(job: Job, event: ev.Claimed, now: float, _policy: RetryPolicy) -> Job:
    _require(job, event, job.state == QUEUED)
    return job.evolve(state=RUNNING, attempt=job.attempt + 1, started_at=now, findings=(), not_before=0.0)


def _segment_done(job: Job, event: ev.SegmentDone, _now: float, _policy: RetryPolicy) -> Job:
    _require(job, event, job.state == RUNNING)
    return job.evolve(stuck=0, holds=0, crashes=0)


def _rendered(job: Job, event: ev.Rendered, _now: float, _policy: RetryPolicy) -> Job:
    _require(job, event, job.state == RUNNING)
    facts = {"engine": event.engine, "frames": event.frames, "warnings": event.warnings}
    output = with_container(job.output, event.container) if event.container else job.output
    journal = Journal(result=event.result)
    return _publishing(job.evolve(journal=journal, output=output, stuck=0, holds=0, crashes=0, **facts), DONE)


def _skipped(job: Job, event: ev.Skipped, _now: float, _policy: RetryPolicy) -> Job:
    _require(job, event, job.state == RUNNING)
    job = job.evolve(journal=Journal(), findings=event.reasons, holds=0, crashes=0)
    return _publishing(job.evolve(other_than=event.other_than), JobState.SKIPPED)


def _output_chosen(job: Job, event: ev.OutputChosen, _now: float, _policy: RetryPolicy) -> Job:
    # Possible a second time: another program may have taken the name in the meantime.
    _require(job, event, _places_output(job))
    return _journaled(job.evolve(output=event.path), output=event.path, output_size=event.size)


def _output_placed(job: Job, event: ev.OutputPlaced, _now: float, _policy: RetryPolicy) -> Job:
    _require(job, event, _places_output(job) and job.journal.output is not None)
    # An output that took the source's place has left the source where it was secured.
    moved = job.journal.source_secured and job.journal.output == job.source
    return _journaled(job, output_done=True, made=event.made, source_done=moved)


def _source_chosen(job: Job, event: ev.SourceChosen, _now: float, _policy: RetryPolicy) -> Job:
    _require(job, event, _moves_source(job) or secures_source(job))
    return _journaled(job, source_to=event.path)


def _source_secured(job: Job, event: ev.SourceSecured, _now: float, _policy: RetryPolicy) -> Job:
    _require(job, event, secures_source(job) and job.journal.source_to is not None)
    return _journaled(job, source_secured=True)


def _source_moved(job: Job, event: ev.SourceMoved, _now: float, _policy: RetryPolicy) -> Job:
    _require(job, event, _moves_source(job) and job.journal.source_to is not None)
    return _journaled(job, source_done=True)


def _source_kept(job: Job, event: ev.SourceKept, _now: float, _policy: RetryPolicy) -> Job:
    _require(job, event, _moves_source(job))
    return _journaled(job, source_to=None, source_done=True, kept=event.known)


def _published(job: Job, event: ev.Published, now: float, _policy: RetryPolicy) -> Job:
    _require(job, event, job.state == PUBLISHING and isinstance(publishing_step(job), Conclude))
    return job.evolve(state=job.outcome, ended_at=now, holds=0)


# --- what can come between ----------------------------------------------------------------------------------


def _broke(job: Job, event: ev.Broke, now: float, policy: RetryPolicy) -> Job:
    _require(job, event, job.state in (QUEUED, RUNNING, PUBLISHING) and bool(event.error.findings))
    # Once the output is in place, the source must follow whatever the error is: half a publication is never given up.
    must_finish = job.state == PUBLISHING and not _places_output(job)
    if event.error.remedy == Remedy.WAIT or must_finish:
        return _held(job, event, now, policy)
    if event.error.remedy == Remedy.NONE:
        return _failed(job, event.error.findings)
    if event.error.kind == CrashError.__name__:
        job = job.evolve(worker_crashes=job.worker_crashes + 1)
        if job.worker_crashes >= policy.worker_crashes:
            return _failed(job, (_crashed_again(job, event.error.findings[0]),))
    return _retried_or_failed(job, event.error.findings, now, policy)


def _source_lost(job: Job, event: ev.SourceLost, _now: float, _policy: RetryPolicy) -> Job:
    _require(job, event, job.state == PUBLISHING and not job.journal.source_done)
    lost = (event.finding,)
    if job.outcome in (FAILED, CANCELLED):
        job = job.evolve(findings=job.findings + lost)
    elif job.journal.output_done:  # the output is complete, and made of the source as it was queued
        job = job.evolve(warnings=job.warnings + lost)
    else:
        job = job.evolve(outcome=FAILED, findings=lost)
    return _journaled(job, source_to=None, source_done=True)


def _cancel_asked(job: Job, _event: ev.CancelAsked, _now: float, _policy: RetryPolicy) -> Job:
    require_cancellable(job)
    finding = Finding("job.cancelled", "cancelled by the user")
    return _publishing(job.evolve(findings=(finding,)), CANCELLED)


def _retry_asked(job: Job, event: ev.RetryAsked, _now: float, _policy: RetryPolicy) -> Job:
    require_retryable(job)
    given = {"preset_name": event.preset_name, "preset": event.preset}
    return Job(
        **{name: getattr(job, name) for name in _KEPT_BY_A_RETRY},
        **{name: getattr(job, name) if value is None else value for name, value in given.items()},
        source=event.source,
        identity=event.identity,
        output=event.output,
        gpu=event.gpu,
    )


def _requeued(job: Job, event: ev.Requeued, _now: float, _policy: RetryPolicy) -> Job:
    require_requeueable(job)
    job = job.evolve(stuck=0, holds=0, held_state=None, findings=(), needs=())
    preset = {"preset_name": event.preset_name, "preset": event.preset, "gpu": event.gpu}
    return _queued(job.evolve(output=event.output, **preset), 0.0)


def _source_renewed(job: Job, event: ev.SourceRenewed, now: float, _policy: RetryPolicy) -> Job:
    _require(job, event, is_waiting(job))
    kept = {name: getattr(job, name) for name in _KEPT_FOR_ANOTHER_VERSION}
    return Job(**kept, identity=event.identity, created_at=now)


def _measured(job: Job, event: ev.Measured, _now: float, _policy: RetryPolicy) -> Job:
    _require(job, event, job.state == QUEUED)
    return job.evolve(length=event.length)


def _arranged(job: Job, event: ev.Arranged, _now: float, _policy: RetryPolicy) -> Job:
    require_arrangeable(job)
    changes = {"priority": event.priority, "front": event.front, "paused": event.paused}
    return job.evolve(**{name: value for name, value in changes.items() if value is not None})


def _recovered(job: Job, event: ev.Recovered, now: float, policy: RetryPolicy) -> Job:
    _require(job, event, not job.state.ended)
    if job.state != RUNNING:
        return job
    job = job.evolve(crashes=job.crashes + 1)
    if job.crashes >= policy.free_crashes:
        return _retried_or_failed(job, (_daemon_died(job),), now, policy)
    return _queued(_without_this_attempt(job), now + policy.crash_wait(job.crashes))


def _replanned(job: Job, event: ev.Replanned, _now: float, _policy: RetryPolicy) -> Job:
    _require(job, event, job.state in (QUEUED, HELD, RUNNING))
    return job.evolve(output=event.output)


def _interrupted(job: Job, event: ev.Interrupted, _now: float, _policy: RetryPolicy) -> Job:
    _require(job, event, job.state == RUNNING)
    return _queued(_without_this_attempt(job), 0.0)


def _hold_over(job: Job, event: ev.HoldOver, _now: float, _policy: RetryPolicy) -> Job:
    _require(job, event, job.state == HELD)
    return job.evolve(state=job.held_state, held_state=None, findings=job.parked, parked=(), not_before=0.0, needs=())


# --- parts --------------------------------------------------------------------------------------------------


def _require(job: Job, event: ev.Event, possible: bool) -> None:
    if not possible:
        raise ImpossibleTransitionError.of_event(job, event)


def _places_output(job: Job) -> bool:
    return job.state == PUBLISHING and publishes_output(job)


def _moves_source(job: Job) -> bool:
    return job.state == PUBLISHING and not _places_output(job) and not job.journal.source_done


def _journaled(job: Job, **changes: Any) -> Job:
    return job.evolve(journal=job.journal.evolve(**changes), holds=0)


def _publishing(job: Job, outcome: JobState) -> Job:
    return job.evolve(state=PUBLISHING, outcome=outcome, held_state=None, parked=(), needs=(), not_before=0.0)


def _queued(job: Job, not_before: float) -> Job:
    return job.evolve(state=QUEUED, outcome=None, journal=Journal(), not_before=not_before)


def _held(job: Job, event: ev.Broke, now: float, policy: RetryPolicy) -> Job:
    publishing = job.state == PUBLISHING
    job = _without_this_attempt(job) if job.state == RUNNING else job
    holds, error = job.holds + 1, event.error
    wait = policy.check_interval if is_checked_at_once(error.findings[0].code) else policy.hold_wait(holds)
    return job.evolve(
        state=HELD,
        held_state=PUBLISHING if publishing else QUEUED,
        holds=holds,
        findings=error.findings,
        parked=job.findings if publishing else (),
        not_before=now + wait,
        needs=error.needs,
    )


def _failed(job: Job, findings: tuple[Finding, ...]) -> Job:
    return _publishing(job.evolve(findings=findings), FAILED)


def _retried_or_failed(job: Job, findings: tuple[Finding, ...], now: float, policy: RetryPolicy) -> Job:
    """After a failed attempt: another one later, or the end. One that failed before it began counts as well."""
    attempt = job.attempt + 1 if job.state == QUEUED else job.attempt
    job = job.evolve(attempt=attempt, stuck=job.stuck + 1, holds=0)
    if job.stuck > policy.retries:
        return _failed(job, findings)
    return _queued(job.evolve(findings=findings), now + policy.retry_wait(job.stuck))


def _without_this_attempt(job: Job) -> Job:
    return job.evolve(attempt=max(job.attempt - 1, 0))


def _crashed_again(job: Job, crash: Finding) -> Finding:
    message = f"the work on {printable(job.source.name)} crashed again: {crash.message}"
    hint = "convert the file with another program; if others fail like this, update the drivers of this machine"
    return replace(crash, message=message, hint=hint)


def _daemon_died(job: Job) -> Finding:
    message = f"the daemon died {job.crashes} times while it worked on this file"
    return Finding("job.daemon_died", message, "look for an out-of-memory kill in the system's log")


_HANDLERS: dict[type[ev.Event], Callable[[Job, Any, float, RetryPolicy], Job]] = {
    ev.Claimed: _claimed,
    ev.SegmentDone: _segment_done,
    ev.Rendered: _rendered,
    ev.Skipped: _skipped,
    ev.Broke: _broke,
    ev.OutputChosen: _output_chosen,
    ev.OutputPlaced: _output_placed,
    ev.SourceChosen: _source_chosen,
    ev.SourceSecured: _source_secured,
    ev.SourceMoved: _source_moved,
    ev.SourceKept: _source_kept,
    ev.SourceLost: _source_lost,
    ev.Published: _published,
    ev.CancelAsked: _cancel_asked,
    ev.RetryAsked: _retry_asked,
    ev.Requeued: _requeued,
    ev.SourceRenewed: _source_renewed,
    ev.Measured: _measured,
    ev.Arranged: _arranged,
    ev.Recovered: _recovered,
    ev.Replanned: _replanned,
    ev.Interrupted: _interrupted,
    ev.HoldOver: _hold_over,
}
