"""What has become of a job so far, in words."""

from __future__ import annotations

from framewatch.domain import Job
from framewatch.errors import Finding, FramewatchError
from framewatch.jobs.lifecycle.events import Event


class ImpossibleTransitionError(FramewatchError):
    """An event came that cannot come to a job in this state."""

    code = "job.impossible_transition"

    @classmethod
    def of_event(cls, job: Job, event: Event, code: str | None = None, hint: str = "") -> ImpossibleTransitionError:
        """The error with the job's story in its message."""
        return cls(f"{event.name} cannot happen now: {story(job)}", code=code, hint=hint)


def story(job: Job) -> str:
    """One line on what has become of a job so far."""
    journal = job.journal
    steps = {
        "output chosen": journal.output is not None,
        "output placed": journal.output_done,
        "source's place chosen": journal.source_to is not None,
        "source moved": journal.source_done,
    }
    parts = [
        f"job {job.id} ({job.folder}: {str(job.relative)!r}) is {job.state}",
        f"tries {job.attempt}, holds {job.holds}, crashes {job.crashes}",
        f"goes on as {job.held_state}" if job.held_state else "",
        f"to end as {job.outcome}" if job.outcome and not job.state.ended else "",
        ", ".join(name for name, done in steps.items() if done),
        f"because of {', '.join(failure.code for failure in job.findings)}" if job.findings else "",
    ]
    return "; ".join(part for part in parts if part)


def killer(job: Job) -> Finding:
    """The finding for a file during which the daemon died again and again."""
    message = f"the daemon died {job.crashes} times while it worked on this file"
    return Finding("job.daemon_died", message, "look into the system's log for an out-of-memory kill")
