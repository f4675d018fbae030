"""Joins the files of a DVD's main title into one, in the job's work folder.

A DVD cuts its titles into files of 1 GB, between the packs of a stream. Put behind each other, they are that stream
again, which libav and ffmpeg read like any other file. The copy is kept until the job ends, so attempts share it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

import structlog

from framewatch.domain import FileIdentity, InputFile
from framewatch.errors import CancelledError, MediaError, Need
from framewatch.jobs.attempt.context import Share
from framewatch.jobs.attempt.forecast.disk import require_room
from framewatch.jobs.work_folder import TITLE_NAME
from framewatch.storage import files
from framewatch.storage.os_errors import storage_faults
from framewatch.storage.root import Root

_BLOCK = 8 << 20  # bytes that are read at once: the share has to answer in time for each

_log = structlog.get_logger("framewatch.jobs")


def join_title(
    parts: Sequence[InputFile], work: Path, share: Share, stop: threading.Event, reserve: int
) -> InputFile:
    """Return the file that the parts of a title make; copy them, unless an earlier attempt did.

    Args:
        parts: the files in playing order, with their identities.
        work: the job's work folder.
        share: reaches the parts.
        stop: ends the copy.
        reserve: bytes that are to stay free on the disk of `work`.

    Raises:
        StorageError: there is no room for the copy, or a part cannot be read now.
        MediaError: a part was changed.
        CancelledError: `stop` was set.
    """
    known = [part.identity for part in parts if part.identity]
    size, newest = sum(each.size for each in known), max((each.mtime_ns for each in known), default=0)
    title = work / TITLE_NAME
    with storage_faults(title):
        if not _is_made(title, size, newest):
            require_room([Need("work", size)], {"work": Root(work)}, reserve)
            _log.info("job.joining", files=len(parts), bytes=size)
            _join(parts, title, share, stop, newest)
        return InputFile(root=work.resolve(), relative=Path(TITLE_NAME), identity=_identity(title))


def _join(parts: Sequence[InputFile], title: Path, share: Share, stop: threading.Event, newest: int) -> None:
    unfinished = title.with_name(f"{title.name}.part")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, files.CREATE, 0o600), "wb") as target:
        for part in parts:
            _append(part, target, share, stop)
        target.flush()
        files.sync(target.fileno())
    os.utime(unfinished, ns=(newest, newest))  # segments are kept for a source of this size and time
    unfinished.rename(title)


def _append(part: InputFile, target: BinaryIO, share: Share, stop: threading.Event) -> None:
    descriptor, offset = share.ask(partial(files.open_input, part)), 0
    try:
        while block := share.ask(partial(os.pread, descriptor, _BLOCK, offset)):
            if stop.is_set():
                raise CancelledError("the work was stopped")
            target.write(block)
            offset += len(block)
    finally:
        os.close(descriptor)
    if part.identity is not None and offset != part.identity.size:
        raise MediaError(f"{part.name} was changed while it was read", code="source.changed")


def _is_made(title: Path, size: int, newest: int) -> bool:
    found = _identity(title)
    return found is not None and (found.size, found.mtime_ns) == (size, newest)


def _identity(title: Path) -> FileIdentity | None:
    return Root(title.parent).identity(title)
