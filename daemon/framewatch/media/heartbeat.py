"""Signs that work gets on where no count of frames shows it: something was read, decoded, computed or written."""

from __future__ import annotations

from collections.abc import Callable

Beat = Callable[[], None]
"""Called for each sign, from any thread, thousands of times a second. What it raises ends the work."""


def unheard() -> None:
    """A beat that nobody listens to."""


class Heartbeat:
    """Counts beats."""

    def __init__(self) -> None:
        """None so far."""
        self.beats = 0

    def __call__(self) -> None:
        """Count one. Of two threads at the same moment one may be lost, which is of no matter."""
        self.beats += 1
