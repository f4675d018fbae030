"""Work that touches shares, on threads of its own: a share that is dead stops its own folder and no other."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Work = Callable[[], None]


class FolderQueues:
    """Runs what is put in: in order within a watch folder, side by side for different ones.

    A folder has a thread while there is something to run for it. One that hangs is left behind when all stops.
    """

    def __init__(self, name: str, failed: Callable[[Exception], None]) -> None:
        """`name` is shown in the names of the threads; `failed` hears of what work raises."""
        self._name = name
        self._failed = failed
        self._waiting: dict[str, deque[Work]] = {}  # of each folder that has a thread: what comes next
        self._changed = threading.Condition()
        self._stopped = False

    def put(self, folder: str, work: Work) -> None:
        """Run this soon, after what was put in for the same folder."""
        with self._changed:
            if self._stopped:
                return
            waiting = self._waiting.get(folder)
            if waiting is not None:
                waiting.append(work)
                return
            self._waiting[folder] = deque([work])
        threading.Thread(target=self._run, args=(folder,), name=f"{self._name}-{folder}", daemon=True).start()

    def busy(self, folder: str) -> bool:
        """Whether something runs or waits for this folder."""
        with self._changed:
            return folder in self._waiting

    @property
    def idle(self) -> bool:
        """Whether nothing runs, and nothing waits."""
        with self._changed:
            return not self._waiting

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called: long work should end at the next occasion."""
        return self._stopped

    def stop(self, seconds: float) -> bool:
        """Begin nothing more; true when what had begun was over within `seconds`."""
        with self._changed:
            self._stopped = True
            return self._changed.wait_for(lambda: not self._waiting, max(0.0, seconds))

    def _run(self, folder: str) -> None:
        while (work := self._next(folder)) is not None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - the thread's boundary
                if not self._stopped:  # one that was left behind finds the store closed
                    self._failed(error)

    def _next(self, folder: str) -> Work | None:
        with self._changed:
            waiting = self._waiting[folder]
            if waiting and not self._stopped:
                return waiting.popleft()
            del self._waiting[folder]
            self._changed.notify_all()
            return None


@dataclass(slots=True)
class _Turn:
    lock: threading.Lock = field(default_factory=threading.Lock)
    wanted: int = 0  # by so many threads, the one that has it included


class NamedLocks:
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
