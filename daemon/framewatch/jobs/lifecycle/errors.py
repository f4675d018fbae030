"""The error of the state machine, and the description of a job that its message has."""

from __future__ import annotations

from framewatch.domain import Job
from framewatch.errors import FramewatchError
from framewatch.jobs.lifecycle.events import Event


class ImpossibleTransitionError(FramewatchError):
    """An event cannot happen to a job in this state, or a user asked for something that cannot be done now."""

    code = "job.impossible_transition"

    @classmethod
    def of_event(cls, job: Job, event: Event) -> ImpossibleTransitionError:
        """Return the error, with a description of the job in its message."""
        return cls(f"{event.name} cannot happen now: {describe(job)}")

    @classmethod
    def refused(cls, job: Job, code: str, hint: str) -> ImpossibleTransitionError:
        """Return the error for what a user asked for; `hint` says why it cannot be done."""
        return cls(f"job {job.id} is {job.state}", code=code, hint=hint)


def describe(job: Job) -> str:
    """One line on the state of a job and how it got there."""
    journal = job.journal
    steps = {
        "output chosen": journal.output is not None,
        "output placed": journal.output_done,
        "source's destination chosen": journal.source_to is not None,
        "source moved": journal.source_done,
    }
    parts = [
        f"job {job.id} ({job.folder}: {str(job.relative)!r}) is {job.state}",
        f"attempts {job.attempt}, holds {job.holds}, crashes {job.crashes}",
        f"continues as {job.held_state}" if job.held_state else "",
        f"will end as {job.outcome}" if job.outcome and not job.state.ended else "",
        ", ".join(name for name, done in steps.items() if done),
        f"because of {', '.join(finding.code for finding in job.findings)}" if job.findings else "",
    ]
    return "; ".join(part for part in parts if part)
