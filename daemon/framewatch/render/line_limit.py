"""Limits how much a worker and its tools may log: a library may complain of each glyph of each frame."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

AT_ONCE = 200  # lines; more than the start and the end of any ordinary command print together
PER_SECOND = 1.0


class LineLimit:
    """Lets so many lines pass at once and so many a second, and counts the others. Thread-safe."""

    def __init__(
        self,
        at_once: int = AT_ONCE,
        per_second: float = PER_SECOND,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._at_once, self._per_second, self._clock = at_once, per_second, clock
        self._lock = threading.Lock()
        self._room = float(at_once)
        self._seen_at = clock()
        self._left_out = 0

    def admit(self) -> int | None:
        """Return how many lines were left out before this one; None if this one is left out, too."""
        with self._lock:
            now = self._clock()
            self._room = min(self._room + (now - self._seen_at) * self._per_second, self._at_once)
            self._seen_at = now
            if self._room < 1:
                self._left_out += 1
                return None
            self._room -= 1
            left_out, self._left_out = self._left_out, 0
            return left_out


def left_out_note(count: int) -> str:
    """Return the line that stands for those that were left out."""
    return f"{count} lines left out: at most {PER_SECOND:g} a second are logged"
