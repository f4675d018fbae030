"""How long a worker may go without getting on. Pure, the clock is handed in."""

from __future__ import annotations

from typing import Any

from framewatch.errors import WorkerError
from framewatch.render.messages import Logged

_HINT = "the next try begins anew; where this is only a slow machine, set stall_seconds higher"
_ATTENTIVE = 1.0  # seconds: an owner that listens asks ten times a second


class StallDetector:
    """Watches one task. What counts is a message that says something new; a log line is none.

    Only the time in which the owner listens counts. While it hangs itself, in a dead share, or stands still, what the
    worker says waits to be read.
    """

    def __init__(self, now: float, stall_seconds: float | None) -> None:
        """Times are monotonic seconds.

        Args:
            now: when the task begins.
            stall_seconds: between two signs of progress; None waits for ever.
        """
        self._moved_at = self._asked_at = now
        self._stall = stall_seconds
        self._last: dict[type, Any] = {}  # by kind: two kinds that take turns are not always news

    def heard(self, message: Any, now: float) -> None:
        """Note a message."""
        kind = type(message)
        if kind is not Logged and message != self._last.get(kind):
            self._last[kind] = message
            self._moved_at = now

    def require(self, now: float) -> None:
        """Go on waiting, or give up.

        Raises:
            WorkerError: `worker.stalled`.
        """
        away, self._asked_at = now - self._asked_at, now
        if away > _ATTENTIVE:
            self._moved_at = min(self._moved_at + away, now)
        if self._stall is not None and now - self._moved_at > self._stall:
            message = f"the worker has not got on for {self._stall:g} s"
            raise WorkerError(message, code="worker.stalled", hint=_HINT)
