"""Threads for work that may hang on a dead share, and locks by name."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

Work = Callable[[], None]
Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")

POLL_SECONDS = 0.1  # between two looks at whether an answer is still wanted


class FolderQueues:
    """A queue of work for each watch folder: in order within a folder, in parallel for different ones.

    A share that is dead thus delays its own folder only. A folder has a thread while there is work for it. One that
    hangs is left behind by `stop`.
    """

    def __init__(self, name: str, fail: Callable[[Exception], None]) -> None:
        """`name` is the prefix of the threads' names; `fail` gets what work raises."""
        self._name = name
        self._fail = fail
        self._waiting: dict[str, deque[Work]] = {}  # by folder; a folder is here while it has a thread
        self._changed = threading.Condition()
        self._stopped = False

    def put(self, folder: str, work: Work) -> None:
        """Run this after what was put in before for the same folder."""
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
        """Return whether work runs or waits for this folder."""
        with self._changed:
            return folder in self._waiting

    @property
    def idle(self) -> bool:
        """Whether no work runs or waits."""
        with self._changed:
            return not self._waiting

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called: long work should end soon."""
        return self._stopped

    def stop(self, seconds: float) -> bool:
        """Start no more work; True if the running work ended within `seconds`."""
        with self._changed:
            self._stopped = True
            return self._changed.wait_for(lambda: not self._waiting, max(0.0, seconds))

    def _run(self, folder: str) -> None:
        while (work := self._next(folder)) is not None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - the thread's boundary
                if not self._stopped:  # work that was left behind finds the store closed
                    self._fail(error)

    def _next(self, folder: str) -> Work | None:
        with self._changed:
            waiting = self._waiting[folder]
            if waiting and not self._stopped:
                return waiting.popleft()
            del self._waiting[folder]
            self._changed.notify_all()
            return None


class NoAnswerError(Exception):
    """A call that touches a share did not end in time; its share may be dead."""


class FolderCalls:
    """Calls that touch the share of a watch folder, made in order on the folder's own thread.

    Whoever calls waits for a limited time: a call that hangs keeps the folder's thread, and no other.
    """

    def __init__(self, name: str) -> None:
        """`name` is the prefix of the threads' names."""
        self._queues = FolderQueues(name, lambda _: None)  # what a call raises goes to its caller
        self._began: dict[str, float] = {}  # by folder: when the call under way began

    def call(
        self,
        folder: str,
        question: Callable[[], Answer],
        seconds: float | None,
        wanted: Callable[[], bool] = lambda: True,
    ) -> Answer:
        """Return what `question` returns, or raise what it raises.

        Args:
            folder: the name of a watch folder.
            question: the call.
            seconds: how long to wait. Not at all, if an earlier call has hung for longer. None: without a limit.
            wanted: whether to wait on; asked several times a second.

        Raises:
            NoAnswerError: no answer came in time, or it is no longer wanted. A call that has not begun is left out.
        """
        began = self._began.get(folder)
        if seconds is not None and began is not None and time.monotonic() >= began + seconds:
            raise NoAnswerError
        answer: Future[Answer] = Future()
        self._queues.put(folder, partial(copy_context().run, self._ask, folder, question, answer))
        deadline = float("inf") if seconds is None else time.monotonic() + seconds
        while not answer.done():
            with suppress(TimeoutError):
                answer.exception(POLL_SECONDS)
            if not answer.done() and (time.monotonic() >= deadline or not wanted()):
                answer.cancel()
                raise NoAnswerError
        return answer.result()

    def _ask(self, folder: str, question: Callable[[], Answer], answer: Future[Answer]) -> None:
        if not answer.set_running_or_notify_cancel():
            return
        self._began[folder] = time.monotonic()
        try:
            found = question()
        except BaseException as error:  # noqa: BLE001 - the caller gets it
            del self._began[folder]
            answer.set_exception(error)
        else:
            del self._began[folder]
            answer.set_result(found)


def answers(questions: Mapping[Key, Callable[[], Answer]], seconds: float) -> dict[Key, Answer]:
    """Ask all at once, each on a thread of its own, and return the answers that came within `seconds`.

    A question about a dead share may never be answered; its thread is then left behind. Questions raise nothing.
    """
    came: queue.SimpleQueue[tuple[Key, Answer]] = queue.SimpleQueue()

    def ask(key: Key, question: Callable[[], Answer]) -> None:
        came.put((key, question()))

    for key, question in questions.items():
        threading.Thread(target=ask, args=(key, question), name=f"ask-{key}", daemon=True).start()
    found: dict[Key, Answer] = {}
    deadline = time.monotonic() + seconds
    with suppress(queue.Empty):
        while len(found) < len(questions):
            key, answer = came.get(timeout=max(0.0, deadline - time.monotonic()))
            found[key] = answer
    return found


@dataclass(slots=True)
class _Entry:
    lock: threading.Lock = field(default_factory=threading.Lock)
    users: int = 0  # threads that have or wait for the lock


class NamedLocks:
    """Locks by name. A name that no thread has or waits for takes no memory."""

    def __init__(self) -> None:
        self._guard = threading.Lock()  # of the table
        self._entries: dict[Hashable, _Entry] = {}

    @contextmanager
    def of(self, name: Hashable) -> Iterator[None]:
        """Hold the lock of this name while the block runs."""
        with self._guard:
            entry = self._entries.setdefault(name, _Entry())
            entry.users += 1
        try:
            with entry.lock:
                yield
        finally:
            with self._guard:
                entry.users -= 1
                if not entry.users:
                    del self._entries[name]
