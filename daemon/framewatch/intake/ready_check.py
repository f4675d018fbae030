"""A last look at a file before it is handed on: it is still the same, and nobody writes to it."""

from __future__ import annotations

import fcntl
import os
import signal
import stat
from enum import StrEnum
from pathlib import Path

from framewatch.intake.settle_tracker import Snapshot


class Verdict(StrEnum):
    """What the last look says."""

    READY = "ready"
    CHANGED = "changed"  # gone, replaced, or not what the look before saw
    BUSY = "busy"  # a program has it open for writing


def last_look(path: Path, expected: Snapshot, *, leases: bool) -> Verdict:
    """Open a file without following a link, compare its status, and ask the kernel for writers.

    Opening matters on network file systems: it makes the client fetch the true status instead of one from its
    cache. A file that may not be opened counts as ready, so that the user is told of it.

    Args:
        path: the file.
        expected: what the look before saw.
        leases: whether the file system is a local one, on which the kernel knows every writer. Linux gives a
            read lease only where nobody writes (fcntl(2), F_SETLEASE). Elsewhere a refusal says nothing.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError:
        return Verdict.READY
    except OSError:
        return Verdict.CHANGED
    try:
        return _judge(file, expected, leases=leases)
    finally:
        os.close(file)


def _judge(file: int, expected: Snapshot, *, leases: bool) -> Verdict:
    status = os.fstat(file)
    now = Snapshot(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
    if not stat.S_ISREG(status.st_mode) or now != expected:
        return Verdict.CHANGED
    return Verdict.BUSY if leases and _has_writers(file) else Verdict.READY


def _has_writers(file: int) -> bool:
    """Whether the kernel refuses a read lease because of a writer. The lease is given back at once.

    Should a writer come in that moment, the kernel sends a signal: SIGURG, which is ignored by default,
    instead of SIGIO, which would end the process.
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
        return False  # not ours, or no leases here: the settle time alone decides
    return False
