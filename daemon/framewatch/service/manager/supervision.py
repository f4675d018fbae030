"""Tells the service manager that the main loop runs, and in a line what the daemon is doing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping

from framewatch.domain import JobState
from framewatch.service.manager.notify import notify

STATUS_SECONDS = 5.0  # between two looks at what the daemon does


class Supervision:
    """What the main loop reports to systemd: `WATCHDOG=1` in time, and `STATUS=` when it has changed."""

    def __init__(
        self,
        status: Callable[[], str],
        *,
        env: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
        send: Callable[..., object] = notify,
    ) -> None:
        """`status` is asked every few seconds, if a service manager listens."""
        self._status = status
        self._clock = clock
        self._send = send
        self._listens = bool(env.get("NOTIFY_SOCKET"))
        self._interval = _watchdog_seconds(env)
        self._alive_at = self._asked_at = float("-inf")
        self._shown = ""

    def beat(self) -> None:
        """Report what is due; called in each round of the main loop."""
        if not self._listens:
            return
        now = self._clock()
        if self._interval is not None and now - self._alive_at >= self._interval:
            self._alive_at = now
            self._send(WATCHDOG=1)
        if now - self._asked_at >= STATUS_SECONDS:
            self._asked_at = now
            status = self._status()
            if status != self._shown:
                self._shown = status
                self._send(STATUS=status)


def summary(counts: Mapping[JobState, int], folders: int, *, paused: bool = False) -> str:
    """Return in a line what the daemon does: "watching 2 folders: 1 running, 14 queued".

    Args:
        counts: how many jobs are in each state.
        folders: how many are watched.
        paused: whether all jobs are paused.
    """
    names = {
        "running": counts[JobState.RUNNING] + counts[JobState.PUBLISHING],
        "queued": counts[JobState.QUEUED],
        "held": counts[JobState.HELD],
    }
    jobs = ", ".join(f"{count} {name}" for name, count in names.items() if count)
    watching = f"watching {folders} {'folder' if folders == 1 else 'folders'}"
    return f"{'paused, ' if paused else ''}{watching}: {jobs or 'nothing to do'}"


def _watchdog_seconds(env: Mapping[str, str]) -> float | None:
    """Return how often to report: four times in the interval of $WATCHDOG_USEC; None if nobody expects it.

    sd_watchdog_enabled(3): $WATCHDOG_PID says whose reports are expected, if it is set.
    """
    given = env.get("WATCHDOG_USEC", "")
    if not given.isdecimal() or env.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(given) / 1e6 / 4
