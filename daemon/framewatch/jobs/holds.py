"""Whether what holds a job is gone, as far as that can be seen without trying it again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from framewatch.domain import Job, JobState
from framewatch.errors import Need, StorageError
from framewatch.jobs.publish import Places
from framewatch.jobs.source import source_root
from framewatch.jobs.space import SPARE, fits

FULL = ("storage.full", "storage.will_not_fit")


def may_go_on(job: Job, places: Places, work_dir: Path) -> bool:
    """Look at disks alone: the roots that a held job needs are mounted, and the room that it waits for is there.

    A job that is held by anything else may go on, which is how its cause is looked at.
    """
    code = job.findings[0].code if job.findings else ""
    if not code.startswith("storage."):
        return True
    try:
        for root in roots_needed(job, places):
            places.guard.require(root)
    except StorageError:
        return False
    return code not in FULL or fits(room_needed(job, places, work_dir), places.reserve)


def roots_needed(job: Job, places: Places) -> Iterator[Path]:
    """The roots without which a held job comes no further."""
    if job.outcome != JobState.CANCELLED and not job.journal.source_done:
        yield source_root(job)
    if job.held_state != JobState.PUBLISHING:
        return
    if job.outcome == JobState.DONE and not job.journal.output_done:
        yield places.output
    elif not job.journal.source_done:
        yield places.done if job.outcome and job.outcome.keeps_source else places.failed


def room_needed(job: Job, places: Places, work_dir: Path) -> tuple[Need, ...]:
    """The room that a job waits for; where it is not known, a little more than the reserve."""
    if job.needs:
        return job.needs
    if job.held_state != JobState.PUBLISHING:
        return (Need(work_dir, SPARE),)
    return tuple(Need(root, SPARE) for root in roots_needed(job, places))
