"""Processes of this machine that have a file open for writing, as /proc shows them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_DELETED = " (deleted)"


def writing_process(file: int, name: str) -> int | None:
    """Return the id of another process that has a file open for writing; None if none is found.

    Only Linux tells, and only of processes that this user may look into. A process may reach the file by another way,
    as through the folder behind a FUSE mount: one that writes to a file of the same name, size and time counts, too.

    Args:
        file: descriptor.
        name: of the file.
    """
    if sys.platform != "linux":
        return None
    wanted = os.fstat(file)
    for process in _others():
        with suppress(OSError):  # it has ended, or is another user's
            if any(_is_same(each, wanted) for each in _descriptors_of(process, name)):
                return int(process.name)
    return None


def _others() -> Iterator[Path]:
    own = str(os.getpid())
    with suppress(OSError):
        yield from (entry for entry in _PROC.iterdir() if entry.name.isdecimal() and entry.name != own)


def _descriptors_of(process: Path, name: str) -> Iterator[Path]:
    """Yield the descriptors that are open for writing to a file of this name.

    Names are compared before files are looked at: another file may lie on a dead share, where that hangs.
    """
    for link in (process / "fd").iterdir():
        with suppress(OSError):
            if link.readlink().name.removesuffix(_DELETED) == name and _writes(process / "fdinfo" / link.name):
                yield link


def _writes(info: Path) -> bool:
    lines = info.read_text().splitlines()
    flags = next((int(line.split()[1], 8) for line in lines if line.startswith("flags:")), 0)
    return flags & os.O_ACCMODE != os.O_RDONLY


def _is_same(link: Path, wanted: os.stat_result) -> bool:
    found = link.stat()
    if (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino):
        return True
    return (found.st_size, found.st_mtime_ns) == (wanted.st_size, wanted.st_mtime_ns)
