"""How the thread that has a job is asked to let go of it."""

from __future__ import annotations

import threading
from typing import Literal

Reason = Literal["cancel", "interrupt"]


class Stop:
    """Asks the thread that has a job to let go of it, and says why."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.reason: Reason = "interrupt"

    def set(self, reason: Reason) -> None:
        """Ask; the first reason counts."""
        if not self.event.is_set():
            self.reason = reason
            self.event.set()
