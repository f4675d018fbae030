"""Where other threads leave what the watching thread has to attend to."""

from __future__ import annotations

import threading
from typing import NamedTuple

MAX_HINTS = 10_000  # beyond this a whole rescan costs less than looking at each path


class Hints(NamedTuple):
    """What came in since the last time."""

    touched: set[str]  # paths that events told of
    forget: set[str]  # paths whose files were moved away by their jobs
    rescan: bool  # look at everything
    lost: bool  # more was touched than is kept here


class HintQueue:
    """Hints for one thread, from any number of others. Its size is bounded."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._hints = Hints(set(), set(), rescan=False, lost=False)
        self._news = False
        self._closed = False

    def put(self, relative: str) -> None:
        """An event told of a path."""
        with self._condition:
            self._hints.touched.add(relative)
            if len(self._hints.touched) > MAX_HINTS:
                self._hints = Hints(set(), self._hints.forget, rescan=True, lost=True)
            self._wake()

    def put_forget(self, relative: str) -> None:
        """A file was moved away by its job."""
        with self._condition:
            self._hints.forget.add(relative)
            self._wake()

    def put_rescan(self) -> None:
        """Everything is to be looked at."""
        with self._condition:
            self._hints = self._hints._replace(rescan=True)
            self._wake()

    def close(self) -> None:
        """The thread is to end."""
        with self._condition:
            self._closed = True
            self._wake()

    @property
    def closed(self) -> bool:
        """Whether the thread is to end."""
        return self._closed

    def wait(self, least: float, most: float) -> None:
        """Wait until something comes in; at least so long, so that floods of events are taken in gulps."""
        with self._condition:
            self._condition.wait_for(lambda: self._closed, least)
            self._condition.wait_for(lambda: self._news, max(0.0, most - least))

    def take(self) -> Hints:
        """All that came in; it is gone from here."""
        with self._condition:
            hints, self._hints = self._hints, Hints(set(), set(), rescan=False, lost=False)
            self._news = self._closed
            return hints

    def _wake(self) -> None:
        self._news = True
        self._condition.notify_all()
