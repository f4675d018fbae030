"""Whether a job's source is still the file that was taken in, or its disk is gone, or it is lost."""

from __future__ import annotations

from pathlib import Path

from framewatch.domain import Job, JobState
from framewatch.errors import Finding, MediaError
from framewatch.storage import files
from framewatch.storage.mount_guard import Guard
from framewatch.storage.os_errors import shown


def lost_source(job: Job, root: Path, guard: Guard) -> Finding | None:
    """Why the source cannot be used any more; None while it is the file that was taken in.

    Args:
        job: with the source and what told it from others.
        root: the folder of users that the source lies in.
        guard: knows whether the root's disk is mounted.

    Raises:
        StorageError: rather its disk is gone.
    """
    if _there(job):
        return None
    # A user who cancels has seen that nothing will come back.
    if job.outcome != JobState.CANCELLED:
        guard.require(root)
        if _there(job):  # it was mounted between the two looks
            return None
    if files.exists(job.source):
        return changed(job)
    return Finding("source.vanished", "the file was taken away before its job ended", "", shown(job.source))


def changed(job: Job) -> Finding:
    """The finding for a source that another version has replaced."""
    hint = "it stays where it is and is taken in again when it has settled"
    return Finding("source.changed", "the file was changed while its job ran", hint, shown(job.source))


def require_source(job: Job, guard: Guard) -> None:
    """Spend nothing on a file that is gone or has changed.

    Raises:
        MediaError: it is.
        StorageError: its disk is gone.
    """
    lost = lost_source(job, source_root(job), guard)
    if lost is not None:
        raise MediaError.of([lost])


def source_root(job: Job) -> Path:
    """The folder of users that the source lies in: the input or, after a retry, failed."""
    return job.source.parents[len(job.relative.parts) - 1]


def _there(job: Job) -> bool:
    found = files.identity(job.source)
    return found is not None and files.unchanged(job.identity, found)
