"""The state machine of a job. Pure: an event goes in, the changed job and what is to be done come out.

    QUEUED -Claimed-> RUNNING -Rendered-> PUBLISHING (outcome DONE) -journal steps, Published-> DONE
    RUNNING -Skipped-> PUBLISHING (outcome SKIPPED) -> SKIPPED
    any of them -Broke-> QUEUED again, HELD, or PUBLISHING (outcome FAILED) -> FAILED
    QUEUED, HELD, RUNNING -CancelAsked-> PUBLISHING (outcome CANCELLED) -> CANCELLED
    FAILED, CANCELLED -RetryAsked-> QUEUED

A job that failed, was cancelled or skipped is published too: its source is moved by the same journal.

Which tries count: those that ended by themselves. One that was put on hold, or interrupted by the daemon's
end, does not. Nor does one during which the daemon died, for power cuts are not the job's fault; but from the
`free_crashes`th on they count as failed tries, so that a file that kills the daemon ends in failed/.
Each segment that is done makes all of these counts begin anew: a job that gets on is never given up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from framewatch.domain import Job, JobState, Journal
from framewatch.errors import Finding, Remedy
from framewatch.jobs.lifecycle import events as ev
from framewatch.jobs.lifecycle.description import ImpossibleTransitionError, killer, story
from framewatch.jobs.lifecycle.retry_policy import RetryPolicy, seen_cheaply
from framewatch.jobs.naming import failed_sidecar_path, with_container

QUEUED, RUNNING, PUBLISHING = JobState.QUEUED, JobState.RUNNING, JobState.PUBLISHING
HELD, DONE, FAILED, CANCELLED = JobState.HELD, JobState.DONE, JobState.FAILED, JobState.CANCELLED


@dataclass(frozen=True, slots=True)
class Transition:
    """What became of the job, to be stored first, and what is then to be done, in this order."""

    job: Job
    actions: tuple[ev.Action, ...] = ()


def transition(job: Job, event: ev.Event, now: float, policy: RetryPolicy) -> Transition:
    """What `event` makes of `job` at Unix time `now`.

    Raises:
        ImpossibleTransitionError: the event cannot come in this state. Code `job.not_cancellable` or
            `job.not_retryable` where a user asked for it, else `job.impossible_transition`.
    """
    return _HANDLERS[type(event)](job, event, now, policy)


def publishing_step(job: Job) -> ev.PublishingStep:
    """The journal's next step of a job in PUBLISHING."""
    journal = job.journal
    if job.outcome == DONE and not journal.output_done:
        if journal.result is None:
            raise ImpossibleTransitionError(f"there is no result to publish: {story(job)}")
        if journal.output is None:
            return ev.ChooseOutput(journal.result)
        return ev.PlaceOutput(journal.result, journal.output)
    if not journal.source_done:
        if journal.source_to is None:
            return ev.ChooseSource()
        return ev.MoveSource(job.source, journal.source_to)
    return ev.Conclude()


# --- the way of a job that works out -----------------------------------------------------------------------


def _claimed(job: Job, event: ev.Claimed, now: float, _policy: RetryPolicy) -> Transition:
    _require(job, event, job.state == QUEUED)
    job = job.evolve(state=RUNNING, attempt=job.attempt + 1, started_at=now, findings=(), not_before=0.0)
    return Transition(job, (ev.WriteSidecar(), ev.Render()))


def _segment_done(job: Job, event: ev.SegmentDone, _now: float, _policy: RetryPolicy) -> Transition:
    _require(job, event, job.state == RUNNING)
    return Transition(job.evolve(stuck=0, holds=0, crashes=0))


def _rendered(job: Job, event: ev.Rendered, _now: float, _policy: RetryPolicy) -> Transition:
    _require(job, event, job.state == RUNNING)
    facts = {"engine": event.engine, "frames": event.frames, "warnings": event.warnings}
    journal = Journal(result=event.result)
    output = with_container(job.output, event.container) if event.container else job.output
    return _publish(job.evolve(journal=journal, output=output, stuck=0, holds=0, crashes=0, **facts), DONE)


def _skipped(job: Job, event: ev.Skipped, _now: float, _policy: RetryPolicy) -> Transition:
    _require(job, event, job.state == RUNNING)
    job = job.evolve(journal=Journal(), findings=event.reasons, holds=0, crashes=0)
    return _publish(job, JobState.SKIPPED)


def _output_chosen(job: Job, event: ev.OutputChosen, _now: float, _policy: RetryPolicy) -> Transition:
    # Also when one was chosen before: somebody else may have taken the name meanwhile.
    _require(job, event, _publishes_output(job))
    return _next_step(_journal(job, output=event.path, output_size=event.size))


