"""Wait for conditions: tests await what they assert instead of sleeping."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")
_PAUSE = threading.Event()


def eventually(
    probe: Callable[[], Value],
    *,
    timeout: float = 60,
    what: str = "the condition",
    details: Callable[[], str] = str,
) -> Value:
    """Return the first truthy value of `probe` within `timeout` seconds; else fail with `details()`."""
    deadline = time.monotonic() + timeout
    while True:
        value = probe()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what} did not come true within {timeout} s\n{details()}"
        _PAUSE.wait(0.03)
