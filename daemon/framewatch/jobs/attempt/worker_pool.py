"""Several workers at one video, each on a device of its own; whoever is free takes the next segment."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any

from framewatch.errors import CancelledError, EngineError
from framewatch.render.messages import FramesCounted, SegmentRendered
from framewatch.render.tasks import RenderTask
from framewatch.render.worker_client import Worker

LISTEN_SECONDS = 0.1  # between two looks at the stop
_SUMMED = ("decoded", "upscaled", "encoded")

OnMessage = Callable[[Any], None]
OnLost = Callable[[int, EngineError], None]


class WorkerPool:
    """Used once. All messages are heard in the thread that calls `run`, so that the ledger has one writer."""

    def __init__(
        self, workers: Sequence[Worker], tasks: Sequence[RenderTask], stall_seconds: float, on_lost: OnLost
    ) -> None:
        """The first of `workers` is the job's own; each gets its task. `on_lost` is told when a device fails."""
        self.lost: list[int] = []  # the places in `workers` of those whose device failed
        self._workers = workers
        self._tasks = tasks
        self._stall = stall_seconds
        self._on_lost = on_lost
        self._messages: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._counts = [FramesCounted(stage=None) for _ in workers]
        self._whole = [0] * len(workers)  # frames of finished pieces

    def run(self, heard: OnMessage, stop: threading.Event) -> None:
        """Do all tasks. Where a device that a task names fails, the others go on without it.

        A task that names none may be done by every engine, so that its failure is the job's.

        Raises:
            CancelledError: `stop` was set.
            FramewatchError: what the first to fail failed with.
            Exception: what `heard` raises. No worker is at its task any more then.
        """
        threads = [
            threading.Thread(target=self._work, args=(place,), name=f"crew-{place}", daemon=True)
            for place in range(len(self._workers))
        ]
        for thread in threads:
            thread.start()
        try:
            self._listen(heard, stop)
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def _work(self, place: int) -> None:
        """A thread's boundary: how the task ended is the last thing that is said of it."""
        ended: BaseException | None = None
        try:
            task, worker = self._tasks[place], self._workers[place]
            worker.run(task, lambda message: self._tell(place, message), self._stop, stall_seconds=self._stall)
        except BaseException as error:  # noqa: BLE001 - raised where it is heard
            ended = error
        self._messages.put((place, _Ended(ended)))

    def _tell(self, place: int, message: Any) -> None:
        self._messages.put((place, message))

    def _listen(self, heard: OnMessage, stop: threading.Event) -> None:
        working = len(self._workers)
        while working:
            if stop.is_set():
                raise CancelledError("the work was stopped")
            try:
                place, message = self._messages.get(timeout=LISTEN_SECONDS)
            except queue.Empty:
                continue
            if isinstance(message, _Ended):
                self._take_end(place, message.error)
                working -= 1
            elif isinstance(message, FramesCounted):
                self._counts[place] = message
                heard(self._summed(message))
            else:
                if isinstance(message, SegmentRendered):
                    self._whole[place] += message.frames
                heard(message)

    def _take_end(self, place: int, error: BaseException | None) -> None:
        if self._tasks[place].device is not None and isinstance(error, EngineError):
            self.lost.append(place)
            whole = self._whole[place]  # what it had begun is made again by others
            self._counts[place] = FramesCounted(stage=None, decoded=whole, upscaled=whole, encoded=whole)
            self._on_lost(place, error)
        elif error is not None:
            raise error

    def _summed(self, counted: FramesCounted) -> FramesCounted:
        """How far all are together."""
        return counted.evolve(**{key: sum(getattr(each, key) for each in self._counts) for key in _SUMMED})


class _Ended:
    """A task is over."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error
