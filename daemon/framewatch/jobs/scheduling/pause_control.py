"""Pauses and resumes all jobs, those of a folder, or one, also while they run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import structlog

from framewatch.domain import Job, JobState
from framewatch.errors import StorageError
from framewatch.jobs.lifecycle import events as ev
from framewatch.jobs.scheduling.job_manager import JobManager
from framewatch.jobs.scheduling.pauses import Pause, PauseMode, Pauses
from framewatch.jobs.scheduling.stop_request import StopRequests

_log = structlog.get_logger("framewatch.jobs")


class PauseControl:
    """Stores what is paused first, so that no job is begun meanwhile, and then stops what runs."""

    def __init__(self, manager: JobManager, stops: StopRequests, wake: Callable[[], None]) -> None:
        """`wake` lets the slots look at the queue again."""
        self.pauses = Pauses(manager.store, manager.clock)
        self._manager = manager
        self._stops = stops
        self._wake = wake

    def pause(self, folder: str | None, mode: PauseMode) -> None:
        """Begin no job of this folder, or none at all, until `resume`."""
        self.pauses.begin(folder)
        _log.info("queue.paused", folder=folder, by="user", mode=mode)
        self._stop_running(lambda job: folder in (None, job.folder), mode)

    def resume(self, folder: str | None, *, everything: bool = False) -> None:
        """End the user's pause of a folder, or of all jobs; or all pauses of the user, also of single jobs."""
        self.pauses.end(folder, everything=everything)
        if everything:
            self._manager.change_all(
                lambda: [(job, ev.Arranged(paused=False)) for job in self._manager.store.paused_jobs() if _waits(job)]
            )
        _log.info("queue.resumed", folder=folder)
        self._go_on()

    def pause_job(self, job_id: str, mode: PauseMode) -> None:
        """Do not begin this job, or stop it, until `resume_job`.

        Raises:
            ImpossibleTransitionError: `job.not_waiting`: it has ended, or its files are being moved.
            StoreError: there is no such job.
        """
        job = self._manager.apply(job_id, ev.Arranged(paused=True))
        self._stop_running(lambda running: running.id == job.id, mode)

    def resume_job(self, job_id: str) -> None:
        """Let this job run again.

        Raises:
            ImpossibleTransitionError: `job.not_waiting`: it has ended, or its files are being moved.
            StoreError: there is no such job.
        """
        self._manager.apply(job_id, ev.Arranged(paused=False))
        self._go_on()

    def use_conditions(self, conditions: Iterable[Pause]) -> None:
        """Pause for these reasons, and for no others but the user's. Segments that are begun are finished."""
        before = self.pauses.all
        begun = self.pauses.use_conditions(conditions)
        for pause in begun:
            _log.info("queue.paused", folder=pause.folder, by=pause.by, why=pause.why)
        if begun:  # the conditions are looked at twice a second, and to find running jobs takes a query
            folders = {pause.folder for pause in begun}
            self._stop_running(lambda job: not folders.isdisjoint((None, job.folder)), "after-segment")
        if self.pauses.all != before:
            self._go_on()

    def _stop_running(self, covers: Callable[[Job], bool], mode: PauseMode) -> None:
        if mode == "after-job":
            return
        for job in filter(covers, self._running()):
            self._manager.change(job.id, partial(self._stop, mode=mode))

    def _stop(self, job: Job, mode: PauseMode) -> None:
        """Ask for the end of an attempt, under the manager's lock: a job that is being published must go on."""
        if job.state != JobState.RUNNING:
            return
        if mode == "now":
            self._stops.pause(job.id)
            return
        try:
            self._stops.end_after_segment(job.id, self._manager.work_folder(job))
        except StorageError as error:  # the attempt fails by itself then
            _log.warning("job.not_paused", **job.log_context(), code=error.finding.code, message=str(error.finding))

    def _go_on(self) -> None:
        """Let running jobs that nothing pauses any longer begin further segments, and the slots look for jobs."""
        for job in self._running():
            if self.pauses.allows(job.folder) and not job.paused:
                self._stops.go_on(job.id, self._manager.work_folder(job))
        self._wake()

    def _running(self) -> list[Job]:
        return self._manager.store.find((JobState.RUNNING,), limit=None)


def _waits(job: Job) -> bool:
    return job.held_state != JobState.PUBLISHING
