"""Holds a folder whose jobs end in bugs of framewatch, one after the other, so that a bug moves no queue to failed/.

A single bug may be a file's. Two in a row are taken for something that every file meets, such as a library that does
not load for this user.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import structlog

from framewatch.domain import Job
from framewatch.errors import ErrorRecord, Finding, Remedy
from framewatch.jobs.lifecycle import events as ev

BUGS = frozenset({"internal.bug", "worker.bug"})
FOLDER_HELD = "folder.held"
MOST = 2  # jobs in a row

_log = structlog.get_logger("framewatch.folders")


def is_held_for_bugs(job: Job) -> bool:
    """Return whether a job waits since its folder is held."""
    return bool(job.findings) and job.findings[0].code == FOLDER_HELD


@dataclass
class _Row:
    """The bugs of a folder, since a job of it ended without one."""

    jobs: int = 0
    last: str | None = None  # the id of the last of these jobs: its further attempts do not count


class BugGuard:
    """Counts the jobs of each folder that end in bugs, one after the other. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[str, _Row] = {}
        self._held: dict[str, Finding] = {}

    def judge(self, job: Job, event: ev.Event) -> ev.Event:
        """Return how an attempt, or publishing, ends: a bug that is one too many holds the job and its folder."""
        error = event.error if isinstance(event, ev.Broke) else None
        if error is None or error.findings[0].code not in BUGS:
            return event
        with self._lock:
            row = self._rows.setdefault(job.folder, _Row())
            if row.last != job.id:
                row.jobs, row.last = row.jobs + 1, job.id
            if row.jobs < MOST and job.folder not in self._held:
                return event
            is_new = job.folder not in self._held
            finding = self._held.setdefault(job.folder, _finding(error.findings[0]))
        if is_new:
            _log.error("folder.held", folder=job.folder, code=finding.code, problem=str(finding))
        return ev.Broke(ErrorRecord((finding,), Remedy.WAIT))

    def ended(self, job: Job) -> None:
        """Note that a job has ended, in whatever way: one without a bug ends the row."""
        if job.state.ended and not (job.findings and job.findings[0].code in BUGS):
            with self._lock:
                self._rows.pop(job.folder, None)

    def holds(self, folder: str) -> Finding | None:
        """Return why a folder is held; None if it is not."""
        with self._lock:
            return self._held.get(folder)

    def resume(self, folder: str) -> None:
        """Let a folder go on. If its next job ends in a bug as well, it is held again at once."""
        with self._lock:
            self._held.pop(folder, None)
            self._rows[folder] = _Row(jobs=MOST - 1)


def _finding(bug: Finding) -> Finding:
    message = f"two jobs in a row ended in a bug of framewatch, so no more are begun here; the last: {bug.message}"
    hint = "please report it; `framewatch retry JOB`, a reload (SIGHUP) or a restart goes on with this folder"
    return Finding(FOLDER_HELD, message, hint)
