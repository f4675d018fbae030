"""Decodes finished segments to their ends while the next ones are rendered.

The inspector has worker processes of its own, with a thread for each. It starts another one when a segment would have
to wait, and all are gone at the end of its block. The inspector may fail: a worker that dies, stalls or runs out of
memory proves nothing against the segment. Then the joined file is decoded as a whole.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from framewatch.domain import Segment
from framewatch.errors import FramewatchError, MediaError
from framewatch.jobs.attempt.join_proof import find_flaw
from framewatch.media.decode.output_inspection import Inspection
from framewatch.media.process_bounds import NO_BOUNDS, Bounds
from framewatch.render.tasks import InspectReport, InspectTask
from framewatch.render.worker_client import Worker

# One step below the encoders and no more, since a starved inspector is waited for at the end. At nice 10 on an H100
# host, whose encoders take all 16 cores, nearly everything was still left to inspect then (docs/performance.md).
NICENESS = 1


class Inspector:
    """Inspects segments while its block runs."""

    def __init__(
        self,
        helper: Callable[[], Worker],
        stall_seconds: float,
        *,
        max_workers: int = 1,
        threads: int | None = None,
        bounds: Bounds = NO_BOUNDS,
    ) -> None:
        """Start nothing yet.

        Args:
            helper: returns a new worker, which the inspector kills.
            stall_seconds: the longest time without progress, after which the inspector gives up.
            max_workers: how many workers may run at once.
            threads: for decoding each segment; None: as many as there are cores.
            bounds: of each worker.
        """
        self.inspections: dict[int, Inspection] = {}  # by segment: decoded to its end, without a flaw
        self.flaws: dict[int, str] = {}  # by segment: what is wrong with it
        self.failure: FramewatchError | None = None  # why no more segments are inspected
        self._helper = helper
        self._stall = stall_seconds
        self._max_workers = max_workers
        self._threads = threads
        self._bounds = bounds
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Segment, Path]] = deque()
        self._busy = 0
        self._stop = threading.Event()
        self._workers: list[tuple[threading.Thread, Worker]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Stop at once, whether or not all segments are inspected."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        for thread, worker in self._workers:
            thread.join()
            worker.kill()

    def submit(self, segment: Segment, path: Path) -> None:
        """Inspect a finished segment as soon as a worker is free."""
        with self._changed:
            self._waiting.append((segment, path))
            short = len(self._waiting) + self._busy > len(self._workers)
            self._changed.notify_all()
        if short and len(self._workers) < self._max_workers and self.failure is None:
            self._start_worker()

    def wait_idle(self, seconds: float) -> bool:
        """Wait up to `seconds`; returns whether all submitted segments were inspected, or will not be."""
        with self._changed:
            return self._changed.wait_for(self._is_idle, seconds)

    def _is_idle(self) -> bool:
        return not self._busy and (not self._waiting or self.failure is not None)

    def _start_worker(self) -> None:
        worker = self._helper()
        name = f"inspector-{len(self._workers)}"
        thread = threading.Thread(target=self._work, args=(worker,), name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the system has no more threads
            if not self._workers:
                self.failure = _defect(error)
        else:
            self._workers.append((thread, worker))

    def _work(self, worker: Worker) -> None:
        while (item := self._next()) is not None:
            try:
                self._inspect(worker, *item)
            except Exception as error:  # noqa: BLE001 - a thread's boundary, and a bug here must only cost time
                self.failure = _defect(error)
            finally:
                with self._changed:
                    self._busy -= 1
                    self._changed.notify_all()

    def _next(self) -> tuple[Segment, Path] | None:
        """Wait for a segment; None when the inspector is stopped."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stop.is_set())
            if self._stop.is_set():
                return None
            self._busy += 1
            return self._waiting.popleft()

    def _inspect(self, worker: Worker, segment: Segment, path: Path) -> None:
        if self.failure is not None:
            return
        task = InspectTask(path=path, groups=(), threads=self._threads, bounds=self._bounds)
        try:
            report: InspectReport = worker.run(task, _ignore, self._stop, stall_seconds=self._stall)
        except MediaError as error:
            self.flaws[segment.number] = f"it cannot be read: {error.finding.message}"
        except FramewatchError as error:  # the worker's failure and not the segment's, or the stop
            self.failure = error
        else:
            flaw = find_flaw(segment, report.inspection)
            if flaw is None:
                self.inspections[segment.number] = report.inspection
            else:
                self.flaws[segment.number] = flaw


def _defect(error: Exception) -> FramewatchError:
    return FramewatchError(f"{type(error).__name__}: {error}", code="internal.bug")


def _ignore(_: Any) -> None:
    """Drop a message; `Worker.run` itself watches that the worker makes progress."""
