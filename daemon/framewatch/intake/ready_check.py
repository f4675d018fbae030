"""Check a file before it is offered: it is unchanged, and no program writes to it."""

from __future__ import annotations

import os
import stat
import time
from enum import StrEnum

from framewatch.intake.settle_tracker import Snapshot
from framewatch.media.damage.unfilled import is_unfilled
from framewatch.storage import beneath, files
from framewatch.storage.writers.leases import has_writers

_NEW_SECONDS = 86_400.0  # a file that was changed longer ago is not read: in a library it would be, at each start


class ReadyState(StrEnum):
    """The result of the check."""

    READY = "ready"
    CHANGED = "changed"  # gone, replaced or modified since the last snapshot
    BUSY = "busy"  # a program has it open for writing
    UNFILLED = "unfilled"  # parts of it may not be written yet


def check_ready(top: int, relative: str, expected: Snapshot, *, leases: bool) -> ReadyState:
    """Open a file or a disc without following links, compare it with the last snapshot, and ask for a file's writers.

    Opening makes clients of network file systems fetch the current status instead of a cached one. A file that may
    not be opened counts as ready, so that its job fails with a reason.

    Args:
        top: descriptor of the watch folder.
        relative: the file's path below it.
        expected: the last snapshot.
        leases: whether the file system is local, so that the kernel knows every writer. On other file systems a
            refused lease means nothing, and inode numbers may change by themselves.
    """
    try:
        file = beneath.open_beneath(top, relative.split("/"), files.READ)
    except PermissionError:
        return ReadyState.READY
    except OSError:
        return ReadyState.CHANGED
    try:
        return _compare(file, expected, leases=leases)
    except OSError:  # ESTALE, for one: it was replaced on the server
        return ReadyState.CHANGED
    finally:
        os.close(file)


def _compare(file: int, expected: Snapshot, *, leases: bool) -> ReadyState:
    status = os.fstat(file)
    if stat.S_ISDIR(status.st_mode):  # a disc
        tree = files.identity_of_tree(status, (found for _, found in beneath.files_below(file, ())))
        return ReadyState.READY if tree == expected.identity() else ReadyState.CHANGED
    now = Snapshot(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
    if not stat.S_ISREG(status.st_mode) or not now.is_version(expected, by_inode=leases):
        return ReadyState.CHANGED
    if leases and has_writers(file):
        return ReadyState.BUSY
    is_new = time.time() - max(status.st_ctime, status.st_mtime) < _NEW_SECONDS
    return ReadyState.UNFILLED if is_new and is_unfilled(file) else ReadyState.READY
