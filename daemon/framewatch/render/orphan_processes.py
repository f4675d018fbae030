"""Processes that a tool left behind in a worker's process group, so that no child outlives its job."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")


def kill_orphans(group: int) -> list[int]:
    """Kill every process of a group except its leader; returns their process ids."""
    orphans = [pid for pid in _members(group) if pid != group]
    for pid in orphans:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return orphans


def _members(group: int) -> Iterator[int]:
    for pid, its_group in _from_proc() if _PROC.joinpath("self/stat").exists() else _from_ps():
        if its_group == group:
            yield pid


def _from_proc() -> Iterator[tuple[int, int]]:
    for entry in _PROC.iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):  # it has ended meanwhile
                # proc_pid_stat(5): the name stands in parentheses and may hold any byte; state, parent and group
                # follow it.
                state, _, group = entry.joinpath("stat").read_bytes().rpartition(b")")[2].split()[:3]
                if state != b"Z":
                    yield int(entry.name), int(group)


def _from_ps() -> Iterator[tuple[int, int]]:
    listed = subprocess.run(["/bin/ps", "-axo", "pid=,pgid="], capture_output=True, text=True, check=False)
    for line in listed.stdout.splitlines():
        pid, group = line.split()
        yield int(pid), int(group)
