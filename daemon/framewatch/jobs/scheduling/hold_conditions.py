"""Whether what holds a job is gone, as far as that can be seen without trying it again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from framewatch.domain import Job, JobState
from framewatch.errors import Need, Place, StorageError
from framewatch.jobs.attempt.disk_forecast import fits
from framewatch.jobs.attempt.prerequisites import means_are_back
from framewatch.jobs.publishing.publish import Places
from framewatch.jobs.source_check import source_root
from framewatch.storage.free_space import SPARE
from framewatch.upscale.network.weights import Precision

FULL = ("storage.full", "storage.will_not_fit")


def may_go_on(job: Job, places: Places, work_dir: Path, ffmpeg: Path, precision: Precision = "exact") -> bool:
    """Look at what is cheap to see: roots that are mounted, room, ffmpeg, the network's weights.

    With the precision "fast", also what is known for 8 bits.

    A job that is held by anything else may go on, which is how its cause is looked at.
    """
    code = job.findings[0].code if job.findings else ""
    if not code.startswith("storage."):
        return means_are_back(code, ffmpeg, precision)
    try:
        for root in roots_needed(job, places):
            places.guard.require(root)
    except StorageError:
        return False
    return code not in FULL or fits(room_needed(job), _folders(places, work_dir), places.reserve)


def roots_needed(job: Job, places: Places) -> Iterator[Path]:
    """The roots without which a held job comes no further."""
    if job.outcome != JobState.CANCELLED and not job.journal.source_done:
        yield source_root(job)
    if job.held_state != JobState.PUBLISHING:
        return
    place = place_needed(job)
    if place is not None:
        yield getattr(places, place)


def place_needed(job: Job) -> Place | None:
    """Where the next file of a job that is being published goes; None where only its end is left."""
    if job.outcome == JobState.DONE and not job.journal.output_done:
        return "output"
    if job.journal.source_done:
        return None
    return "done" if job.outcome and job.outcome.keeps_source else "failed"


def room_needed(job: Job) -> tuple[Need, ...]:
    """The room that a job waits for; where it is not known, a little more than the reserve."""
    if job.needs:
        return job.needs
    if job.held_state != JobState.PUBLISHING:
        return (Need("work", SPARE),)
    place = place_needed(job)
    return () if place is None else (Need(place, SPARE),)


def _folders(places: Places, work_dir: Path) -> dict[Place, Path]:
    """Where things lie now, which may be elsewhere than when the job was put on hold."""
    return {"work": work_dir, "output": places.output, "done": places.done, "failed": places.failed}
