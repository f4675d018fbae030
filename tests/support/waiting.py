"""Waiting for conditions, in one place: tests await what they assert instead of sleeping."""

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
    story: Callable[[], str] = str,
) -> Value:
    """The first truthy value of `probe` within `timeout` seconds; fails with `story()` otherwise."""
    deadline = time.monotonic() + timeout
    while True:
        value = probe()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what} did not come true within {timeout} s\n{story()}"
        _PAUSE.wait(0.03)
