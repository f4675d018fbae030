"""Tells whose a progress file is: a job's, another job's, or a file that framewatch did not write."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

from framewatch.domain import Job, JobState
from framewatch.errors import StorageError
from framewatch.storage.files import NO_FILE, READ
from framewatch.storage.os_errors import shown

SCHEMA: Literal["framewatch.progress/1"] = "framewatch.progress/1"

_MAX_BYTES = 1 << 20  # of a progress file: it has a few kB
_NOT_OURS = NO_FILE | {errno.EISDIR, errno.EACCES}
_HINT = "move it away if a progress file is wanted there; `framewatch status` shows the job as well"


class Owner(NamedTuple):
    """The job that a progress file is about, as the file says."""

    job_id: str
    source: str
    has_ended: bool
    is_done: bool = False

    def is_for(self, job_id: str, source: Path) -> bool:
        """Return whether the file is about this job, or about an earlier one of the same source.

        A daemon that has lost its store queues its files again, as jobs with other ids.
        """
        return self.job_id == job_id or self.source == shown(source)


def owner_of(folder: int, name: str) -> Owner | None:
    """Return whose a progress file is.

    Args:
        folder: descriptor of the folder.
        name: of the file in it.

    Returns:
        None if nothing has its name, or an empty file: progress is not synced, so a power cut may leave one.

    Raises:
        StorageError: `sidecar.foreign`: framewatch did not write it.
        OSError: the folder does not answer the question now.
    """
    try:
        descriptor = os.open(name, READ, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in _NOT_OURS:
            raise _foreign(name) from None
        raise
    try:
        data = os.read(descriptor, _MAX_BYTES + 1) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
    finally:
        os.close(descriptor)
    if data == b"":
        return None
    document = None if data is None else _document(data)
    if document is None:
        raise _foreign(name)
    status = document.get("status")
    return Owner(
        _text(document.get("job_id")), _text(document.get("source")), _has_ended(status), status == JobState.DONE
    )


def require_replaceable(folder: int, name: str, job: Job, *, is_needed: Callable[[], bool]) -> None:
    """Return if a job may write its progress under this name.

    It may not as long as another job needs the file: one that has not ended, perhaps of another daemon that uses the
    same output folder, or one whose file is still there.

    Args:
        folder: descriptor of the folder.
        name: of the progress file.
        job: who asks.
        is_needed: whether that of a job that has ended is still of use, since there is the file that it is about.

    Raises:
        StorageError: `sidecar.foreign`, or `sidecar.taken`.
        OSError: as for `owner_of`.
    """
    owner = owner_of(folder, name)
    if owner is None or owner.is_for(job.id, job.source):
        return
    if not owner.has_ended or is_needed():
        message = f"{name} belongs to another job ({owner.job_id}): it stays as it is"
        raise StorageError(message, code="sidecar.taken", hint="`framewatch status` shows the job as well")


def is_own(folder: int, name: str, job_id: str) -> bool:
    """Return whether a job may remove a progress file: it carries the job's id, or none, or is empty.

    Raises:
        StorageError: `sidecar.foreign`.
        OSError: as for `owner_of`.
    """
    owner = owner_of(folder, name)
    return owner is None or owner.job_id in ("", job_id)


def other_owner(folder: int, name: str, job_id: str, source: Path) -> Owner | None:
    """Return the unfinished job that shows its progress under this name, unless it is this one.

    What cannot be read is no job's.
    """
    with suppress(StorageError, OSError):
        owner = owner_of(folder, name)
        return None if owner is None or owner.has_ended or owner.is_for(job_id, source) else owner
    return None


def _document(data: bytes) -> dict[str, Any] | None:
    if len(data) > _MAX_BYTES:
        return None
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) and document.get("schema") == SCHEMA else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _has_ended(status: object) -> bool:
    """Return whether a job with this status has ended; one that is not known has nobody who continues it."""
    try:
        return JobState(status).ended  # type: ignore[arg-type]
    except ValueError:
        return True


def _foreign(name: str) -> StorageError:
    message = f"{name} was not written by framewatch: it stays as it is, and no progress file is kept"
    return StorageError(message, code="sidecar.foreign", hint=_HINT)
