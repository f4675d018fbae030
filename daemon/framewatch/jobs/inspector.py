"""Decodes the segments of a job as they are finished, beside the rendering of the next ones.

It has a thread and a worker process of its own, which is started with the first segment and gone with the block that
the inspector is used in. It may fail: then the joined file is decoded as a whole, as if there had been no inspector.
"""

from __future__ import annotations

import threading
from collections import deque
from pathlib import Path
from typing import Any, Self

from framewatch.domain import Segment
from framewatch.errors import FramewatchError, MediaError
from framewatch.jobs.proven import flaw
from framewatch.media.inspect import Inspection
from framewatch.render.client import Worker
from framewatch.render.spec import InspectReport, InspectTask

# A step behind the encoders, and no more: an inspector that starves meanwhile is waited for at the end. At nice 10 on
# an H100 host, whose encoders take all 16 cores, it had nearly everything still to do there (docs/performance.md).
NICENESS = 1


class Inspector:
    """Use it as a context; the worker is the inspector's to kill."""

    def __init__(self, worker: Worker, stall_seconds: float) -> None:
        """`stall_seconds`: without a sign of progress, after which it gives up."""
        self.seen: dict[int, Inspection] = {}  # by number: decoded to the end, and without a flaw
        self.flaws: dict[int, str] = {}  # by number: what is wrong with a segment
        self.gave_up: FramewatchError | None = None  # why no more are looked at
        self._worker = worker
        self._stall = stall_seconds
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Segment, Path]] = deque()
        self._busy = False
        self._defect: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="inspector", daemon=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End it, whatever it is at."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join()
        self._worker.kill()

    def take(self, segment: Segment, path: Path) -> None:
        """Look at a finished segment when its turn comes."""
        with self._changed:
            self._waiting.append((segment, path))
            self._changed.notify_all()
        if self._thread.ident is None:
            self._thread.start()

    def over(self, seconds: float) -> bool:
        """Whether all that was taken was looked at, or will not be; waits for it that long."""
        with self._changed:
            self._changed.wait_for(self._at_rest, seconds)
        if self._defect is not None:
            raise self._defect
        return self._at_rest()

    def _at_rest(self) -> bool:
        return self._defect is not None or not (self._waiting or self._busy)

    def _work(self) -> None:
        try:
            while (task := self._next()) is not None:
                self._look(*task)
        except BaseException as error:  # noqa: BLE001 - a thread's boundary: `over` raises it
            self._defect = error
        finally:
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _next(self) -> tuple[Segment, Path] | None:
        """Wait for a segment; None where it is to end."""
        with self._changed:
            self._busy = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._waiting or self._stop.is_set())
            if self._stop.is_set():
                return None
            self._busy = True
            return self._waiting.popleft()

    def _look(self, segment: Segment, path: Path) -> None:
        if self.gave_up is not None:
            return
        task = InspectTask(path=path, groups=())
        try:
            report: InspectReport = self._worker.run(task, _unheard, self._stop, stall_seconds=self._stall)
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


def _unheard(_: Any) -> None:
    """What a worker says while it reads is of no interest: `run` itself sees that it gets on."""
