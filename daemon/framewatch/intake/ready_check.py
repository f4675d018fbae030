"""Check a file before it is offered: it is unchanged, and no program writes to it."""

from __future__ import annotations

import fcntl
import os
import signal
import stat
from enum import StrEnum

from framewatch.intake.settle_tracker import Snapshot
from framewatch.storage import beneath, files


class ReadyState(StrEnum):
    """The result of the check."""

    READY = "ready"
    CHANGED = "changed"  # gone, replaced or modified since the last snapshot
    BUSY = "busy"  # a program has it open for writing


def check_ready(top: int, relative: str, expected: Snapshot, *, leases: bool) -> ReadyState:
    """Open a file or a disc without following links, compare it with the last snapshot, and ask for a file's writers.

    Opening makes clients of network file systems fetch the current status instead of a cached one. A file that may
    not be opened counts as ready, so that its job fails with a reason.

    Args:
        top: descriptor of the watch folder.
        relative: the file's path below it.
        expected: the last snapshot.
        leases: whether the file system is local, so that the kernel knows every writer. Linux grants a read lease
            only if nobody writes (fcntl(2), F_SETLEASE). On other file systems a refusal means nothing.
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
    if not stat.S_ISREG(status.st_mode) or now != expected:
        return ReadyState.CHANGED
    return ReadyState.BUSY if leases and _has_writers(file) else ReadyState.READY


def _has_writers(file: int) -> bool:
    """Return whether the kernel refuses a read lease because of a writer. A granted lease is returned at once.

    If a writer opens the file while we hold the lease, the kernel sends a signal. SIGURG is ignored by default; the
    usual SIGIO would end the process.
    """
    set_lease, set_signal = getattr(fcntl, "F_SETLEASE", None), getattr(fcntl, "F_SETSIG", None)
    if set_lease is None or set_signal is None:
        return False
    try:
        fcntl.fcntl(file, set_signal, signal.SIGURG)
        fcntl.fcntl(file, set_lease, fcntl.F_RDLCK)
        fcntl.fcntl(file, set_lease, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False  # not our file, or no leases here: the settle time alone decides
    return False
