"""Log lines reach their reader through a bounded queue: whoever logs never waits for one who does not read."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Callable

MOST_LINES = 10_000  # in a queue; further ones are dropped, and counted
CLOSE_SECONDS = 1.0  # for the lines that are left when the daemon ends


class QueuedHandler(logging.Handler):
    """Hands records on to another handler, on a thread of its own."""

    def __init__(
        self, target: logging.Handler, dropped: Callable[[int], logging.LogRecord], most: int = MOST_LINES
    ) -> None:
        """Start the thread.

        Args:
            target: formats and writes the records; may block for ever.
            dropped: makes the record that says how many were dropped.
            most: how many records may wait.
        """
        super().__init__()
        self._target = target
        self._dropped_record = dropped
        self._most = most
        self._records: deque[logging.LogRecord] = deque()
        self._dropped = 0
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Add a record to the queue, or count it as dropped if that is full."""
        with self._changed:
            if len(self._records) >= self._most:
                self._dropped += 1
            else:
                self._records.append(record)
                self._changed.notify()

    def close(self) -> None:
        """Write what is left, unless nobody reads it, and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(CLOSE_SECONDS)
        if not self._thread.is_alive():
            self._target.close()
        super().close()

    def _run(self) -> None:
        while (record := self._next()) is not None:
            self._target.handle(record)
            with self._changed:
                dropped, self._dropped = self._dropped, 0
            if dropped:
                self._target.handle(self._dropped_record(dropped))

    def _next(self) -> logging.LogRecord | None:
        """Wait for a record; None after the last one."""
        with self._changed:
            self._changed.wait_for(lambda: self._records or self._closed)
            return self._records.popleft() if self._records else None


class _NoLock:
    """Looks like a lock, and never is one."""

    def acquire(self) -> None:
        """Do nothing."""

    def release(self) -> None:
        """Do nothing."""

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, *_: object) -> None:
        """Do nothing."""


class StderrHandler(logging.Handler):
    """Writes lines to stderr itself, from one thread, without a lock.

    A write that never ends would keep the handler's lock, and that of `sys.stderr`. Both are wanted when the
    interpreter ends.
    """

    def createLock(self) -> None:  # noqa: N802 - a method of logging.Handler
        """Create none that anybody could wait for."""
        self.lock = _NoLock()  # type: ignore[assignment]

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, wholly or, if stderr is gone, not at all."""
        try:
            line = memoryview(f"{self.format(record)}\n".encode("utf-8", "backslashreplace"))
            while line:
                line = line[os.write(sys.stderr.fileno(), line) :]
        except Exception:  # noqa: BLE001 - as every handler does: whoever logs must not fail
            self.handleError(record)
