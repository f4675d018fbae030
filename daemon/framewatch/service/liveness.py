"""Whether the daemon that wrote its identity into the store still runs."""

from __future__ import annotations

import os
import sys
from typing import Any

import psutil

SLACK_SECONDS = 1.0  # two readings of the same start time differ by rounding


def identity() -> dict[str, Any]:
    """Return what identifies this process on this host, even if its number is used again."""
    return {"pid": os.getpid(), "born": _started(os.getpid())}


def is_alive(identity: dict[str, Any]) -> bool:
    """Return whether the process with this `identity` still runs."""
    try:
        return bool(abs(_started(identity["pid"]) - identity["born"]) < SLACK_SECONDS)
    except (psutil.Error, KeyError):
        return False


def _started(pid: int) -> float:
    """When a process started, in seconds that do not change when the clock is set.

    Linux counts it from the boot, and psutil adds the wall time of the boot, which changes with the clock. macOS
    records the wall time itself.
    """
    started = psutil.Process(pid).create_time()
    return started - psutil.boot_time() if sys.platform == "linux" else started
