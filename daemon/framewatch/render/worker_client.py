"""The owner's end of a worker process: starts it, gives it tasks, follows its messages, and kills it."""

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
from framewatch.errors import CancelledError, CrashError, FramewatchError, ToolMissingError, WorkerError
from framewatch.media.crash_signals import is_crash, signal_text
from framewatch.media.out_of_memory import complaint, worker_too_costly
from framewatch.media.process_bounds import is_at_bound
from framewatch.render.line_limit import LineLimit, left_out_note
from framewatch.render.messages import MESSAGES, Failed
from framewatch.render.orphan_processes import kill_orphans
from framewatch.render.stall_detector import StallDetector
from framewatch.render.wire import from_line, to_line

DEATH_SECONDS = 2.0  # for a killed process to be gone, and for its pipes to be read
STALL_SECONDS = 600.0  # longer than one frame, or the opening of an engine, takes on the slowest useful machine
KEPT_LINES = 20  # of a worker's stderr, for the error message when it dies
_LINE_BYTES = 2000  # of stderr that are taken for a line at most
POLL_SECONDS = 0.1  # between two checks of the stop event and the stall detector

OnMessage = Callable[[Any], None]
OnWait = Callable[[], None]


class Worker:
    """A worker process. It is started when it is first needed, and again after it died."""

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
            on_stderr: called with each line that the worker, or a library in it, prints.
            niceness: as for `nice`.
            module: what the process runs; it calls `framewatch.render.worker.serve`.
            messages: what the process sends; the one with the event "finished" has the report.
        """
        self._on_stderr = on_stderr
        self._niceness = niceness
        self._module = module
        self._message_kinds = messages
        self._device_workers: dict[str, Worker] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._messages: queue.Queue[Any] = queue.Queue()
        self._was_at_bound = False  # when it was last looked at
        self._stderr: deque[str] = deque(maxlen=KEPT_LINES)
        self._readers: list[threading.Thread] = []
        self._sender: threading.Thread | None = None

    @property
    def pid(self) -> int | None:
        """The process id, which is also the id of its group; None while none runs."""
        return self._process.pid if self._process else None

    def helper(self, niceness: int = 0) -> Worker:
        """Return another worker of the same kind, not started yet, for the caller to kill."""
        return Worker(on_stderr=self._on_stderr, niceness=niceness, module=self._module, messages=self._message_kinds)

    def device_worker(self, device: str) -> Worker:
        """Return the worker for another device of a job. It stays warm from task to task, and ends with this one."""
        if device not in self._device_workers:
            self._device_workers[device] = self.helper(self._niceness)
        return self._device_workers[device]

    def keep_device_workers(self, devices: Collection[str]) -> None:
        """Kill the workers of all other devices, so that they do not hold the memory of devices nobody needs."""
        for device in [device for device in self._device_workers if device not in devices]:
            self._device_workers.pop(device).kill()

    def run(
        self,
        task: Record,
        on_message: OnMessage,
        stop: threading.Event,
        *,
        stall_seconds: float | None = STALL_SECONDS,
        on_wait: OnWait = lambda: None,
    ) -> Any:
        """Run `task` and return its report; messages on the way go to `on_message`.

        Args:
            task: one of `framewatch.render.tasks`.
            on_message: called with each message; what it raises kills the worker and is raised here.
            stop: ends the task.
            stall_seconds: the longest time without progress, after which the worker is killed; None: no limit.
            on_wait: called several times a second while no message comes; what it raises counts as for `on_message`.

        Raises:
            CancelledError: `stop` was set; the worker and all it started are gone.
            WorkerError: the worker died or stalled; it is gone, with all it started.
            FramewatchError: the task failed.
        """
        try:
            stalls = StallDetector(time.monotonic(), stall_seconds)
            answer = self._answer(task, on_message, stop, stalls, on_wait)
        except BaseException:
            # Whatever went wrong here, the worker may still be running the old task: the next one gets a new worker.
            self._end()
            raise
        if isinstance(answer, Failed):
            raise FramewatchError.from_record(answer.error)
        return answer.report

    def _answer(
        self, task: Record, on_message: OnMessage, stop: threading.Event, stalls: StallDetector, on_wait: OnWait
    ) -> Any:
        _require_not_stopped(stop)
        self._was_at_bound = False
        self._stderr.clear()  # what another task led to does not explain the end of this one
        self._ensure_started()
        self._send(task)
        while True:
            _require_not_stopped(stop)
            self._require_no_stall(stalls)
            try:
                message = self._messages.get(timeout=POLL_SECONDS)
            except queue.Empty:
                self._was_at_bound = self._process is not None and is_at_bound(self._process.pid)
                on_wait()
                continue
            if message is None:
                raise self._death()
            if message.event in ("finished", "failed"):
                return message
            stalls.note(message, time.monotonic())
            on_message(message)

    def _require_no_stall(self, stalls: StallDetector) -> None:
        try:
            stalls.check(time.monotonic())
        except WorkerError as error:
            if self._was_at_bound:
                raise worker_too_costly(error.finding.message) from None
            raise

    def kill_orphans(self) -> None:
        """Kill what the tools of the last task left running; this worker and its device workers stay."""
        for worker in self._device_workers.values():
            worker.kill_orphans()
        if self._process is not None:
            for pid in kill_orphans(self._process.pid):
                self._note(f"killed process {pid}, which the last task left running")

    def kill(self) -> None:
        """Kill the process, everything it started and its device workers, now; wait for their end."""
        for worker in list(self._device_workers.values()):  # another thread may end some meanwhile
            worker.kill()
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
        # Closing stdin would wait for a sender that is still writing.
        unused = None if sender and sender.is_alive() else process.stdin
        for stream in (unused, process.stdout, process.stderr):
            if stream is not None:
                _close(stream)

    def _ensure_started(self) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        self._end()
        self._messages = queue.Queue()
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
        """Send from a thread: a task may be larger than the pipe, and the worker may not be reading."""
        args = (self._process, to_line(task), self._messages)
        self._sender = threading.Thread(target=self._write, args=args, name="sender", daemon=True)
        self._sender.start()

    def _write(self, process: subprocess.Popen[bytes], line: bytes, messages: queue.Queue[Any]) -> None:
        assert process.stdin is not None  # noqa: S101 - created with a pipe
        try:
            process.stdin.write(line)
            process.stdin.flush()
        except BrokenPipeError:
            messages.put(None)

    def _read_messages(self, process: subprocess.Popen[bytes], messages: queue.Queue[Any]) -> None:
        assert process.stdout is not None  # noqa: S101 - created with a pipe
        for line in process.stdout:
            try:
                messages.put(from_line(self._message_kinds, line))
            except ValueError as error:
                self._note(f"unreadable message: {error}")
        messages.put(None)

    def _read_stderr(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None  # noqa: S101 - created with a pipe
        limit = LineLimit()
        while raw := process.stderr.readline(_LINE_BYTES):  # a library may print without an end
            line = raw.decode("utf-8", "replace").rstrip()
            self._stderr.append(line)
            left_out = limit.admit()
            if left_out is not None and self._on_stderr:
                if left_out:
                    self._on_stderr(left_out_note(left_out))
                self._on_stderr(line)

    def _note(self, line: str) -> None:
        self._stderr.append(line)
        if self._on_stderr:
            self._on_stderr(line)

    def _death(self) -> FramewatchError:
        process = self._process
        self._end()
        code = process.returncode if process else None
        how = f"was killed by {signal_text(-code)}" if code is not None and code < 0 else f"ended with status {code}"
        last = f": {self._stderr[-1]}" if self._stderr else ""
        if code != -signal.SIGKILL and (self._was_at_bound or complaint("\n".join(self._stderr))):
            return worker_too_costly(f"the worker process {how}{last}")
        kind = CrashError if code is not None and is_crash(-code) else WorkerError
        return kind(f"the worker process {how}{last}", code="worker.died")


def _require_not_stopped(stop: threading.Event) -> None:
    if stop.is_set():
        raise CancelledError("the work was stopped")


def _close(stream: Any) -> None:
    with suppress(BrokenPipeError):  # a task was still in the buffer when the worker died
        stream.close()
