"""Whether the daemon that left a note in the store is still there."""

from __future__ import annotations

import os
import sys
from typing import Any

import psutil

SLACK_SECONDS = 1.0  # two readings of one process' birth differ by rounding


def note() -> dict[str, Any]:
    """What tells this process from all others of this host, later ones with its number included."""
    return {"pid": os.getpid(), "born": _born(os.getpid())}


def is_alive(noted: dict[str, Any]) -> bool:
    """Whether the process that wrote a `note` still runs."""
    try:
        return bool(abs(_born(noted["pid"]) - noted["born"]) < SLACK_SECONDS)
    except (psutil.Error, KeyError):
        return False


def _born(pid: int) -> float:
    """When a process began, in seconds that do not move when the clock is set.

    Linux knows it as time since the boot, and psutil adds the boot's wall time, which moves with the clock. macOS
    notes the wall time itself.
    """
    born = psutil.Process(pid).create_time()
    return born - psutil.boot_time() if sys.platform == "linux" else born
