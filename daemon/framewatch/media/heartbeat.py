"""Signs of progress where no count of frames shows it: something was read, decoded, computed or written.

A worker is judged by what it does, not by its messages: a log line is no progress, and many minutes may pass between
two frames.
"""

from __future__ import annotations

from collections.abc import Callable

Beat = Callable[[], None]
"""Called for each sign, from any thread, thousands of times per second. What it raises ends the work."""


def no_beat() -> None:
    """A beat that is ignored."""


class Heartbeat:
    """Counts beats."""

    def __init__(self) -> None:
        """Start at none."""
        self.beats = 0

    def __call__(self) -> None:
        """Count one. When two threads beat at the same moment, one may be lost, which does not matter."""
        self.beats += 1
