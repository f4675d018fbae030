"""Parses what ffmpeg prints: its log, its progress reports, and the reason of a failure. Pure."""

from __future__ import annotations

import errno
import re
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from framewatch.domain import Record
from framewatch.errors import CrashError, FramewatchError, StorageError, WorkerError
from framewatch.media.crash_signals import is_crash, signal_text
from framewatch.media.out_of_memory import complaint, ffmpeg_too_costly, output_too_costly
from framewatch.media.process_bounds import NO_BOUNDS, Bounds
from framewatch.storage.os_errors import storage_error

LogLevel = Literal["debug", "info", "warning", "error"]

_LEVELS: dict[str, LogLevel] = {
    "panic": "error",
    "fatal": "error",
    "error": "error",
    "warning": "warning",
    "info": "info",
    "verbose": "debug",
    "debug": "debug",
    "trace": "debug",
}
_LEVEL = re.compile(r"\[(" + "|".join(_LEVELS) + r")\] ?")
_ADDRESS = re.compile(r" @ 0x[0-9a-f]+")
# Consequences that ffmpeg logs after an error. They do not help to find the cause.
_AFTERMATH = re.compile(
    r"Task finished with error|Terminating thread|Error sending frames|Nothing was written|Conversion failed"
    r"|Error while filtering|received no packets|Could not open encoder before EOF|Error submitting"
    r"|Last message repeated"
)
_TERMINATED = "terminate called"  # by the C++ library, which has no levels
# Warnings that users can do nothing about: every ffmpeg since 4.4 knows this option, and no other one does the same.
# Where frames change in the middle, the filters that get them follow.
_HARMLESS = re.compile(
    r"Setting chroma position directly is deprecated|Changing video frame properties on the fly|filter context - w:"
)


class EncodeProgress(Record):
    """A progress report of ffmpeg."""

    frames: int = 0  # video frames written
    seconds: float = 0.0  # of the output
    bytes: int = 0  # written so far
    speed: float | None = None  # seconds of output per second of time
    done: bool = False


def parse_log(line: str) -> tuple[LogLevel, str]:
    """Return level and text of a line of ffmpeg's log (`-loglevel level+...`), without memory addresses."""
    found = _LEVEL.search(line)
    level = _LEVELS[found[1]] if found else "info"
    level = "debug" if _HARMLESS.search(line) else level
    return level, _ADDRESS.sub("", _LEVEL.sub("", line, count=1)).strip()


def parse_progress(report: dict[str, str]) -> EncodeProgress:
    """Parse a report of `-progress`. What ffmpeg does not know yet ("N/A") is 0 or None."""
    return EncodeProgress(
        frames=int(_float(report.get("frame")) or 0),
        seconds=max(0.0, (_float(report.get("out_time_us")) or 0.0) / 1e6),
        bytes=int(_float(report.get("total_size")) or 0),
        speed=_float(report.get("speed", "").removesuffix("x")),
        done=report.get("progress") == "end",
    )


def failure(
    code: int,
    tail: Sequence[tuple[LogLevel, str]],
    bounds: Bounds = NO_BOUNDS,
    *,
    output: Path | None = None,
    readable: Callable[[str], str] = str,
) -> FramewatchError:
    """Return the error for a process that ended with `code` and logged `tail` last.

    Args:
        code: its exit code.
        tail: level and text of its last lines, without the names of inputs.
        bounds: that it ran under.
        output: the file that it wrote.
        readable: puts the names of inputs into a text.
    """
    text = _said(tail, output)
    if "No space left on device" in text or "Disk quota exceeded" in text:
        return StorageError("there is no space for the output", code="storage.full", hint="free some space")
    if bounds.file is not None and code == -signal.SIGXFSZ:
        return output_too_costly(bounds.file)
    if "File too large" in text:  # with no signal: it is the limit of a file system
        return storage_error(OSError(errno.EFBIG, "the output is too large"), output or Path("-"))
    if bounds.ffmpeg is not None and (found := complaint(text)):
        return ffmpeg_too_costly(found, bounds.ffmpeg)
    if code < 0:
        message = f"ffmpeg was killed by {signal_text(-code)}"
        if is_crash(-code):
            return CrashError(message, code="ffmpeg.killed")
        return WorkerError(message, code="ffmpeg.killed", hint="the system may be out of memory")
    errors = [line for level, line in tail if level == "error" and not _AFTERMATH.search(line)]
    reason = "; ".join(dict.fromkeys(errors[:3])) or (tail[-1][1] if tail else "it logged nothing")
    return WorkerError(f"ffmpeg failed: {readable(reason)}", code="ffmpeg.failed", hint=_hint(text))


def _said(tail: Sequence[tuple[LogLevel, str]], output: Path | None) -> str:
    """Return the errors in the log, without what a user can have written: names, and tags, which are no errors."""
    errors = "\n".join(line for level, line in tail if level == "error" or line.startswith(_TERMINATED))
    return errors.replace(str(output), "") if output else errors


def _hint(text: str) -> str:
    if "Unknown encoder" in text:
        return "this ffmpeg was built without the encoder: configure another ffmpeg, or choose another codec"
    if "Invalid data found" in text:
        return "the source is damaged"
    if "Cannot load libcuda" in text or "No capable devices found" in text or "OpenEncodeSessionEx failed" in text:
        return "the NVIDIA encoder does not work on this machine: use libx264 or libx265"
    return ""


def _float(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
