"""Signals to the daemon. The handlers only set a flag, which the main loop reads."""

from __future__ import annotations

import os
import queue
import signal
from types import FrameType
from typing import Any, Self

_STOPS = (signal.SIGTERM, signal.SIGINT)


class Signals:
    """SIGTERM and SIGINT stop, a second one exits at once; SIGHUP reloads. Old handlers are restored at the end."""

    def __init__(self) -> None:
        self.stop = False
        self._reload = False
        # A handler may run in the middle of `wait`. Only a SimpleQueue's `put` is reentrant: with the lock of an
        # Event or a Condition, the main thread would wait for itself.
        self._received: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._old_handlers: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in _STOPS:
            self._old_handlers[number] = signal.signal(number, self._on_stop)
        self._old_handlers[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._on_reload)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._old_handlers.items():
            signal.signal(number, handler)

    def wait(self, seconds: float) -> None:
        """Return when a signal comes, or after `seconds`."""
        try:
            self._received.get(timeout=seconds)
        except queue.Empty:
            return

    def take_reload(self) -> bool:
        """Return whether a SIGHUP came since the last call."""
        wanted, self._reload = self._reload, False
        return wanted

    def _on_stop(self, number: int, _: FrameType | None) -> None:
        if self.stop:
            # Workers see the end of their stdin, and end with everything that they started.
            os._exit(128 + number)
        self.stop = True
        self._received.put(number)

    def _on_reload(self, number: int, _: FrameType | None) -> None:
        self._reload = True
        self._received.put(number)
