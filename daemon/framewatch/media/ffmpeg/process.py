"""Runs ffmpeg: the one place where the program is started, fed, read from and reaped.

A process is started without a shell, in the process group of its worker, which is killed as a whole if the worker has
to end. One thread reads the log, and keeps its end for the error message; another reads the progress reports.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import io
import os
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, cast

from framewatch.domain import InputFile
from framewatch.errors import CancelledError, MediaError, ToolMissingError
from framewatch.media import out_of_memory, process_bounds
from framewatch.media.ffmpeg.input_descriptors import BoundCommand, open_inputs
from framewatch.media.ffmpeg.io_activity import IoActivity
from framewatch.media.ffmpeg.log_parser import EncodeProgress, LogLevel, failure, parse_log, parse_progress
from framewatch.media.heartbeat import Beat, no_beat

__all__ = ["EncodeProgress", "Encoder", "LogLevel", "OnLog", "OnProgress", "Process", "run_ffmpeg"]

OnLog = Callable[[LogLevel, str], None]

_TAIL_LINES = 200
_LINE_BYTES = 2000
_POLL_SECONDS = 0.1
# How long to read on after a process has ended. A pipe stays open longer only if a child of the process holds it.
_READ_SECONDS = 5.0
_PIPE_BYTES = 1 << 20  # a 4K frame is 24 MB: fewer wake-ups than with the usual 64 KiB

# The system refuses the arguments, not the program: their number or size, or that of a name.
_ARGUMENT_ERRORS = (errno.E2BIG, errno.ENAMETOOLONG)

OnProgress = Callable[[EncodeProgress], None]


def run_ffmpeg(
    argv: Sequence[str],
    inputs: Sequence[InputFile] = (),
    *,
    on_progress: OnProgress | None = None,
    on_log: OnLog | None = None,
    beat: Beat = no_beat,
) -> None:
    """Run a command that reads and writes files, and wait until it ends.

    Args:
        argv: from `framewatch.media.commands.ffmpeg_commands`.
        inputs: the files in it that are passed as descriptors.
        on_progress: called a few times a second, from another thread.
        on_log: called with level and text of each line, from another thread.
        beat: called on every sign of progress, from several threads, also while ffmpeg reports none.

    Raises:
        MediaError: an input is no regular file, or another version of it.
        StorageError: an input cannot be opened, or there is no space for the output.
        WorkerError: it failed, for the reason in its log.
    """
    with open_inputs(argv, inputs) as command:
        process = Process(command, on_progress=on_progress, on_log=on_log, stdin=subprocess.DEVNULL, beat=beat)
    with process:
        while not process.wait(_POLL_SECONDS):
            process.check_activity()
        for pipe in command.pipes:  # what could not be read is the reason for what ffmpeg says
            pipe.finish()
        process.raise_for_failure()


class Encoder:
    """A running encoder that takes raw frames on its stdin. One thread writes; any thread may abort."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        on_progress: OnProgress | None = None,
        on_log: OnLog | None = None,
        beat: Beat = no_beat,
    ) -> None:
        command = BoundCommand(tuple(argv))
        self._process = Process(command, on_progress=on_progress, on_log=on_log, stdin=subprocess.PIPE, beat=beat)

    def write(self, frame: Any) -> None:
        """Write one frame: anything with a contiguous buffer, such as a numpy array.

        Raises:
            WorkerError, StorageError: the encoder has ended; its log says why.
            CancelledError: it was aborted.
        """
        if not self._process.feed(memoryview(frame).cast("B")):
            self._process.wait(None)
            self._process.raise_for_failure(unfinished=True)

    def finish(self) -> None:
        """End the stream, and wait until the encoder has written everything.

        Raises:
            WorkerError, StorageError: the encoder failed; its log says why.
        """
        with self._process as process:
            process.close_stdin()
            while not process.wait(_POLL_SECONDS):
                process.check_activity()
            process.raise_for_failure()

    def abort(self) -> None:
        """Kill the encoder, and leave nothing running. Calling it again does nothing."""
        self._process.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.abort()


