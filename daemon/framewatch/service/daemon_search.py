"""Daemons of this host, whoever runs them: for users who ask the wrong store, or as the wrong user."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import psutil

from framewatch.settings import STORE_NAME

_PROGRAM = "framewatch"
_WORDS = 6  # at the beginning of a command line: an interpreter, its options, the program and its command


class DaemonProcess(NamedTuple):
    """A running daemon."""

    pid: int
    user: str  # the name, or the number of a user without one
    store: Path | None  # None: only its user and root may know


def find_daemons() -> Iterator[DaemonProcess]:
    """Find the daemons that this user may see, but not this process itself."""
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and is_daemon(process.cmdline()):
                yield DaemonProcess(process.pid, process.username(), _store_of(process))
        except (psutil.Error, OSError):  # it has ended, or is not to be seen
            continue


def is_daemon(command: Sequence[str]) -> bool:
    """Return whether a command line is that of `framewatch run` or `python -m framewatch run`. Pure."""
    if not command or not Path(command[0]).name.startswith(("python", _PROGRAM)):
        return False  # such as sudo, which waits for the daemon that it has started
    words = pairwise(command[:_WORDS])
    return any(Path(word).name == _PROGRAM and following == "run" for word, following in words)


def user_of(pid: int) -> str | None:
    """Return the user of a process, by name or by number; None where it has ended."""
    try:
        return psutil.Process(pid).username()
    except psutil.Error:
        return None


def _store_of(process: psutil.Process) -> Path | None:
    try:
        files = [Path(each.path) for each in process.open_files()]
    except (psutil.Error, OSError):
        return None
    return next((path for path in files if path.name == STORE_NAME), None)