def _output_placed(job: Job, event: ev.OutputPlaced, _now: float, _policy: RetryPolicy) -> Transition:
    _require(job, event, _publishes_output(job) and job.journal.output is not None)
    return _next_step(_journal(job, output_done=True))


def _source_chosen(job: Job, event: ev.SourceChosen, _now: float, _policy: RetryPolicy) -> Transition:
    _require(job, event, _publishes_source(job))
    return _next_step(_journal(job, source_to=event.path))


def _source_moved(job: Job, event: ev.SourceMoved, _now: float, _policy: RetryPolicy) -> Transition:
    _require(job, event, _publishes_source(job) and job.journal.source_to is not None)
    return _next_step(_journal(job, source_done=True))


def _published(job: Job, event: ev.Published, now: float, _policy: RetryPolicy) -> Transition:
    _require(job, event, job.state == PUBLISHING and isinstance(publishing_step(job), ev.Conclude))
    return Transition(job.evolve(state=job.outcome, ended_at=now, holds=0), (ev.DiscardWork(),))


# --- what can come between ---------------------------------------------------------------------------------


def _broke(job: Job, event: ev.Broke, now: float, policy: RetryPolicy) -> Transition:
    _require(job, event, job.state in (QUEUED, RUNNING, PUBLISHING) and bool(event.error.findings))
    stop = (ev.StopWorker(),) if job.state == RUNNING else ()
    # What is half published must be brought to its end, whatever the error says.
    hold = event.error.remedy == Remedy.WAIT or (job.state == PUBLISHING and not _publishes_output(job))
    if hold:
        return _held(job, event, now, policy, stop)
    if event.error.remedy == Remedy.NONE:
        return _failed(job, event.error.findings, stop)
    return _tried(job, event.error.findings, now, policy, stop)


def _source_lost(job: Job, event: ev.SourceLost, _now: float, _policy: RetryPolicy) -> Transition:
    _require(job, event, job.state == PUBLISHING and not job.journal.source_done)
    failure = (event.finding,)
    if job.outcome in (FAILED, CANCELLED):
        job = job.evolve(findings=job.findings + failure)
    elif job.journal.output_done:  # the output is whole, made of the source as it was taken in
        job = job.evolve(warnings=job.warnings + failure)
    else:
        job = job.evolve(outcome=FAILED, findings=failure)
    return _next_step(_journal(job, source_to=None, source_done=True))


def _cancel_asked(job: Job, event: ev.CancelAsked, _now: float, _policy: RetryPolicy) -> Transition:
    held_output = job.state == HELD and job.outcome == DONE and not job.journal.output_done
    free = job.state in (QUEUED, RUNNING) or (job.state == HELD and job.held_state == QUEUED)
    if not (free or held_output):
        hint = "it has ended" if job.state.ended else "it is being put in its place already"
        raise ImpossibleTransitionError.of_event(job, event, "job.not_cancellable", hint)
    stop = (ev.StopWorker(),) if job.state == RUNNING else ()
    finding = Finding("job.cancelled", "cancelled by the user")
    return _publish(job.evolve(findings=(finding,)), CANCELLED, (*stop, ev.DiscardWork()))


def _recovered(job: Job, event: ev.Recovered, now: float, policy: RetryPolicy) -> Transition:
    _require(job, event, not job.state.ended)
    if job.state == PUBLISHING:
        return Transition(job, (ev.WriteSidecar(), publishing_step(job)))
    if job.state != RUNNING:
        return Transition(job, (ev.WriteSidecar(),))
    job = job.evolve(crashes=job.crashes + 1)
    if job.crashes >= policy.free_crashes:
        return _tried(job, (killer(job),), now, policy)
    return _queued(_uncounted(job), now + policy.crash_wait(job.crashes))


def _replanned(job: Job, event: ev.Replanned, _now: float, _policy: RetryPolicy) -> Transition:
    _require(job, event, job.state in (QUEUED, HELD, RUNNING))
    return Transition(job.evolve(output=event.output))


def _interrupted(job: Job, event: ev.Interrupted, _now: float, _policy: RetryPolicy) -> Transition:
    _require(job, event, job.state == RUNNING)
    return _queued(_uncounted(job), 0.0, (ev.StopWorker(),))


def _hold_over(job: Job, event: ev.HoldOver, _now: float, _policy: RetryPolicy) -> Transition:
    _require(job, event, job.state == HELD)
    changes = {"findings": job.parked, "parked": (), "not_before": 0.0, "needs": ()}
    job = job.evolve(state=job.held_state, held_state=None, **changes)
    return _next_step(job) if job.state == PUBLISHING else Transition(job, (ev.WriteSidecar(),))


