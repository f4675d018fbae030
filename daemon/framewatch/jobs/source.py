"""Whether a job's source is still the file that was taken in, or its disk is gone, or it is lost."""

from __future__ import annotations

from pathlib import Path

from framewatch.domain import Job, JobState
from framewatch.errors import Finding, MediaError, StorageError
from framewatch.jobs import files
from framewatch.jobs.faults import shown, storage_faults


def lost_source(job: Job, root: Path) -> Finding | None:
    """Why the source cannot be used any more; None while it is the file that was taken in.

    Args:
        job: with the source and what told it from others.
        root: the folder of users that the source lies in.

    Raises:
        StorageError: `storage.unavailable` where rather its disk is gone.
    """
    found = files.identity(job.source)
    if found is not None and files.unchanged(job.identity, found):
        return None
    if found is not None or files.exists(job.source):
        return changed(job)
    _require_mounted(job, root)
    return Finding("source.vanished", "the file was taken away before its job ended", "", shown(job.source))


def changed(job: Job) -> Finding:
    """The finding for a source that another version has replaced."""
    hint = "it stays where it is and is taken in again when it has settled"
    return Finding("source.changed", "the file was changed while its job ran", hint, shown(job.source))


def require_source(job: Job) -> None:
    """Spend nothing on a file that is gone or has changed.

    Raises:
        MediaError: it is.
        StorageError: its disk is gone.
    """
    root = job.source.parents[len(job.relative.parts) - 1]
    lost = lost_source(job, root)
    if lost is not None:
        raise MediaError.of([lost])


def _require_mounted(job: Job, root: Path) -> None:
    with storage_faults(root):
        device, empty = root.stat().st_dev, not any(root.iterdir())
    # An empty folder on another device than the source's is a mount point with nothing mounted. A user who
    # cancels has seen that nothing will come back.
    if empty and device != job.identity.device and job.outcome != JobState.CANCELLED:
        hint = "mount it again, or cancel the job; it goes on by itself"
        raise StorageError("nothing is mounted here", hint=hint, where=shown(root))
