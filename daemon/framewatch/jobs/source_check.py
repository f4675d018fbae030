"""Whether a job's source is still the file that was queued.

A file is identified by size and mtime: device and inode numbers change by themselves on remounts, SMB, exFAT and
FUSE.
"""

from __future__ import annotations

from pathlib import Path

from framewatch.domain import FileIdentity, Job, JobState
from framewatch.errors import ConfigError, Finding, MediaError
from framewatch.storage import files
from framewatch.storage.mount_guard import Guard
from framewatch.storage.os_errors import shown


def lost_source(job: Job, root: Path, guard: Guard) -> Finding | None:
    """Why the source cannot be used any more; None while it is the file that was queued.

    Args:
        job: with the source and its identity.
        root: the root that the source is in.
        guard: knows whether the root's disk is mounted.

    Raises:
        StorageError: the disk is not mounted, so nothing is known about the source.
    """
    if _is_unchanged(job):
        return None
    # A user who cancels a job on a lost disk knows that it will not come back.
    if job.outcome != JobState.CANCELLED:
        guard.require(root)
        if _is_unchanged(job):  # the disk was mounted since the first check
            return None
    if files.exists(job.source):
        return changed(job)
    return Finding("source.vanished", "the file was removed before its job ended", "", shown(job.source))


def changed(job: Job) -> Finding:
    """Return the finding for a source that was replaced by another version."""
    hint = "it stays where it is, and is queued again when it has settled"
    return Finding("source.changed", "the file was changed while its job ran", hint, shown(job.source))


def require_source(job: Job, guard: Guard) -> None:
    """Go on if the source is still the file that was queued.

    Raises:
        MediaError: it is gone or has changed.
        StorageError: its disk is not mounted.
    """
    lost = lost_source(job, source_root(job), guard)
    if lost is not None:
        raise MediaError.of([lost])


def retry_source(job: Job) -> tuple[Path, FileIdentity]:
    """Return the source of an ended job where publishing left it, and what it is now: a retry needs it.

    Raises:
        ConfigError: `source.vanished`: it is gone.
    """
    source = job.journal.source_to or job.source
    identity = files.identity(source)
    if identity is None:
        hint = "put it back, or drop it into the watched folder again"
        raise ConfigError("the source of this job is gone", code="source.vanished", hint=hint, where=shown(source))
    return source, identity


def source_root(job: Job) -> Path:
    """Return the root that the source is in: the input or, after a retry, failed/."""
    return job.source.parents[len(job.relative.parts) - 1]


def _is_unchanged(job: Job) -> bool:
    found = files.identity(job.source)
    return found is not None and files.unchanged(job.identity, found)