def _retry_asked(job: Job, event: ev.RetryAsked, _now: float, _policy: RetryPolicy) -> Transition:
    if job.state not in (FAILED, CANCELLED):
        hint = "only a job that failed or was cancelled can be tried again"
        raise ImpossibleTransitionError.of_event(job, event, "job.not_retryable", hint)
    given = {"preset_name": event.preset_name, "preset": event.preset}
    fresh = Job(
        **{name: getattr(job, name) for name in _KEPT},
        **{name: getattr(job, name) if value is None else value for name, value in given.items()},
        source=event.source,
        identity=event.identity,
        output=event.output,
        gpu=event.gpu,
    )
    earlier = ev.RemoveSidecar(failed_sidecar_path(event.source))
    return Transition(fresh, (earlier, ev.WriteSidecar()))


# --- parts -------------------------------------------------------------------------------------------------

_KEPT = ("id", "folder", "relative", "priority", "created_at")


def _require(job: Job, event: ev.Event, possible: bool) -> None:
    if not possible:
        raise ImpossibleTransitionError.of_event(job, event)


def _publishes_output(job: Job) -> bool:
    return job.state == PUBLISHING and job.outcome == DONE and not job.journal.output_done


def _publishes_source(job: Job) -> bool:
    return job.state == PUBLISHING and not _publishes_output(job) and not job.journal.source_done


def _journal(job: Job, **changes: Any) -> Job:
    return job.evolve(journal=job.journal.evolve(**changes), holds=0)


def _next_step(job: Job) -> Transition:
    return Transition(job, (ev.WriteSidecar(), publishing_step(job)))


def _publish(job: Job, outcome: JobState, before: tuple[ev.Action, ...] = ()) -> Transition:
    job = job.evolve(state=PUBLISHING, outcome=outcome, held_state=None, parked=(), needs=(), not_before=0.0)
    return Transition(job, (*before, ev.WriteSidecar(), publishing_step(job)))


def _queued(job: Job, not_before: float, before: tuple[ev.Action, ...] = ()) -> Transition:
    job = job.evolve(state=QUEUED, outcome=None, journal=Journal(), not_before=not_before)
    wake = (ev.Wake(not_before),) if not_before else ()
    return Transition(job, (*before, ev.WriteSidecar(), *wake))


def _held(job: Job, event: ev.Broke, now: float, policy: RetryPolicy, before: tuple[ev.Action, ...]) -> Transition:
    goes_on = PUBLISHING if job.state == PUBLISHING else QUEUED
    parked = job.findings if goes_on == PUBLISHING else ()
    job = _uncounted(job) if job.state == RUNNING else job
    holds, error = job.holds + 1, event.error
    until = now + (policy.look if seen_cheaply(error.findings[0].code) else policy.hold_wait(holds))
    changes = {"findings": error.findings, "parked": parked, "not_before": until, "needs": error.needs}
    job = job.evolve(state=HELD, held_state=goes_on, holds=holds, **changes)
    return Transition(job, (*before, ev.WriteSidecar(), ev.Wake(until)))


def _failed(job: Job, findings: tuple[Finding, ...], before: tuple[ev.Action, ...] = ()) -> Transition:
    return _publish(job.evolve(findings=findings), FAILED, before)


def _tried(
    job: Job,
    findings: tuple[Finding, ...],
    now: float,
    policy: RetryPolicy,
    before: tuple[ev.Action, ...] = (),
) -> Transition:
    """A try has failed: another one later, or the end. One that broke before it began counts as well."""
    attempt = job.attempt + 1 if job.state == QUEUED else job.attempt
    job = job.evolve(attempt=attempt, stuck=job.stuck + 1, holds=0)
    if job.stuck > policy.retries:
        return _failed(job, findings, before)
    return _queued(job.evolve(findings=findings), now + policy.retry_wait(job.stuck), before)


def _uncounted(job: Job) -> Job:
    return job.evolve(attempt=max(job.attempt - 1, 0))


_HANDLERS: dict[type[ev.Event], Callable[[Job, Any, float, RetryPolicy], Transition]] = {
    ev.Claimed: _claimed,
    ev.SegmentDone: _segment_done,
    ev.Rendered: _rendered,
    ev.Skipped: _skipped,
    ev.Broke: _broke,
    ev.OutputChosen: _output_chosen,
    ev.OutputPlaced: _output_placed,
    ev.SourceChosen: _source_chosen,
    ev.SourceMoved: _source_moved,
    ev.SourceLost: _source_lost,
    ev.Published: _published,
    ev.CancelAsked: _cancel_asked,
    ev.Recovered: _recovered,
    ev.Replanned: _replanned,
    ev.Interrupted: _interrupted,
    ev.HoldOver: _hold_over,
    ev.RetryAsked: _retry_asked,
}
