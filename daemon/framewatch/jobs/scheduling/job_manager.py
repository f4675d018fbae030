"""The one place that changes jobs: decided by the lifecycle, stored, and only then shown, logged and scheduled.

A change has two halves. The first is quick and runs under the lock: read the job, decide the event, apply it, store
the result. The second touches disks and shares, which may hang, so no lock is held for it: the backup in the work
folder, the progress file, the log.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import structlog

from framewatch.domain import FileIdentity, Job, JobState
from framewatch.jobs.lifecycle import events as ev
from framewatch.jobs.lifecycle.retry_policy import RetryPolicy
from framewatch.jobs.lifecycle.transitions import transition
from framewatch.jobs.reporting.reporter import Reporter
from framewatch.jobs.store.ids import is_job_id
from framewatch.jobs.store.job_backup import Backups
from framewatch.jobs.store.store import Store, StoreError
from framewatch.library.retention import MovedFile
from framewatch.threads import NamedLocks

LOG_EVENTS = {
    JobState.QUEUED: "job.queued",
    JobState.RUNNING: "job.started",
    JobState.PUBLISHING: "job.publishing",
    JobState.HELD: "job.held",
    JobState.DONE: "job.done",
    JobState.SKIPPED: "job.skipped",
    JobState.FAILED: "job.failed",
    JobState.CANCELLED: "job.cancelled",
}
WARNINGS = (JobState.HELD, JobState.FAILED)  # states that are logged as warnings

_log = structlog.get_logger("framewatch.jobs")

Refused = TypeVar("Refused")

Decide = Callable[[Job], ev.Event | None]
"""Gives the event that happens to a job, or None. It runs under the lock, so it must be quick and touch no disk."""


class _Change(NamedTuple):
    """A stored change of a job, which is not yet shown."""

    before: Job | None  # None for a new job
    job: Job


class JobManager:
    """Applies events to jobs. Safe for use from several threads."""

    def __init__(
        self,
        store: Store,
        reporter: Reporter,
        work_dir: Path,
        policy: RetryPolicy,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`work_dir` has a folder for each job; `clock` gives Unix time."""
        self.store = store
        self.reporter = reporter
        self.work_dir = work_dir
        self.policy = policy
        self.clock = clock
        # Gets the jobs of each change, once they are shown; no lock is held.
        self.on_change: Callable[[Sequence[Job]], None] = lambda _: None
        # Locks are taken in this order: an output folder's, the manager's, the store's. Only the manager has the
        # store to itself for several statements (`Store.transaction`), and only while it holds its own lock.
        self._output_locks = NamedLocks()
        self.lock = threading.RLock()
        self._backups = Backups(store, work_dir)

    def work_folder(self, job: Job) -> Path:
        """The folder for a job's unfinished files."""
        return self.work_dir / job.id

    def remove_leftover_work(self) -> None:
        """Remove the work folders of jobs that have ended: a crash may have left them."""
        kept = self.store.unfinished_ids()
        for folder in self.work_dir.iterdir():
            if folder.is_dir() and not folder.is_symlink() and is_job_id(folder.name) and folder.name not in kept:
                shutil.rmtree(folder, ignore_errors=True)

    # --- changes ------------------------------------------------------------------------------------------------

    def change(self, job_id: str, decide: Decide) -> Job | None:
        """Change a job by the event that `decide` gives for it as it is stored now.

        Returns:
            The changed job; None if `decide` gave no event.

        Raises:
            ImpossibleTransitionError: the event cannot happen to this job now.
            StoreError: `job.not_found`.
            StorageError: the store cannot be written.
        """
        with self.lock:
            change = self._decided(self._stored(job_id), decide)
        return None if change is None else self._follow_one(change)

    def apply(self, job_id: str, event: ev.Event) -> Job:
        """Change a job by an event, as `change` does."""
        with self.lock:
            change = self._applied(self._stored(job_id), event)
        return self._follow_one(change)

    def claim(self, *, gpu: bool, accepts: Callable[[str], bool], decide: Decide) -> Job | None:
        """Change the job that is first in the queue, of those that need a GPU or do not, in accepted folders.

        Returns:
            The changed job; None if there is none, or `decide` gave no event.
        """
        with self.lock:
            job = self.store.next_queued(self.clock(), gpu=gpu, accepts=accepts)
            change = None if job is None else self._decided(job, decide)
        return None if change is None else self._follow_one(change)

    def change_all(
        self, select: Callable[[], Iterable[tuple[Job, ev.Event]]], output: Path | None = None
    ) -> list[Job]:
        """Change many jobs in one transaction: each transaction costs a wait for the disk.

        Args:
            select: gives the jobs and what happens to them. It runs under the lock; if it is a generator, each change
                is stored before the next is decided.
            output: the output folder, if `select` chooses names below it.
        """
        with self._names_below(output), self.lock, self.store.transaction():
            changes = [self._applied(job, event) for job, event in select()]
        jobs = [self._follow(change) for change in changes]
        self.on_change(jobs)
        return jobs

    def add(
        self, output: Path, plan: Callable[[], tuple[Sequence[Job], Refused]], event: ev.Event | None = None
    ) -> tuple[list[Job], Refused]:
        """Store new jobs in one transaction, unless an unfinished job has the same source.

        Args:
            output: the folder below which the jobs' outputs are planned.
            plan: makes the jobs, and says what it could not make one of. No other job gets a name below `output`
                meanwhile.
            event: what happens to each of them at once.

        Returns:
            The jobs that were stored, as they were planned; and what `plan` refused.
        """
        with self._names_below(output):
            jobs, refused = plan()
            with self.lock, self.store.transaction():
                added = [job for job in jobs if self.store.add(job)]
                changed = [self._applied(job, event) for job in added] if event else []
        shown: list[Job] = []
        for job, change in zip_longest(added, changed):
            shown.append(self._follow(_Change(None, job)))
            if change is not None:
                shown[-1] = self._follow(change)
            if len(shown) == 1:
                self.on_change(shown)  # the slots need not wait until the last job is shown
        if len(shown) > 1:
            self.on_change(shown[1:])
        return added, refused

    # --- the first half: under the lock -------------------------------------------------------------------------

    def _names_below(self, output: Path | None) -> AbstractContextManager[None]:
        """Hold the lock of an output folder while names below it are chosen and stored."""
        return self._output_locks.of(output) if output else nullcontext()

    def _stored(self, job_id: str) -> Job:
        job = self.store.get(job_id)
        if job is None:
            raise StoreError(f"there is no job {job_id}")
        return job

    def _decided(self, job: Job, decide: Decide) -> _Change | None:
        event = decide(job)
        return None if event is None else self._applied(job, event)

    def _applied(self, job: Job, event: ev.Event) -> _Change:
        changed = transition(job, event, self.clock(), self.policy).evolve(revision=job.revision + 1)
        with self.store.transaction():
            self.store.save(changed, event.name)
            self._remember(job, changed)
        return _Change(job, changed)

    def note_moved(self, path: Path, identity: FileIdentity, job_id: str = "") -> None:
        """Store that a file was moved to done/ or failed/: there, only such files are ever deleted."""
        self.store.note_moved([MovedFile(path, identity.size, identity.mtime_ns, self.clock(), job_id)])

    def _remember(self, before: Job, job: Job) -> None:
        """Store what a change says of files in the input: which are known, so that they are not queued again."""
        source_to = job.journal.source_to
        if source_to is not None and job.journal.source_done and not before.journal.source_done:
            self.store.forget_moved(job.source)  # it was in failed/, before it was retried, and may stay there
            self.note_moved(source_to, job.identity, job.id)
        kept, made, output = job.journal.kept, job.journal.made, job.journal.output
        if kept is not None and kept != before.journal.kept:
            self.store.remember(job.folder, {job.relative: kept})
        elif made is not None and output is not None and made != before.journal.made:
            self.store.remember(job.folder, {job.relative.with_name(output.name): made})
        elif before.state.ended and not job.state.ended:
            self.store.forget(job.folder, job.relative)  # a retry

    # --- the second half: no lock is held -----------------------------------------------------------------------

    def _follow_one(self, change: _Change) -> Job:
        job = self._follow(change)
        self.on_change([job])
        return job

    def _follow(self, change: _Change) -> Job:
        before, job = change
        retried = before is not None and before.state.ended
        self._backups.keep(job, retried=retried)
        if before is not None and before.state.ended:
            self.reporter.remove(before)
        if job.state.ended or _was_cancelled(change):
            self._backups.discard_work(job)
        if not job.state.ended and (before is None or _reported(before) != _reported(job)):
            self.reporter.show(job)  # an ended job has its final progress file already
        if before is None or before.state != job.state:
            log = _log.warning if job.state in WARNINGS else _log.info
            log(LOG_EVENTS[job.state], **job.log_context(), **_details(job))
        return job


def _was_cancelled(change: _Change) -> bool:
    before, job = change
    return job.outcome == JobState.CANCELLED and before is not None and before.outcome != JobState.CANCELLED


def _reported(job: Job) -> tuple[Any, ...]:
    """What, if it changes, is written to the progress file at once."""
    return job.state, job.attempt, job.journal


def _details(job: Job) -> dict[str, Any]:
    details: dict[str, Any] = {"preset": job.preset_name, "attempt": job.attempt}
    if job.state == JobState.DONE:
        seconds = max(0.0, (job.ended_at or 0) - (job.started_at or 0))  # the clock may have been set back meanwhile
        details |= {
            "output": job.journal.output,
            "frames": job.frames,
            "engine": job.engine,
            "seconds": round(seconds, 1),
        }
    if job.findings:
        first = job.findings[0]
        details |= {"code": first.code, "message": first.message, "hint": first.hint}
    return details
