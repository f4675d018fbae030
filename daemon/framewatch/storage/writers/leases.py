"""The kernel's own knowledge of writers, on file systems where it has it."""

from __future__ import annotations

import fcntl
import signal
from pathlib import Path

from framewatch.storage.filesystem_type import filesystem_type, gives_events


def knows_writers(path: Path) -> bool:
    """Return whether all writers of the file system that a path is on go through this kernel.

    On network file systems, FUSE and file systems in layers, somebody else may write, and inode numbers may change by
    themselves. The path is absolute and without links.
    """
    fstype = filesystem_type(path)
    return fstype is not None and gives_events(fstype)


def has_writers(file: int) -> bool:
    """Return whether the kernel refuses a read lease because of a writer. A granted lease is returned at once.

    Linux grants a read lease only if nobody writes (fcntl(2), F_SETLEASE). If a writer opens the file while we hold
    the lease, the kernel sends a signal. SIGURG is ignored by default; the usual SIGIO would end the process.
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
        return False  # not our file, or no leases here
    return False
