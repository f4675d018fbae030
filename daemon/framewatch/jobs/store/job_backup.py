"""A second copy of each begun job's record, in its work folder: should the store be lost, the jobs go on."""

from __future__ import annotations

import hashlib
import json
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
from framewatch.threads import NamedLocks

MOST_BYTES = 4 * 2**20  # a record is a few KB; what is larger was not written here

_log = structlog.get_logger("framewatch.jobs")


class Backups:
    """Written after the store, so a copy is at most one step behind it. Safe for use from several threads.

    One step behind is no harm: every publishing step can be begun again, and a job that is thought to run goes
    back to the queue with the pieces that it has.
    """

    def __init__(self, store: Store, work_dir: Path) -> None:
        self._store = store
        self._work_dir = work_dir
        self._turns = NamedLocks()  # a job's: to remove the pieces of a long film takes long

    def keep(self, job: Job, *, retried: bool = False) -> None:
        """Write a job's record into its work folder, durably.

        Not for a job that was only queued: its file lies in the watch folder and is found again. One that was
        `retried` is not, for its file lies in failed/. A record that cannot be written is removed: none is better
        than one that is several steps behind.
        """
        if job.state.ended or (_only_queued(job) and not retried):
            return
        with self._turns.of(job.id):
            current = self._store.get(job.id)
            if current is None or current.revision != job.revision:
                return  # another thread has a newer one to write
            path = self._work_dir / job.id / BACKUP_NAME
            try:
                files.durable_write(path, _document(job), root=self._work_dir)
            except StorageError as error:
                finding = error.finding
                _log.warning("job.not_backed_up", **job.log_context(), code=finding.code, message=finding.message)
                with suppress(StorageError):
                    files.remove(path, root=self._work_dir)

    def discard_work(self, job: Job) -> None:
        """Remove a job's work folder; while it has not ended, all in it but the record."""
        folder = self._work_dir / job.id
        with self._turns.of(job.id):
            current = self._store.get(job.id)
            if current is not None and current.revision != job.revision:
                return  # it was begun anew meanwhile
            if job.state.ended:
                shutil.rmtree(folder, ignore_errors=True)
            elif not folder.is_symlink():
                with suppress(OSError):
                    clear(folder)


def read_backup(folder: Path) -> Job | None:
    """The unended job whose work folder this is; None where no whole record of one lies in it."""
    try:
        data = _content(folder / BACKUP_NAME)
        document = json.loads(data)
        text = document["job"]
        if document["digest"] != _digest(text):
            return None
        job = job_of(text)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):  # damaged in whatever way
        return None
    result = job.journal.result
    ours = job.id == folder.name and not job.state.ended and (result is None or result.parent == folder)
    return job if ours else None


def _content(path: Path) -> bytes:
    """A small regular file; a link, a pipe or a huge file is never read."""
    file = os.open(path, files.READ)
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_BYTES:
            raise ValueError("not a record")
        return os.read(file, MOST_BYTES)
    finally:
        os.close(file)


def _document(job: Job) -> bytes:
    text = text_of(job)
    return json.dumps({"digest": _digest(text), "job": text}).encode() + b"\n"


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _only_queued(job: Job) -> bool:
    waits = job.state == JobState.QUEUED or (job.state == JobState.HELD and job.held_state == JobState.QUEUED)
    return waits and job.started_at is None and job.journal == Journal()
