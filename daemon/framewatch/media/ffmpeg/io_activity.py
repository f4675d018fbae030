"""Whether a tool that says nothing is at work, told by what it reads and writes.

ffmpeg reports no progress before the first frame that it writes, and none while it moves a finished file's index to
the front, which rewrites the file: many minutes, where the file is large.
"""

from __future__ import annotations

from pathlib import Path

_READ = "rchar:"


class Activity:
    """Watches one process.

    Where the system tells (Linux), what counts are the bytes that it has read: of its source, or of a file that it
    rewrites. Bytes written would not do, for its reports that nothing happens are written too. Elsewhere it is the
    size and the time of its output.
    """

    def __init__(self, pid: int, out: Path | None) -> None:
        """`out` is the file that the process writes; None where it writes none."""
        self._counters = Path(f"/proc/{pid}/io")
        self._out = out
        self._last: object = None

    def moved(self) -> bool:
        """Whether it has done something since the last call."""
        before, self._last = self._last, self._now()
        return self._last != before

    def _now(self) -> object:
        try:
            lines = self._counters.read_text("ascii").splitlines()
        except OSError:
            return self._written()
        return next((line for line in lines if line.startswith(_READ)), None)

    def _written(self) -> object:
        try:
            found = self._out.stat() if self._out else None
        except OSError:
            return None
        return found and (found.st_size, found.st_mtime_ns)
