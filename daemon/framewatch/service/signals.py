"""What the daemon does when it is signalled. The handlers only set flags, which its loop looks at."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Any, Self

_STOPS = (signal.SIGTERM, signal.SIGINT)


class Signals:
    """SIGTERM and SIGINT stop, a second one ends at once; SIGHUP reloads. Handlers are put back at the end."""

    def __init__(self) -> None:
        self.stop = False
        self._reload = False
        self._came = threading.Event()
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
        self._came.wait(seconds)
        self._came.clear()

    def take_reload(self) -> bool:
        """Whether a reload was asked for since the last call."""
        asked, self._reload = self._reload, False
        return asked

    def _stopped(self, number: int, _: FrameType | None) -> None:
        if self.stop:
            # The workers see their stdin end and take everything they started with them.
            os._exit(128 + number)
        self.stop = True
        self._came.set()

    def _reloaded(self, _: int, __: FrameType | None) -> None:
        self._reload = True
        self._came.set()
