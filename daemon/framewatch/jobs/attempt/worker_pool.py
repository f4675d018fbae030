"""Several workers on one video, each on a device of its own; whichever is free takes the next segment."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from framewatch.errors import CancelledError, EngineError
from framewatch.render.messages import FramesCounted, SegmentRendered
from framewatch.render.tasks import RenderTask
from framewatch.render.worker_client import OnWait, Worker

POLL_SECONDS = 0.1  # between two checks of the stop event

OnMessage = Callable[[Any], None]
OnLost = Callable[[int, EngineError], None]


class _Ended(NamedTuple):
    """The last thing that a worker's thread says."""

    error: BaseException | None


class WorkerPool:
    """Used once. All messages are handled in the thread that calls `run`, so that the ledger has one writer."""

    def __init__(
        self, workers: Sequence[Worker], tasks: Sequence[RenderTask], stall_seconds: float, on_lost: OnLost
    ) -> None:
        """Start nothing yet.

        Args:
            workers: the first is the job's own.
            tasks: one for each worker.
            stall_seconds: the longest time without progress, after which a worker is killed.
            on_lost: called with the index of a worker whose device failed.
        """
        self.lost: list[int] = []  # indices of the workers whose device failed
        self._workers = workers
        self._tasks = tasks
        self._stall = stall_seconds
        self._on_lost = on_lost
        self._messages: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._counts = [FramesCounted(stage=None) for _ in workers]
        self._finished = [0] * len(workers)  # frames of finished segments

    def run(self, on_message: OnMessage, stop: threading.Event, on_wait: OnWait = lambda: None) -> None:
        """Run all tasks. Where a device that a task names fails, the others continue without it.

        A task that names no device has tried every engine, so its failure is the job's. So is the end of a worker
        process; the ledger keeps what is done.

        Raises:
            CancelledError: `stop` was set.
            FramewatchError: the first task that failed.
            Exception: `on_message` failed. In each case, no worker runs its task any longer.
        """
        threads = [
            threading.Thread(target=self._work, args=(index,), name=f"worker-{index}", daemon=True)
            for index in range(len(self._workers))
        ]
        for thread in threads:
            thread.start()
        try:
            self._handle_messages(on_message, stop, on_wait)
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def _work(self, index: int) -> None:
        error: BaseException | None = None
        try:
            task, worker = self._tasks[index], self._workers[index]
            worker.run(
                task,
                lambda message: self._messages.put((index, message)),
                self._stop,
                stall_seconds=self._stall,
            )
        except BaseException as caught:  # noqa: BLE001 - a thread's boundary: `run` raises it
            error = caught
        self._messages.put((index, _Ended(error)))

    def _handle_messages(self, on_message: OnMessage, stop: threading.Event, on_wait: OnWait) -> None:
        working = len(self._workers)
        while working:
            if stop.is_set():
                raise CancelledError("the work was stopped")
            try:
                index, message = self._messages.get(timeout=POLL_SECONDS)
            except queue.Empty:
                on_wait()
                continue
            if isinstance(message, _Ended):
                self._end(index, message.error)
                working -= 1
            elif isinstance(message, FramesCounted):
                self._counts[index] = message
                on_message(FramesCounted.total(self._counts, stage=message.stage))
            else:
                if isinstance(message, SegmentRendered):
                    self._finished[index] += message.frames
                on_message(message)

    def _end(self, index: int, error: BaseException | None) -> None:
        if self._tasks[index].device is not None and isinstance(error, EngineError):
            self.lost.append(index)
            frames = self._finished[index]  # others render again what it had begun
            self._counts[index] = FramesCounted(stage=None, decoded=frames, upscaled=frames, encoded=frames)
            self._on_lost(index, error)
        elif error is not None:
            raise error
