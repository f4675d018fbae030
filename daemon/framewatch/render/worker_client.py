"""The owner's end of a worker process: start it, give it a task, follow its messages, end it with all it started."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

from pydantic import TypeAdapter

from framewatch.domain import Record
from framewatch.errors import CancelledError, FramewatchError, ToolMissingError, WorkerError
from framewatch.render.messages import MESSAGES, Failed
from framewatch.render.orphan_processes import end_leftovers
from framewatch.render.stall_detector import StallDetector
from framewatch.render.wire import from_line, to_line

DEATH_SECONDS = 2.0  # for a killed process to be gone, and for its pipes to be read
STALL_SECONDS = 600.0  # longer than a frame or the opening of an engine takes on the slowest machine that makes sense
KEPT_LINES = 20  # of a worker's stderr, for the message when it dies

OnMessage = Callable[[Any], None]


class Worker:
    """A worker process, started when it is first needed and again after it died."""

    def __init__(
        self,
        *,
        on_stderr: Callable[[str], None] | None = None,
        niceness: int = 0,
        module: str = "framewatch.render.worker",
        messages: TypeAdapter[Any] = MESSAGES,
    ) -> None:
        """Start nothing yet.

        Args:
            on_stderr: gets what the worker, or a library in it, prints.
            niceness: by how much it steps back, as `nice` does, where others want the processor too.
            module: what the process runs: `framewatch.render.worker.serve`, with tasks of its own or the usual ones.
            messages: what it sends; one with the event "finished" has the report.
        """
        self._on_stderr = on_stderr
        self._niceness = niceness
        self._module = module
        self._kinds = messages
        self._mates: dict[str, Worker] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._messages: queue.Queue[Any] = queue.Queue()
        self._stderr: deque[str] = deque(maxlen=KEPT_LINES)
        self._readers: list[threading.Thread] = []
        self._sender: threading.Thread | None = None

    @property
    def pid(self) -> int | None:
        """The process id, which is its group's too; None while none runs."""
        return self._process.pid if self._process else None

    def another(self, niceness: int = 0) -> Worker:
        """One more of the same kind, for the caller to kill; not started yet. `niceness` as for the constructor."""
        return Worker(on_stderr=self._on_stderr, niceness=niceness, module=self._module, messages=self._kinds)

    def mate(self, name: str) -> Worker:
        """Another worker that stays from task to task, as this one does, and ends with it; by `name` the same one."""
        if name not in self._mates:
            self._mates[name] = self.another(self._niceness)
        return self._mates[name]

    def end_mates(self, but: Collection[str]) -> None:
        """End the mates of other names, so that they hold no device that they are not wanted for."""
        for name in [name for name in self._mates if name not in but]:
            self._mates.pop(name).kill()

    def run(
        self,
        task: Record,
        on_message: OnMessage,
        stop: threading.Event,
        *,
        stall_seconds: float | None = STALL_SECONDS,
    ) -> Any:
        """Do `task` and return its report; messages on the way go to `on_message`.

        Args:
            task: one of `framewatch.render.tasks`.
            on_message: called with each message; what it raises ends the worker and is raised here.
            stop: ends the task.
            stall_seconds: without a sign of progress, after which the worker is ended; None: never.

        Raises:
            CancelledError: `stop` was set; the worker and all it started are gone.
            WorkerError: the worker died or stood still; it is gone, with all it started.
            FramewatchError: what the task failed with.
        """
        patience = StallDetector(time.monotonic(), stall_seconds)
        try:
            answer = self._answer(task, on_message, stop, patience)
        except BaseException:
            # Whatever went wrong here, the worker is still at the old task: the next one gets a new worker.
            self._end()
            raise
        if isinstance(answer, Failed):
            raise FramewatchError.from_record(answer.error)
        return answer.report

    def _answer(self, task: Record, on_message: OnMessage, stop: threading.Event, patience: StallDetector) -> Any:
        self._require_going(stop)
        self._ensure_started()
        self._send(task)
        while True:
            self._require_going(stop)
            patience.require(time.monotonic())
            try:
                message = self._messages.get(timeout=0.1)
            except queue.Empty:
                continue
            if message is None:
                raise self._death()
            if message.event in ("finished", "failed"):
                return message
            patience.heard(message, time.monotonic())
            on_message(message)

    def tidy(self) -> None:
        """End what the tools of the last task have left running; the worker itself stays, and so do its mates."""
        for mate in self._mates.values():
            mate.tidy()
        if self._process is not None:
            for pid in end_leftovers(self._process.pid):
                self._note(f"process {pid} was left over from the last task, and ended")

    def _require_going(self, stop: threading.Event) -> None:
        if stop.is_set():
            raise CancelledError("the work was stopped")

    def kill(self) -> None:
        """End the process and everything it started, now, and reap it; its mates, too."""
        for mate in list(self._mates.values()):  # another thread may end some meanwhile
            mate.kill()
        self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):  # it had ended by itself, with its group
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):  # one that hangs in a dead file system dies when that comes back
            process.wait(DEATH_SECONDS)
        sender, self._sender = self._sender, None
        for thread in (*self._readers, *filter(None, [sender])):
            thread.join(DEATH_SECONDS)
        unused = None if sender and sender.is_alive() else process.stdin  # closing would wait for who writes
        for stream in (unused, process.stdout, process.stderr):
            if stream is not None:
                _close(stream)

    def _ensure_started(self) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        self._end()
        self._messages = queue.Queue()
        self._stderr.clear()
        command = [sys.executable, "-m", self._module, str(self._niceness)]
        try:
            self._process = process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                process_group=0,
            )
        except OSError as error:
            message = f"a worker cannot be started: {error.strerror}"
            raise ToolMissingError(message, code="worker.not_started") from None
        self._readers = [
            threading.Thread(target=self._read_messages, args=(process, self._messages), daemon=True),
            threading.Thread(target=self._read_stderr, args=(process,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def _send(self, task: Record) -> None:
        """From a thread, since a task may be larger than the pipe, and the worker may not read."""
        args = (self._process, to_line(task), self._messages)
        self._sender = threading.Thread(target=self._write, args=args, name="sender", daemon=True)
        self._sender.start()

    def _write(self, process: subprocess.Popen[bytes], line: bytes, messages: queue.Queue[Any]) -> None:
        assert process.stdin is not None  # noqa: S101 - made with a pipe
        try:
            process.stdin.write(line)
            process.stdin.flush()
        except BrokenPipeError:
            messages.put(None)

    def _read_messages(self, process: subprocess.Popen[bytes], messages: queue.Queue[Any]) -> None:
        assert process.stdout is not None  # noqa: S101 - made with a pipe
        for line in process.stdout:
            try:
                messages.put(from_line(self._kinds, line))
            except ValueError as error:
                self._note(f"unreadable message: {error}")
        messages.put(None)

    def _read_stderr(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None  # noqa: S101 - made with a pipe
        for raw in process.stderr:
            self._note(raw.decode("utf-8", "replace").rstrip())

    def _note(self, line: str) -> None:
        self._stderr.append(line)
        if self._on_stderr:
            self._on_stderr(line)

    def _death(self) -> WorkerError:
        process = self._process
        self._end()
        code = process.returncode if process else None
        how = f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with status {code}"
        last = f": {self._stderr[-1]}" if self._stderr else ""
        return WorkerError(f"the worker process {how}{last}", code="worker.died")


def _close(stream: Any) -> None:
    with suppress(BrokenPipeError):  # a task was still in the buffer when the worker died
        stream.close()
