"""A backup of each started job, in its work folder: if the store is lost, the jobs continue."""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

import structlog

from framewatch.domain import Job, JobState, Journal
from framewatch.errors import StorageError
from framewatch.jobs.store.serialization import job_of, text_of
from framewatch.jobs.store.store import Store
from framewatch.jobs.work_folder import BACKUP_NAME, clear
from framewatch.storage import files
from framewatch.storage.root import Root
from framewatch.storage.sealed_json import seal, unseal
from framewatch.threads import NamedLocks

MAX_BYTES = 4 * 2**20  # a record has a few kB; a larger file was not written here
SEAL = "job"

_log = structlog.get_logger("framewatch.jobs")


class Backups:
    """Writes the backups, each after the store. Safe for use from several threads.

    So a backup is at most one step behind the store, which is harmless: every publishing step can be repeated, and a
    job that seems to run returns to the queue with the segments that it has.
    """

    def __init__(self, store: Store, work_dir: Path) -> None:
        self._store = store
        self._work_dir = work_dir
        self._job_locks = NamedLocks()  # one for each job: removing the segments of a long film takes long

    def keep(self, job: Job, *, retried: bool = False) -> None:
        """Write the backup of a job, durably.

        A job that was only queued needs none: its file is in the watch folder and is found again, and 20,000
        waiting files must not make 20,000 folders. One that was `retried` needs one: its file is in failed/.

        A backup that cannot be written is removed: none is better than one that is several steps behind.
        """
        if job.state.ended or (_is_only_queued(job) and not retried):
            return
        with self._job_locks.of(job.id):
            current = self._store.get(job.id)
            if current is None or current.revision != job.revision:
                return  # another thread has a newer one to write
            path = self._work_dir / job.id / BACKUP_NAME
            try:
                Root(self._work_dir).write(path, seal(SEAL, text_of(job)))
            except StorageError as error:
                finding = error.finding
                _log.warning("job.not_backed_up", **job.log_context(), code=finding.code, message=finding.message)
                with suppress(StorageError):
                    Root(self._work_dir).remove(path)

    def discard_work(self, job: Job) -> None:
        """Remove the work folder of a job; if it has not ended, everything in it but the backup.

        It is done here since it must not meet a backup that is being written, and so takes the same lock.
        """
        folder = self._work_dir / job.id
        with self._job_locks.of(job.id):
            current = self._store.get(job.id)
            if current is not None and current.revision != job.revision:
                return  # it was started again meanwhile
            if job.state.ended:
                shutil.rmtree(folder, ignore_errors=True)
            elif not folder.is_symlink():
                with suppress(OSError):
                    clear(folder)


def read_backup(folder: Path) -> Job | None:
    """Return the unfinished job whose work folder this is; None if it has no intact backup of one."""
    try:
        job = job_of(unseal(SEAL, _content(folder / BACKUP_NAME)))
    except (OSError, ValueError):
        return None
    result = job.journal.result
    plausible = job.id == folder.name and not job.state.ended and (result is None or result.parent == folder)
    return job if plausible else None


def _content(path: Path) -> bytes:
    """Return the content of a small regular file; a link, a FIFO or a huge file is never read."""
    file = os.open(path, files.READ)
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
            raise ValueError("not a backup")
        return os.read(file, MAX_BYTES)
    finally:
        os.close(file)


def _is_only_queued(job: Job) -> bool:
    waits = job.state == JobState.QUEUED or (job.state == JobState.HELD and job.held_state == JobState.QUEUED)
    return waits and job.started_at is None and job.journal == Journal()
