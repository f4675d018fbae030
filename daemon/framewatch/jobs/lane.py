"""A lane as the runner sees it: what it takes, and with what it works."""

from __future__ import annotations

import threading
from collections.abc import Callable

from framewatch.domain import Job
from framewatch.jobs import events as ev

Render = Callable[[Job, threading.Event], ev.Event]


class Lane:
    """What a lane takes, and with what it works."""

    def __init__(self, name: str, *, gpu: bool, render: Render, close: Callable[[], None]) -> None:
        """`gpu`: which jobs it takes; `render` makes a result; `close` ends the worker process, from any thread."""
        self.name = name
        self.gpu = gpu
        self.render = render
        self.close = close
