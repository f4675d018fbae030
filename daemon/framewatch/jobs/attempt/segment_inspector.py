"""Decodes the segments of a job as they are finished, beside the rendering of the next ones.

It has worker processes of its own, and a thread for each. One more is started where a segment would have to wait, and
all are gone with the block that the inspector is used in. It may fail: then the joined file is decoded as a whole, as
if there had been no inspector.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from framewatch.domain import Segment
from framewatch.errors import FramewatchError, MediaError
from framewatch.jobs.attempt.join_proof import flaw
from framewatch.media.decode.output_inspection import Inspection
from framewatch.render.tasks import InspectReport, InspectTask
from framewatch.render.worker_client import Worker

# A step behind the encoders, and no more: an inspector that starves meanwhile is waited for at the end. At nice 10 on
# an H100 host, whose encoders take all 16 cores, it had nearly everything still to do there (docs/performance.md).
NICENESS = 1


class Inspector:
    """Use it as a context."""

    def __init__(
        self, helper: Callable[[], Worker], stall_seconds: float, *, most: int = 1, threads: int = 0
    ) -> None:
        """Start nothing yet.

        Args:
            helper: gives a worker, which is the inspector's to kill.
            stall_seconds: without a sign of progress, after which it gives up.
            most: workers at once.
            threads: that decode each segment; 0: as many as there are cores.
        """
        self.seen: dict[int, Inspection] = {}  # by number: decoded to the end, and without a flaw
        self.flaws: dict[int, str] = {}  # by number: what is wrong with a segment
        self.gave_up: FramewatchError | None = None  # why no more are looked at
        self._helper = helper
        self._stall = stall_seconds
        self._most = most
        self._threads = threads
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Segment, Path]] = deque()
        self._busy = 0
        self._stop = threading.Event()
        self._workers: list[tuple[threading.Thread, Worker]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End it, whatever it is at."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        for thread, worker in self._workers:
            thread.join()
            worker.kill()

    def take(self, segment: Segment, path: Path) -> None:
        """Look at a finished segment when its turn comes."""
        with self._changed:
            self._waiting.append((segment, path))
            short = len(self._waiting) + self._busy > len(self._workers)
            self._changed.notify_all()
        if short and len(self._workers) < self._most and self.gave_up is None:
            self._start()

    def over(self, seconds: float) -> bool:
        """Whether all that was taken was looked at, or will not be; waits for it that long."""
        with self._changed:
            return self._changed.wait_for(self._at_rest, seconds)

    def _at_rest(self) -> bool:
        return not self._busy and (not self._waiting or self.gave_up is not None)

    def _start(self) -> None:
        worker = self._helper()
        name = f"inspector-{len(self._workers)}"
        thread = threading.Thread(target=self._work, args=(worker,), name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the system has no more threads
            if not self._workers:
                self.gave_up = _trouble(error)
        else:
            self._workers.append((thread, worker))

    def _work(self, worker: Worker) -> None:
        while (task := self._next()) is not None:
            try:
                self._look(worker, *task)
            except Exception as error:  # noqa: BLE001 - a thread's boundary, and a defect here costs no more than time
                self.gave_up = _trouble(error)
            finally:
                self._rest()

    def _next(self) -> tuple[Segment, Path] | None:
        """Wait for a segment; None where it is to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stop.is_set())
            if self._stop.is_set():
                return None
            self._busy += 1
            return self._waiting.popleft()

    def _rest(self) -> None:
        with self._changed:
            self._busy -= 1
            self._changed.notify_all()

    def _look(self, worker: Worker, segment: Segment, path: Path) -> None:
        if self.gave_up is not None:
            return
        task = InspectTask(path=path, groups=(), threads=self._threads)
        try:
            report: InspectReport = worker.run(task, _unheard, self._stop, stall_seconds=self._stall)
        except MediaError as error:
            self.flaws[segment.number] = f"it cannot be read: {error.finding.message}"
        except FramewatchError as error:  # its own trouble, and not the segment's; stopped, too
            self.gave_up = error
        else:
            self._judge(segment, report.inspection)

    def _judge(self, segment: Segment, found: Inspection) -> None:
        if wrong := flaw(segment, found):
            self.flaws[segment.number] = wrong
        else:
            self.seen[segment.number] = found


def _trouble(error: Exception) -> FramewatchError:
    return FramewatchError(f"{type(error).__name__}: {error}", code="internal.bug")


def _unheard(_: Any) -> None:
    """What a worker says while it reads is of no interest: `run` itself sees that it gets on."""
