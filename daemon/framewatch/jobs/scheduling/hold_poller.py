"""Looking at held jobs: those whose cause is gone go on, the others are looked at again soon."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby

from framewatch.domain import Job
from framewatch.jobs.lifecycle.retry_policy import LONGEST_WAIT
from framewatch.jobs.scheduling.job_manager import JobManager
from framewatch.threads import FolderQueues

LOOK_SHARE = 50.0  # looking at a folder's held jobs takes a fiftieth of the time, however many they are
STOP_SECONDS = 1.0  # that a look which hangs in a dead share may cost at the end


class HoldPoller:
    """Looks at the disks that held jobs wait for, each folder's on a thread of its own, since a look may hang."""

    def __init__(
        self,
        manager: JobManager,
        knows: Callable[[str], bool],
        may_go_on: Callable[[Job], bool],
        release: Callable[[Job], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """As for the runner; `release` lets a held job go on, `failed` hears of trouble with the store."""
        self._manager = manager
        self._knows = knows
        self._may_go_on = may_go_on
        self._release = release
        self._errands = FolderQueues("look", failed)

    def begin(self, now: float) -> None:
        """Look at the held jobs whose time has come at Unix time `now`, but where a look still goes on."""
        held = self._manager.store.over_holds(now, lambda name: self._knows(name) and not self._errands.busy(name))
        for folder, jobs in groupby(sorted(held, key=_folder), key=_folder):
            self._errands.put(folder, partial(self._look, list(jobs)))

    def stop(self, seconds: float) -> bool:
        """Begin no further look; true when those under way were over within `seconds`, or a second."""
        return self._errands.stop(min(seconds, STOP_SECONDS))

    def _look(self, jobs: Sequence[Job]) -> None:
        """Release those that may go on; the next look at the others is a look again, and not a try."""
        began = time.monotonic()
        waiting = []
        for job in jobs:
            if self._errands.stopped:
                return
            if self._may_go_on(job):
                self._release(job)
            else:
                waiting.append(job.id)
        pause = max(self._manager.policy.look, (time.monotonic() - began) * LOOK_SHARE)
        self._manager.store.prolong(waiting, self._manager.clock() + min(pause, LONGEST_WAIT))


def _folder(job: Job) -> str:
    return job.folder
