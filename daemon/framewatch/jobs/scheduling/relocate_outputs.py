"""Jobs follow their watch folder's output where the configuration has moved it."""

from __future__ import annotations

from pathlib import Path

import structlog

from framewatch.jobs.lifecycle.events import Replanned
from framewatch.jobs.naming import free_path, placed_below
from framewatch.jobs.scheduling.job_manager import Desk

_log = structlog.get_logger("framewatch.jobs")


def replan(desk: Desk, folder: str, output: Path) -> None:
    """Plan the outputs of a folder's jobs below `output`, where they were planned elsewhere; each keeps its name.

    Not of those that are being published: publishing looks to that itself, at each step.

    Raises:
        StorageError: the store cannot be used.
    """
    store = desk.store
    with desk.naming(output), desk.lock, store.together():
        jobs = store.planned_outside(folder, output)
        places = (placed_below(output, job.relative, job.output) for job in jobs)
        decisions = [
            desk.decide(job, Replanned(free_path(place, store.output_claimed)))
            for job, place in zip(jobs, places, strict=True)
        ]
    for decision in decisions:
        desk.carry_out(decision)
    if decisions:
        _log.info("folder.output_moved", folder=folder, output=output, jobs=len(decisions))
