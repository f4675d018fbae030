"""The worker process: reads tasks from stdin and answers with messages on stdout, one JSON line each.

`python -m framewatch.render.worker [NICENESS]`

A worker leads a process group with every ffmpeg that it starts, and is meant to be killed. When its owner goes away,
however suddenly, its stdin ends and it kills the whole group. The engine of the last render stays open for the next
one of the same shape.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from pydantic import TypeAdapter

from framewatch.domain import Record, StageName
from framewatch.errors import EngineError, FramewatchError, OutOfMemoryError, Remedy, WorkerError
from framewatch.media import out_of_memory, process_bounds
from framewatch.render.line_limit import LineLimit, left_out_note
from framewatch.render.messages import Failed, Finished, Logged, Send
from framewatch.render.task_handlers import RenderHandlers
from framewatch.render.tasks import TASKS
from framewatch.render.wire import from_line, to_line
from framewatch.user_folders import name_user_for_libraries


class Handlers(Protocol):
    """Runs the tasks of one kind of worker."""

    stage: StageName  # of the running task, for the log

    def run(self, task: Any) -> Any:
        """Run a task and return its report.

        Raises:
            FramewatchError: the task failed.
        """


@dataclass(frozen=True)
class WorkerKind:
    """One kind of worker: the tasks it takes, who runs them, and the message that carries a report."""

    tasks: TypeAdapter[Any]
    handlers: Callable[[Send], Handlers]
    finished: Callable[[Any], Record]


_WORK: dict[StageName, str] = {
    "decode": "reading this file",
    "upscale": "upscaling this file",
    "encode": "encoding this file",
}

RENDERING = WorkerKind(TASKS, RenderHandlers, lambda report: Finished(report=report))


def serve(kind: WorkerKind = RENDERING) -> None:
    """Run tasks until stdin ends."""
    # An owner starts us in a group of our own. Started by hand, we make one, so that the kill hits nobody else.
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)
    process_bounds.set_up()
    name_user_for_libraries()
    os.nice(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the owner to handle
    writer = _MessageWriter(_claim_stdout())
    tasks: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_read_tasks, args=(tasks,), name="stdin", daemon=True).start()
    handlers = kind.handlers(writer.send)
    while True:
        writer.send(_answer(kind, handlers, tasks.get(), writer.send))


class _MessageWriter:
    """Sends messages to the owner, from any thread."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._log_limit = LineLimit()

    def send(self, message: Record) -> None:
        if isinstance(message, Logged):
            left_out = self._log_limit.admit()
            if left_out is None:
                return
            if left_out:
                self._write(message.evolve(line=left_out_note(left_out), level="warning"))
        self._write(message)

    def _write(self, message: Record) -> None:
        with self._lock:
            try:
                self._stream.write(to_line(message))
                self._stream.flush()
            except BrokenPipeError:  # the owner is gone; stdin ends, too
                _kill_group()


def _kill_group() -> None:
    """Kill this process and everything that it started."""
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _claim_stdout() -> BinaryIO:
    """Keep stdout for messages; what a library prints goes to stderr instead."""
    stream = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return stream


def _read_tasks(tasks: queue.Queue[bytes]) -> None:
    for line in sys.stdin.buffer:
        tasks.put(line)
    _kill_group()


def _answer(kind: WorkerKind, handlers: Handlers, line: bytes, send: Send) -> Record:
    try:
        return kind.finished(handlers.run(from_line(kind.tasks, line)))
    except FramewatchError as error:
        return Failed(error=_explained(error, handlers.stage).record)
    except MemoryError:
        return Failed(error=_out_of_memory(handlers.stage).record)
    except Exception as error:  # noqa: BLE001 - the process boundary: the owner has to learn of a bug here
        if out_of_memory.is_bound_used_up():  # such as a thread that could not be started
            return Failed(error=out_of_memory.too_costly(_WORK[handlers.stage]).record)
        for text in traceback.format_exc().rstrip().splitlines():
            send(Logged(stage=handlers.stage, line=text, level="debug"))
        return Failed(error=WorkerError(f"{type(error).__name__}: {error}", code="worker.bug").record)


def _explained(error: FramewatchError, stage: StageName) -> FramewatchError:
    """Return the error; where an engine or a tool failed because of this process's bound, one that says so.

    Another attempt would end the same way. What waits for something else, such as a missing program, still does.
    """
    unexplained = isinstance(error, EngineError | WorkerError) and error.remedy == Remedy.RETRY
    if (unexplained or isinstance(error, OutOfMemoryError)) and out_of_memory.is_bound_used_up():
        return out_of_memory.too_costly(f"{_WORK[stage]} ({error.finding.message})")
    return error


def _out_of_memory(stage: StageName) -> FramewatchError:
    if process_bounds.bound_of_worker() is not None and not out_of_memory.is_short():
        return out_of_memory.too_costly(_WORK[stage])
    return OutOfMemoryError("the worker ran out of memory", code="worker.out_of_memory")


if __name__ == "__main__":
    serve()
