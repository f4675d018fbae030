"""Jobs follow their watch folder's output where the configuration has moved it."""

from __future__ import annotations

from pathlib import Path

import structlog

from framewatch.jobs.lifecycle.events import Replanned
from framewatch.jobs.naming import free_path, placed_below
from framewatch.jobs.scheduling.job_manager import JobManager

_log = structlog.get_logger("framewatch.jobs")


def replan(manager: JobManager, folder: str, output: Path) -> None:
    """Plan the outputs of a folder's jobs below `output`, where they were planned elsewhere; each keeps its name.

    Not of those that are being published: publishing looks to that itself, at each step.

    Raises:
        StorageError: the store cannot be used.
    """
    store = manager.store
    with manager.naming(output), manager.lock, store.together():
        jobs = store.planned_outside(folder, output)
        places = (placed_below(output, job.relative, job.output) for job in jobs)
        decisions = [
            manager.decide(job, Replanned(free_path(place, store.output_claimed)))
            for job, place in zip(jobs, places, strict=True)
        ]
    for decision in decisions:
        manager.carry_out(decision)
    if decisions:
        _log.info("folder.output_moved", folder=folder, output=output, jobs=len(decisions))
