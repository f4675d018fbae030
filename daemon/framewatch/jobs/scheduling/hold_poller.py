"""Checks held jobs: those whose cause is gone continue, the others are checked again soon."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby

from framewatch.domain import Job
from framewatch.jobs.lifecycle.retry_policy import LONGEST_WAIT
from framewatch.jobs.scheduling.job_manager import JobManager
from framewatch.threads import FolderQueues

CHECK_RATIO = 50.0  # checks take at most a fiftieth of the time of a folder's thread, however many jobs it holds
STOP_SECONDS = 1.0  # how long the end of the daemon waits for a check that hangs on a dead share


class HoldPoller:
    """Checks the disks that held jobs wait for, on one thread for each folder, since a check may hang."""

    def __init__(
        self,
        manager: JobManager,
        knows_folder: Callable[[str], bool],
        can_continue: Callable[[Job], bool],
        release: Callable[[Job], None],
        fail: Callable[[Exception], None],
    ) -> None:
        """Prepare; nothing is checked yet.

        Args:
            manager: where held jobs are found.
            knows_folder: whether the configuration has a folder of this name.
            can_continue: whether the cause of a hold is gone; may hang.
            release: lets a held job continue.
            fail: gets the error if a check raises one.
        """
        self._manager = manager
        self._knows_folder = knows_folder
        self._can_continue = can_continue
        self._release = release
        self._queues = FolderQueues("hold", fail)

    def check_due(self, now: float) -> None:
        """Start checking the held jobs that are due at Unix time `now`, except in folders with a check under way."""
        held = self._manager.store.due_holds(
            now, lambda name: self._knows_folder(name) and not self._queues.busy(name)
        )
        for folder, jobs in groupby(sorted(held, key=_folder), key=_folder):
            self._queues.put(folder, partial(self._check, list(jobs)))

    def stop(self, seconds: float) -> bool:
        """Start no more checks; True if those under way end within `seconds`, or a second."""
        return self._queues.stop(min(seconds, STOP_SECONDS))

    def _check(self, jobs: Sequence[Job]) -> None:
        began = time.monotonic()
        waiting = []
        for job in jobs:
            if self._queues.stopped:
                return
            if self._can_continue(job):
                self._release(job)
            else:
                waiting.append(job.id)
        # Only `not_before` moves. Nothing happened to the jobs, so this is no event of the lifecycle.
        pause = max(self._manager.policy.check_interval, (time.monotonic() - began) * CHECK_RATIO)
        self._manager.store.postpone(waiting, self._manager.clock() + min(pause, LONGEST_WAIT))


def _folder(job: Job) -> str:
    return job.folder
