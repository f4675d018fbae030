"""The worker process: takes tasks as JSON lines on stdin, answers with messages as JSON lines on stdout.

`python -m framewatch.render.worker [NICENESS]`

It lives as long as its owner and is meant to be killed: it owns a process group with all the ffmpeg it starts, and
when the owner goes away, however suddenly, stdin ends and the whole group is killed. The engine of the last render
stays open for the next one of the same shape.
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
from framewatch.errors import FramewatchError, OutOfMemoryError, WorkerError
from framewatch.render.messages import Failed, Finished, Logged
from framewatch.render.task_handlers import Send, Workbench
from framewatch.render.tasks import TASKS
from framewatch.render.wire import from_line, to_line


class Wire:
    """Sends messages to the owner, from any thread."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, message: Record) -> None:
        """Write one message; an owner that has gone is not an error here, since stdin ends then too."""
        with self._lock:
            try:
                self._stream.write(to_line(message))
                self._stream.flush()
            except BrokenPipeError:
                end_group()


def end_group() -> None:
    """Kill this process and everything it started."""
    os.killpg(os.getpgrp(), signal.SIGKILL)


class Bench(Protocol):
    """Does the tasks of one kind of worker."""

    stage: StageName

    def do(self, task: Record) -> Any:
        """Do a task and give its report.

        Raises:
            FramewatchError: what it failed with.
        """


@dataclass(frozen=True)
class Trade:
    """What makes one kind of worker: its tasks, who does them, and the message that has the report."""

    tasks: TypeAdapter[Any]
    bench: Callable[[Send], Bench]
    finished: Callable[[Any], Record]


RENDERING = Trade(TASKS, Workbench, lambda report: Finished(report=report))


def serve(trade: Trade = RENDERING) -> None:
    """Serve tasks until stdin ends."""
    # An owner that starts us puts us in a group of our own; by hand we make one, so that end_group harms nobody else.
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)
    os.nice(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the owner's to handle
    wire = Wire(_claim_stdout())
    tasks: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_listen, args=(tasks,), name="stdin", daemon=True).start()
    bench = trade.bench(wire.send)
    while True:
        wire.send(_answer(trade, bench, tasks.get(), wire.send))


def _claim_stdout() -> BinaryIO:
    """Keep stdout for messages; what a library prints goes to stderr instead."""
    stream = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return stream


def _listen(tasks: queue.Queue[bytes]) -> None:
    for line in sys.stdin.buffer:
        tasks.put(line)
    end_group()


def _answer(trade: Trade, bench: Bench, line: bytes, send: Send) -> Record:
    try:
        return trade.finished(bench.do(from_line(trade.tasks, line)))
    except FramewatchError as error:
        return Failed(error=error.record)
    except MemoryError:
        return Failed(error=OutOfMemoryError("the worker ran out of memory", code="worker.out_of_memory").record)
    except Exception as error:  # noqa: BLE001 - the process boundary: a bug here must not be silence there
        for text in traceback.format_exc().rstrip().splitlines():
            send(Logged(stage=bench.stage, line=text, level="debug"))
        return Failed(error=WorkerError(f"{type(error).__name__}: {error}", code="worker.bug").record)


if __name__ == "__main__":
    serve()
