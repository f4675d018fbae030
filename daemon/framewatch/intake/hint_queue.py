"""Hints from other threads for the thread that watches a folder."""

from __future__ import annotations

import threading
from typing import NamedTuple

MAX_HINTS = 10_000  # beyond this a whole rescan costs less than checking each path


class Hints(NamedTuple):
    """The hints since the last call."""

    touched: set[str]  # paths that events reported
    forget: set[str]  # paths whose files were moved away by their jobs
    rescan: bool  # scan the whole folder
    lost: bool  # there were more events than the queue holds


class HintQueue:
    """A bounded queue of hints for one thread, filled by any number of others."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._hints = Hints(set(), set(), rescan=False, lost=False)
        self._has_news = False
        self._closed = False

    def put(self, relative: str) -> None:
        """Add a path that an event reported."""
        with self._condition:
            self._hints.touched.add(relative)
            if len(self._hints.touched) > MAX_HINTS:
                self._hints = Hints(set(), self._hints.forget, rescan=True, lost=True)
            self._wake()

    def put_forget(self, relative: str) -> None:
        """Add a path whose file was moved away by its job."""
        with self._condition:
            self._hints.forget.add(relative)
            self._wake()

    def put_rescan(self) -> None:
        """Ask for a scan of the whole folder."""
        with self._condition:
            self._hints = self._hints._replace(rescan=True)
            self._wake()

    def close(self) -> None:
        """Ask the thread to end."""
        with self._condition:
            self._closed = True
            self._wake()

    @property
    def closed(self) -> bool:
        """Whether the thread was asked to end."""
        return self._closed

    def wait(self, least: float, most: float) -> None:
        """Wait for a hint, `least` to `most` seconds. The minimum bundles floods of events."""
        with self._condition:
            self._condition.wait_for(lambda: self._closed, least)
            self._condition.wait_for(lambda: self._has_news, max(0.0, most - least))

    def take(self) -> Hints:
        """Remove and return all hints."""
        with self._condition:
            hints, self._hints = self._hints, Hints(set(), set(), rescan=False, lost=False)
            self._has_news = self._closed
            return hints

    def _wake(self) -> None:
        self._has_news = True
        self._condition.notify_all()
