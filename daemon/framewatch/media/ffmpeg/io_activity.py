"""Whether a process that prints nothing is still working, told by what it reads and writes.

ffmpeg reports no progress before the first frame that it writes, and none while it moves the index of a finished file
to the front. That rewrites the file, which takes many minutes if the file is large.
"""

from __future__ import annotations

from pathlib import Path

_READ = "rchar:"


class IoActivity:
    """Watches one process.

    On Linux the bytes that it has read count, of its source or of a file that it rewrites. Bytes written would not
    do, because they include its reports that nothing has happened. Elsewhere the size and the modification time of
    its output count.
    """

    def __init__(self, pid: int, out: Path | None) -> None:
        """`out` is the file that the process writes; None if it writes none."""
        self._counters = Path(f"/proc/{pid}/io")
        self._out = out
        self._last: object = None

    def changed(self) -> bool:
        """Return whether the process has done something since the last call."""
        before, self._last = self._last, self._state()
        return self._last != before

    def _state(self) -> object:
        try:
            lines = self._counters.read_text("ascii").splitlines()
        except OSError:
            return self._output_state()
        return next((line for line in lines if line.startswith(_READ)), None)

    def _output_state(self) -> object:
        try:
            found = self._out.stat() if self._out else None
        except OSError:
            return None
        return found and (found.st_size, found.st_mtime_ns)
