"""Running ffmpeg: the one place where the program is started, fed, listened to and reaped.

A process is started without a shell in the caller's process group, whose owner can end it with all that it
started. Two threads listen: one to its log, of which the end is kept for the error message, one to its
progress report.
"""

from __future__ import annotations

import contextlib
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

from framewatch.errors import CancelledError, ToolMissingError
from framewatch.media.ffmpeg.io_activity import Activity
from framewatch.media.ffmpeg.log_parser import EncodeProgress, LogLevel, failure, parse_log, parse_progress
from framewatch.media.heartbeat import Beat, unheard

__all__ = ["EncodeProgress", "Encoder", "LogLevel", "OnLog", "OnProgress", "Process", "run_ffmpeg"]

OnLog = Callable[[LogLevel, str], None]

_TAIL_LINES = 200
_LINE_BYTES = 2000
_POLL_SECONDS = 0.1
_LISTEN_SECONDS = 5.0  # to what an ended process has said; longer only where a child of its own holds the pipe
_PIPE_BYTES = 1 << 20  # a 4K frame is 24 MB: fewer wake-ups than with 64 KiB

OnProgress = Callable[[EncodeProgress], None]


def run_ffmpeg(
    argv: Sequence[str],
    *,
    on_progress: OnProgress | None = None,
    on_log: OnLog | None = None,
    cancel: threading.Event | None = None,
    beat: Beat = unheard,
) -> None:
    """Run a command that reads and writes files, until it ends.

    Args:
        argv: from `framewatch.media.commands.commands`.
        on_progress: called from a thread a few times a second.
        on_log: called from a thread with level and text of each line.
        cancel: ends the command soon after it is set.
        beat: called while it gets on, from several threads: also where it reports no progress, as at a file's end.

    Raises:
        CancelledError: it was cancelled.
        StorageError: there is no room for the output.
        WorkerError: it failed, for the reason that its log gives.
    """
    with Process(argv, on_progress=on_progress, on_log=on_log, stdin=subprocess.DEVNULL, beat=beat) as process:
        while not process.ended(_POLL_SECONDS):
            process.look()
            if cancel is not None and cancel.is_set():
                raise CancelledError("the command was stopped")
        process.check()


class Encoder:
    """A running encoder that takes raw frames on its stdin. One thread writes; any thread may abort."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        on_progress: OnProgress | None = None,
        on_log: OnLog | None = None,
        beat: Beat = unheard,
    ) -> None:
        self._process = Process(argv, on_progress=on_progress, on_log=on_log, stdin=subprocess.PIPE, beat=beat)

    def write(self, frame: Any) -> None:
        """Give one frame: anything with a contiguous buffer, such as a numpy array.

        Raises:
            WorkerError, StorageError: the encoder has ended; its log says why.
            CancelledError: it was aborted.
        """
        if not self._process.feed(memoryview(frame).cast("B")):
            self._process.ended(None)
            self._process.check(unfinished=True)

    def finish(self) -> None:
        """End the stream and wait until all is written.

        Raises:
            WorkerError, StorageError: the encoder failed; its log says why.
        """
        with self._process as process:
            process.close_stdin()
            while not process.ended(_POLL_SECONDS):
                process.look()
            process.check()

    def abort(self) -> None:
        """Stop at once. Nothing is left running; calling it again does nothing."""
        self._process.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.abort()


class Process:
    """One ffmpeg process and its two listeners. Leaving its `with` block ends and reaps all three."""

    def __init__(
        self, argv: Sequence[str], *, on_progress: OnProgress | None, on_log: OnLog | None, stdin: int, beat: Beat
    ) -> None:
        self._beat = beat
        self._tail: deque[tuple[LogLevel, str]] = deque(maxlen=_TAIL_LINES)
        self._feeding = threading.Lock()
        self._stopped = False
        self._listen_until: float | None = None  # to what it said, once it has ended; monotonic
        self._popen = _start(argv, stdin)
        self._activity = Activity(self._popen.pid, _output(argv))
        self._listeners = [
            threading.Thread(target=self._listen_log, args=(on_log,), name="ffmpeg-log", daemon=True),
            threading.Thread(target=self._listen_progress, args=(on_progress,), name="ffmpeg-progress", daemon=True),
        ]
        for listener in self._listeners:
            listener.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def feed(self, data: memoryview) -> bool:
        """Write all of `data` to stdin, which may take it in parts; False when nobody reads it any more."""
        stdin = self._stdin()
        with self._feeding:
            try:
                while data and not stdin.closed:
                    data = data[stdin.write(data) :]
                    self._beat()
            except BrokenPipeError:
                return False
            return not data

    def close_stdin(self) -> None:
        """Tell the process that there is no more."""
        self._stdin().close()

    def ended(self, timeout: float | None) -> bool:
        """Wait up to `timeout` seconds; True once the process has ended and its log is read."""
        try:
            self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        if self._listen_until is None:
            self._listen_until = time.monotonic() + _LISTEN_SECONDS
        for listener in self._listeners:
            listener.join(max(0.0, self._listen_until - time.monotonic()))
        return True

    def look(self) -> None:
        """Beat, where the process has read or written something since the last look."""
        if self._activity.moved():
            self._beat()

    def check(self, *, unfinished: bool = False) -> None:
        """Raise what the ended process failed with; `unfinished`: also where it says that it did not fail."""
        if self._stopped:
            raise CancelledError("ffmpeg was stopped")
        code = self._popen.returncode
        if code or unfinished:
            raise failure(code, list(self._tail))

    def close(self) -> None:
        """Kill and reap."""
        if self._popen.poll() is None:
            self._stopped = True
            self._popen.kill()
        self.ended(None)
        # A thread in `feed` is woken by the kill. Its descriptor must not be closed, and used anew, under it.
        with self._feeding:
            for stream in (self._popen.stdin, self._popen.stdout, self._popen.stderr):
                if stream is not None:
                    stream.close()

    def _stdin(self) -> IO[bytes]:
        if self._popen.stdin is None:
            raise ValueError("this process reads nothing")
        return self._popen.stdin

    def _listen_log(self, on_log: OnLog | None) -> None:
        for raw in _lines(self._popen.stderr):
            level, text = parse_log(raw.decode("utf-8", "replace").rstrip())
            if text:
                self._tail.append((level, text))
                if on_log:
                    on_log(level, text)

    def _listen_progress(self, on_progress: OnProgress | None) -> None:
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
    """Lines as they come, a long one in parts. The pipe itself would be read byte by byte."""
    with io.BufferedReader(cast(io.RawIOBase, pipe)) as buffered:
        while line := buffered.readline(_LINE_BYTES):
            yield line


def _output(argv: Sequence[str]) -> Path | None:
    """The file that a command of `framewatch.media.commands.commands` writes, which is its last word."""
    return Path(argv[-1].removeprefix("file:")) if argv[-1].startswith("file:") else None


def _start(argv: Sequence[str], stdin: int) -> subprocess.Popen[bytes]:
    quiet = {"AV_LOG_FORCE_NOCOLOR": "1", "SVT_LOG": "1"}  # SVT-AV1 writes to stderr past ffmpeg's log level
    try:
        popen = subprocess.Popen(
            list(argv),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=os.environ | quiet,
        )
    except OSError as error:
        hint = "put it back; the job goes on by itself"
        raise ToolMissingError(f"{argv[0]} cannot be started: {error.strerror}", hint=hint) from None
    if popen.stdin is not None and hasattr(fcntl, "F_SETPIPE_SZ"):  # Linux; only a wish
        with contextlib.suppress(OSError):
            fcntl.fcntl(popen.stdin, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return popen