class Process:
    """An ffmpeg process and the two threads that read from it. Leaving its `with` block ends and reaps all three."""

    def __init__(
        self, command: BoundCommand, *, on_progress: OnProgress | None, on_log: OnLog | None, stdin: int, beat: Beat
    ) -> None:
        self._command = command
        self._beat = beat
        self._tail: deque[tuple[LogLevel, str]] = deque(maxlen=_TAIL_LINES)
        self._writing = threading.Lock()
        self._stopped = False
        self._read_until: float | None = None  # once the process has ended; monotonic
        self._bounds = process_bounds.of_ffmpeg()
        self._popen = _start(command, stdin)
        self._activity = IoActivity(self._popen.pid, _output(command.argv))
        self._readers = [
            threading.Thread(target=self._read_log, args=(on_log,), name="ffmpeg-log", daemon=True),
            threading.Thread(target=self._read_progress, args=(on_progress,), name="ffmpeg-progress", daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def feed(self, data: memoryview) -> bool:
        """Write all of `data` to stdin, which may take it in parts; return False if nobody reads it any more."""
        stdin = self._stdin()
        with self._writing:
            try:
                while data and not stdin.closed:
                    data = data[stdin.write(data) :]
                    self._beat()
            except BrokenPipeError:
                return False
            return not data

    def close_stdin(self) -> None:
        """Tell the process that no more data comes."""
        self._stdin().close()

    def wait(self, timeout: float | None) -> bool:
        """Wait up to `timeout` seconds; return True once the process has ended and its output has been read."""
        try:
            self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        if self._read_until is None:
            self._read_until = time.monotonic() + _READ_SECONDS
        for reader in self._readers:
            reader.join(max(0.0, self._read_until - time.monotonic()))
        return True

    def check_activity(self) -> None:
        """Beat if the process has read or written something since the last call."""
        if self._activity.changed():
            self._beat()

    def raise_for_failure(self, *, unfinished: bool = False) -> None:
        """Raise the error that the ended process failed with; `unfinished`: even if its exit code says success."""
        if self._stopped:
            raise CancelledError("ffmpeg was stopped")
        code = self._popen.returncode
        if code or unfinished:
            # Where the machine itself is short of memory, the bound is not to blame.
            bounds = process_bounds.NO_BOUNDS if out_of_memory.is_short() else self._bounds
            output = _output(self._command.argv)
            raise failure(code, list(self._tail), bounds, output=output, readable=self._command.readable)

    def close(self) -> None:
        """Kill and reap the process."""
        if self._popen.poll() is None:
            self._stopped = True
            self._popen.kill()
        self.wait(None)
        # The kill wakes a thread in `feed`. Wait for it: while it writes, its descriptor must not be closed and
        # reused.
        with self._writing:
            for stream in (self._popen.stdin, self._popen.stdout, self._popen.stderr):
                if stream is not None:
                    stream.close()

    def _stdin(self) -> IO[bytes]:
        if self._popen.stdin is None:
            raise ValueError("this process has no stdin")
        return self._popen.stdin

    def _read_log(self, on_log: OnLog | None) -> None:
        for raw in _lines(self._popen.stderr):
            level, text = parse_log(raw.decode("utf-8", "replace").rstrip())
            if text:
                self._tail.append((level, text))
                if on_log:
                    on_log(level, self._command.readable(text))

    def _read_progress(self, on_progress: OnProgress | None) -> None:
        report: dict[str, str] = {}
        last: tuple[object, ...] = ()
        for raw in _lines(self._popen.stdout):
            key, _, value = raw.decode("ascii", "replace").strip().partition("=")
            report[key] = value.strip()
            if key == "progress":
                progress = parse_progress(report)
                before, last = last, (progress.frames, progress.seconds, progress.bytes)
                if last != before:
                    self._beat()
                if on_progress:
                    on_progress(progress)


def _lines(pipe: IO[bytes] | None) -> Iterator[bytes]:
    """Yield lines as they come, a long one in parts. Unbuffered, the pipe would be read byte by byte."""
    with io.BufferedReader(cast(io.RawIOBase, pipe)) as buffered:
        while line := buffered.readline(_LINE_BYTES):
            yield line


def _output(argv: Sequence[str]) -> Path | None:
    """Return the file that a command writes: its last argument, as `media.commands.ffmpeg_commands` makes it."""
    return Path(argv[-1].removeprefix("file:")) if argv[-1].startswith("file:") else None


def _start(command: BoundCommand, stdin: int) -> subprocess.Popen[bytes]:
    quiet = {"AV_LOG_FORCE_NOCOLOR": "1", "SVT_LOG": "1"}  # SVT-AV1 ignores ffmpeg's log level
    try:
        popen = subprocess.Popen(
            command.argv,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=os.environ | quiet,
            pass_fds=tuple(command.names),
        )
    except (OSError, ValueError) as error:  # ValueError: an argument with a NUL
        if not isinstance(error, OSError) or error.errno in _ARGUMENT_ERRORS:
            raise _not_startable(command.argv, error) from None
        hint = "install it again; the job then continues automatically"
        raise ToolMissingError(f"{command.argv[0]} cannot be started: {error.strerror}", hint=hint) from None
    process_bounds.bound_child(popen.pid)
    if popen.stdin is not None and hasattr(fcntl, "F_SETPIPE_SZ"):  # Linux; the system may refuse
        with contextlib.suppress(OSError):
            fcntl.fcntl(popen.stdin, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return popen


def _not_startable(argv: Sequence[str], error: OSError | ValueError) -> MediaError:
    """Return the error for arguments that no program can be given: they say what is in the file and the preset."""
    reason = error.strerror if isinstance(error, OSError) else str(error)
    size = sum(len(word) + 1 for word in argv)
    message = f"the ffmpeg command for this file cannot be run: {reason} ({len(argv)} words, {size} characters)"
    hint = "remove streams or tags from the file, or options from the preset"
    return MediaError(message, code="media.command_refused", hint=hint)
