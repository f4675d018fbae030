"""What the daemon does when it is signalled. The handlers only leave a note, which its loop reads."""

from __future__ import annotations

import os
import queue
import signal
from types import FrameType
from typing import Any, Self

_STOPS = (signal.SIGTERM, signal.SIGINT)


class Signals:
    """SIGTERM and SIGINT stop, a second one ends at once; SIGHUP reloads. Handlers are put back at the end."""

    def __init__(self) -> None:
        self.stop = False
        self._reload = False
        # A handler may run in the middle of `wait`. Of all queues only this one's `put` may be called there: the
        # lock in an Event or a Condition is not reentrant, and the main thread would wait for itself.
        self._came: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in _STOPS:
            self._before[number] = signal.signal(number, self._stopped)
        self._before[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._reloaded)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def wait(self, seconds: float) -> None:
        """Return when a signal comes, or after `seconds`."""
        try:
            self._came.get(timeout=seconds)
        except queue.Empty:
            return

    def take_reload(self) -> bool:
        """Whether a reload was asked for since the last call."""
        asked, self._reload = self._reload, False
        return asked

    def _stopped(self, number: int, _: FrameType | None) -> None:
        if self.stop:
            # The workers see their stdin end and take everything they started with them.
            os._exit(128 + number)
        self.stop = True
        self._came.put(number)

    def _reloaded(self, number: int, _: FrameType | None) -> None:
        self._reload = True
        self._came.put(number)
