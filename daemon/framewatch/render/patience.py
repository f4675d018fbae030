"""How long a worker may go without getting on. Pure, the clock is handed in."""

from __future__ import annotations

from typing import Any

from framewatch.errors import WorkerError
from framewatch.render.messages import Logged

_HINT = "the next try begins anew; where this is only a slow machine, set stall_seconds higher"


class Patience:
    """Watches one task. What counts is a message that says something new; a log line is none."""

    def __init__(self, now: float, stall_seconds: float | None, limit_seconds: float | None) -> None:
        """Times are monotonic seconds; None waits for ever.

        Args:
            now: when the task begins.
            stall_seconds: between two signs of progress.
            limit_seconds: for the whole task.
        """
        self._moved_at = self._begun_at = now
        self._stall = stall_seconds
        self._limit = limit_seconds
        self._last: Any = None

    def heard(self, message: Any, now: float) -> None:
        """Note a message."""
        if not isinstance(message, Logged) and message != self._last:
            self._last = message
            self._moved_at = now

    def require(self, now: float) -> None:
        """Go on waiting, or give up.

        Raises:
            WorkerError: `worker.stalled` or `worker.too_slow`.
        """
        if self._stall is not None and now - self._moved_at > self._stall:
            message = f"the worker has not got on for {self._stall:g} s"
            raise WorkerError(message, code="worker.stalled", hint=_HINT)
        if self._limit is not None and now - self._begun_at > self._limit:
            message = f"this step was not done within {self._limit:g} s"
            raise WorkerError(message, code="worker.too_slow", hint="the file may be made to be hard to read")
