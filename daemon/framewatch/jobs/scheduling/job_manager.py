"""Where every change of a job passes: decided by the lifecycle, stored, then shown and logged, in this order."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import structlog

from framewatch.domain import Job, JobState
from framewatch.jobs.lifecycle import events as ev
from framewatch.jobs.lifecycle.retry_policy import RetryPolicy
from framewatch.jobs.lifecycle.transitions import transition
from framewatch.jobs.reporting.reporter import Reporter
from framewatch.jobs.store.ids import is_job_id
from framewatch.jobs.store.job_backup import Backups
from framewatch.jobs.store.store import Store

LOG_NAMES = {
    JobState.QUEUED: "job.queued",
    JobState.RUNNING: "job.started",
    JobState.PUBLISHING: "job.publishing",
    JobState.HELD: "job.held",
    JobState.DONE: "job.done",
    JobState.SKIPPED: "job.skipped",
    JobState.FAILED: "job.failed",
    JobState.CANCELLED: "job.cancelled",
}
LOUD = (JobState.HELD, JobState.FAILED)  # logged as warnings

_log = structlog.get_logger("framewatch.jobs")


class Decision(NamedTuple):
    """A stored change of a job, and what follows from it."""

    before: Job
    job: Job
    actions: tuple[ev.Action, ...]


class JobManager:
    """Applies events to jobs, and shows what came of them. What is to be worked on next, the job's state tells."""

    def __init__(
        self,
        store: Store,
        reporter: Reporter,
        work_dir: Path,
        policy: RetryPolicy,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`reporter` shows jobs to people; `work_dir` has a folder for each job; `clock` gives Unix time."""
        self.store = store
        self.reporter = reporter
        self.work_dir = work_dir
        self.policy = policy
        self.clock = clock
        # Held to choose a job and change it in one go; never while a file or a share is touched. The store's own lock
        # is taken after it: whoever has the store to itself (`Store.together`) has this one already.
        self.lock = threading.RLock()
        self._backups = Backups(store, work_dir)
        self._naming: dict[Path, threading.Lock] = {}

    def naming(self, output: Path) -> threading.Lock:
        """The lock to hold while a name below this output folder is chosen and stored with its job."""
        with self.lock:
            return self._naming.setdefault(output, threading.Lock())

    def work_of(self, job: Job) -> Path:
        """The folder that holds a job's unfinished files."""
        return self.work_dir / job.id

    def sweep(self) -> None:
        """Remove the work of jobs that have ended: a crash may have left it."""
        alive = self.store.unended_ids()
        for folder in self.work_dir.iterdir():
            if folder.is_dir() and not folder.is_symlink() and is_job_id(folder.name) and folder.name not in alive:
                shutil.rmtree(folder, ignore_errors=True)

    def enter(self, job: Job, event: ev.Event | None = None) -> Decision | None:
        """Store a new job, with what happens to it at once; None where its source has an unended one already.

        `welcome` shows it afterwards, when no lock is held.
        """
        with self.lock:
            if not self.store.add(job):
                return None
            return self.decide(job, event) if event else Decision(job, job, ())

    def enter_all(self, jobs: Iterable[Job], event: ev.Event | None = None) -> list[Decision]:
        """As `enter`, for many at once in one transaction: each costs a wait for the disk. Those entered."""
        with self.lock, self.store.together():
            entered = [self.enter(job, event) for job in jobs]
        return [decision for decision in entered if decision is not None]

    def welcome(self, entered: Decision) -> Job:
        """Show a job that was entered."""
        self.reporter.show(entered.before)
        self._log(entered.before)
        return self.carry_out(entered)

    def apply(self, job: Job, event: ev.Event) -> Job:
        """What `event` makes of `job`; it is stored before anything else happens.

        Raises:
            ImpossibleTransitionError: the event cannot come to this job now.
            StorageError: the store cannot be written.
        """
        return self.carry_out(self.decide(job, event))

    def decide(self, job: Job, event: ev.Event) -> Decision:
        """The first half of `apply`: what the event makes of the job, stored. Quick, and safe under the lock."""
        with self.lock:
            moved = transition(job, event, self.clock(), self.policy)
            changed = moved.job.evolve(revision=job.revision + 1)
            self.store.save(changed, event.name)
        return Decision(job, changed, moved.actions)

    def decide_queued(self, folder: str, event: ev.Event, limit: int) -> list[Decision]:
        """What `event` makes of the jobs of a watch folder that are queued, `limit` at most, in one transaction."""
        with self.lock, self.store.together():
            queued = self.store.list((JobState.QUEUED,), folder=folder, limit=limit)
            return [self.decide(job, event) for job in queued]

    def carry_out(self, decision: Decision) -> Job:
        """The second half: show what was decided. It writes to disks and shares, so no lock may be held."""
        job = decision.job
        self._backups.keep(job, retried=decision.before.state.ended)
        for action in decision.actions:
            self._act(job, action)
        if job.state != decision.before.state:
            self._log(job)
        return job

    def _act(self, job: Job, action: ev.Action) -> None:
        if isinstance(action, ev.WriteSidecar):
            self.reporter.show(job)
        elif isinstance(action, ev.RemoveSidecar):
            self.reporter.remove(job, action.path)
        elif isinstance(action, ev.DiscardWork):
            self._backups.discard_work(job)

    def _log(self, job: Job) -> None:
        log = _log.warning if job.state in LOUD else _log.info
        log(LOG_NAMES[job.state], **job.log_context(), **_details(job))


def _details(job: Job) -> dict[str, Any]:
    details: dict[str, Any] = {"preset": job.preset_name, "attempt": job.attempt}
    if job.state == JobState.DONE:
        took = max(0.0, (job.ended_at or 0) - (job.started_at or 0))  # the clock may have been set back between
        details |= {
            "output": job.journal.output,
            "frames": job.frames,
            "engine": job.engine,
            "seconds": round(took, 1),
        }
    if job.findings:
        first = job.findings[0]
        details |= {"code": first.code, "message": first.message, "hint": first.hint}
    return details
