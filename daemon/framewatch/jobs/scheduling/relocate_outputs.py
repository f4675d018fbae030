"""Plans the outputs of waiting and running jobs again when the configuration moves a folder's output."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import structlog

from framewatch.domain import Job
from framewatch.jobs.lifecycle.events import Replanned
from framewatch.jobs.naming import free_path, placed_below
from framewatch.jobs.scheduling.job_manager import JobManager

_log = structlog.get_logger("framewatch.jobs")


def relocate_outputs(manager: JobManager, folder: str, output: Path) -> None:
    """Plan the outputs of a folder's jobs below `output`, if they were planned elsewhere; each keeps its name.

    Jobs that are being published are left alone: publishing checks the folder itself, at each step.

    Raises:
        StorageError: the store cannot be used.
    """
    store = manager.store

    def moved() -> Iterator[tuple[Job, Replanned]]:
        for job in store.planned_outside(folder, output):
            wanted = placed_below(output, job.relative, job.output)
            yield job, Replanned(free_path(wanted, store.output_claimed))

    jobs = manager.change_all(moved, output)
    if jobs:
        _log.info("folder.output_moved", folder=folder, output=output, jobs=len(jobs))
