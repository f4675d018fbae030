"""Let a new file take the place of another one: under the name, there is always one of the two, and it is complete.

The new file is moved beside the place under a hidden name first. Then the two exchange their names, and what came out
is compared with what was to be replaced: another file, which somebody put there meanwhile, is put back. Where the
file system cannot exchange names, the new file is renamed over the old one after a check. Whoever was stopped in
between begins again and ends the same way.
"""

from __future__ import annotations

import os
import stat
import threading
from contextlib import suppress
from dataclasses import replace

from framewatch.domain import FileIdentity
from framewatch.storage import files
from framewatch.storage.copy import CopyProgress
from framewatch.storage.move import Move, Moved, move
from framewatch.storage.os_errors import storage_faults
from framewatch.storage.rename import exchange


def new_name(job_id: str) -> str:
    """Return the hidden name of a file that is about to take a place."""
    return f".framewatch-{job_id}.new"


def take_place(
    task: Move,
    old: FileIdentity,
    new: str,
    cancel: threading.Event | None = None,
    progress: CopyProgress | None = None,
) -> Moved:
    """Move a file to a place that another one has, which must be safe elsewhere: its name there is taken away.

    Args:
        task: what to move. Its destination is the place.
        old: the file that is replaced. The new one differs in size or time.
        new: hidden name beside the place.
        cancel: set to stop while copying.
        progress: called with the bytes copied so far.

    Returns:
        DONE; CHANGED if the place no longer has the old file; GONE if the new file is gone.

    Raises:
        StorageError, CancelledError: as for `move`.
    """
    place = task.destination
    with storage_faults(place), task.root.open_folder(place.parent) as folder:
        found = _file(folder, place.name)
        if found is not None and found.size == task.size and not files.unchanged(old, found):
            if _has_left(task, folder, new, old):
                return _concluded(folder, new)  # an earlier attempt was stopped after the exchange
            return Moved.CHANGED  # another file that happens to have this size
        beside = replace(task, destination=place.with_name(new), overwrite=False)
        moved = move(beside, cancel, progress)
        if moved is Moved.TAKEN:  # by what an earlier attempt made
            files.remove_name(folder, new)
            moved = move(beside, cancel, progress)
        if moved is not Moved.DONE:
            return moved
        found = _file(folder, place.name)
        if found is None or not files.unchanged(old, found):
            return Moved.CHANGED
        if not exchange(folder, new, place.name):
            os.rename(new, place.name, src_dir_fd=folder, dst_dir_fd=folder)
            return _concluded(folder, new)
        came_out = _file(folder, new)
        if came_out is None or not files.unchanged(old, came_out):
            exchange(folder, new, place.name)
            return Moved.CHANGED
        return _concluded(folder, new)


def _has_left(task: Move, folder: int, new: str, old: FileIdentity) -> bool:
    """Return whether the new file is where it came from no more, nor beside the place: it has taken that."""
    beside = _file(folder, new)
    waits = beside is not None and beside.size == task.size and not files.unchanged(old, beside)
    return not waits and not task.source_root.exists(task.source)


def _concluded(folder: int, new: str) -> Moved:
    files.sync_folder(folder)  # the new file first, then the second name of the old one
    files.remove_name(folder, new)
    files.sync_folder(folder)
    return Moved.DONE


def _file(folder: int, name: str) -> FileIdentity | None:
    with suppress(FileNotFoundError):
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        return files.identity_of(found) if stat.S_ISREG(found.st_mode) else None
    return None
