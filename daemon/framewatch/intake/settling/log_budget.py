"""Bounds what names in a watch folder make framewatch log: whoever writes there may exchange them for ever."""

from __future__ import annotations

from collections import deque

MOST_LINES = 100
WITHIN_SECONDS = 3600.0


class LogBudget:
    """Lines about single files of one watch folder: at most 100 an hour."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=MOST_LINES)

    def takes(self, now: float) -> bool:
        """Return whether one more line may be logged, and count it; `now` in seconds of a clock that never jumps."""
        if len(self._times) == MOST_LINES and now - self._times[0] < WITHIN_SECONDS:
            return False
        self._times.append(now)
        return True
