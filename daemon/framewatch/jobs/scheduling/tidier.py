"""Has done/ and failed/ of each watch folder tidied now and then, on a thread of the folder's own."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import structlog

from framewatch.errors import FramewatchError
from framewatch.threads import FolderQueues

EVERY_SECONDS = 3600.0

_log = structlog.get_logger("framewatch.folders")

Tidy = Callable[[Callable[[], bool]], None]
"""Tidies one folder; asks its argument whether to stop."""


class Tidier:
    """Runs each folder's work at the start, every hour, and after its jobs. Safe for use from several threads."""

    def __init__(self, fail: Callable[[Exception], None]) -> None:
        """`fail` gets what nobody expected."""
        self._queues = FolderQueues("tidy", fail)
        self._work: dict[str, Tidy] = {}
        self._due: dict[str, float] = {}  # monotonic seconds
        self._troubles: dict[str, str] = {}  # by folder: what was logged

    def use(self, work: dict[str, Tidy]) -> None:
        """Use this work, by folder, from now on; it is due at once."""
        self._work = work
        self._due = dict.fromkeys(work, 0.0)

    def wake(self, folder: str) -> None:
        """Let a folder be tidied soon: a job of it has ended."""
        if folder in self._work:
            self._due[folder] = 0.0

    def run_due(self) -> None:
        """Begin what is due. Called again and again."""
        now = time.monotonic()
        for folder, work in self._work.items():
            if now >= self._due.get(folder, 0.0) and not self._queues.busy(folder):
                self._due[folder] = now + EVERY_SECONDS
                self._queues.put(folder, partial(self._run, folder, work))

    @property
    def idle(self) -> bool:
        """Whether nothing is due, or runs."""
        now = time.monotonic()
        return self._queues.idle and all(now < due for due in self._due.values())

    def stop(self) -> None:
        """Begin nothing more, and let what runs end after the file that it is at."""
        self._queues.stop(0.0)

    def _run(self, folder: str, work: Tidy) -> None:
        try:
            work(lambda: self._queues.stopped)
            self._troubles.pop(folder, None)
        except (FramewatchError, OSError) as error:
            if self._troubles.get(folder) != str(error):  # it is met again and again
                self._troubles[folder] = str(error)
                _log.warning("folder.not_tidied", folder=folder, problem=str(error))
