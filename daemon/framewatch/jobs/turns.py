"""A lock for each thing of a kind, so that one that takes long makes nobody wait but those who want the same."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Turn:
    lock: threading.Lock = field(default_factory=threading.Lock)
    wanted: int = 0  # by so many threads, the one that has it included


class Turns:
    """Locks by name. Nothing is remembered of a name that no thread has or waits for."""

    def __init__(self) -> None:
        self._guard = threading.Lock()  # over the table alone
        self._turns: dict[Hashable, _Turn] = {}

    @contextmanager
    def of(self, name: Hashable) -> Iterator[None]:
        """Wait until no other thread has this name's turn, and hold it while the block runs."""
        with self._guard:
            turn = self._turns.setdefault(name, _Turn())
            turn.wanted += 1
        try:
            with turn.lock:
                yield
        finally:
            with self._guard:
                turn.wanted -= 1
                if not turn.wanted:
                    del self._turns[name]
