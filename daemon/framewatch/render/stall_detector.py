"""Decides when a worker has stalled. Pure: the caller passes the clock."""

from __future__ import annotations

from typing import Any

from framewatch.errors import WorkerError
from framewatch.render.messages import Logged

_HINT = "the next attempt starts with a new worker; if this machine is just slow, set stall_seconds higher"
_POLL_GAP = 1.0  # seconds; an owner that listens calls `check` ten times a second


class StallDetector:
    """Watches one task.

    A worker is judged by what it does and not by how much it sends: many minutes may pass between two frames, and a
    tool that hangs may still print lines. Progress is a message with new content, other than a log line.

    Only the time in which the owner listens counts. While the owner itself hangs, as in a dead network share, or is
    suspended, the worker's messages wait to be read.
    """

    def __init__(self, now: float, stall_seconds: float | None) -> None:
        """Start watching.

        Args:
            now: when the task begins; all times are monotonic seconds.
            stall_seconds: the longest time between two signs of progress; None: no limit.
        """
        self._progress_at = self._checked_at = now
        self._stall = stall_seconds
        self._last: dict[type, Any] = {}  # by message type: two types that alternate are not always new

    def note(self, message: Any, now: float) -> None:
        """Take a message into account."""
        kind = type(message)
        if kind is not Logged and message != self._last.get(kind):
            self._last[kind] = message
            self._progress_at = now

    def check(self, now: float) -> None:
        """Return while the worker may continue.

        Raises:
            WorkerError: `worker.stalled`.
        """
        gap, self._checked_at = now - self._checked_at, now
        if gap > _POLL_GAP:
            self._progress_at = min(self._progress_at + gap, now)
        if self._stall is not None and now - self._progress_at > self._stall:
            message = f"the worker made no progress for {self._stall:g} s"
            raise WorkerError(message, code="worker.stalled", hint=_HINT)
