"""How long files wait to be taken: those with long runs of zeros for a bounded time, others as long as they change.

Pure but for the log: the time is passed in.
"""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from framewatch.errors import Finding
from framewatch.intake.settle_tracker import Snapshot
from framewatch.intake.settling.log_budget import LogBudget
from framewatch.text import printable

_REPORTED_AFTER = 2  # times the wait for an unfilled file, so that those are not reported as well

_log = structlog.get_logger("framewatch.intake")


class Patience:
    """The waiting files of one watch folder.

    Log events: folder.incomplete, folder.never_settles.
    """

    def __init__(self, folder: str, seconds: float) -> None:
        """`seconds` is how long a file with long runs of zeros is given to be filled, after its last change."""
        self._folder = folder
        self._seconds = seconds
        self._unfilled: dict[str, tuple[Snapshot, float]] = {}
        self._since: dict[str, float] = {}
        self._reported: set[str] = set()
        self._budget = LogBudget()

    def waits_for(self, path: str, snapshot: Snapshot, now: float) -> bool:
        """Return whether to give an unfilled file more time; a change gives it all of its time again."""
        known = self._unfilled.get(path)
        if known is None or known[0] != snapshot:
            if known is None and self._budget.takes(now):
                _log.info("folder.incomplete", folder=self._folder, path=path, seconds=self._seconds)
            self._unfilled[path] = known = (snapshot, now)
        return now - known[1] < self._seconds

    def update(self, settling: Iterable[str], now: float) -> None:
        """Note which files are not settled now, and log those that have not been for long, each once."""
        waiting = set(settling)
        self._since = {path: self._since.get(path, now) for path in waiting}
        self._unfilled = {path: known for path, known in self._unfilled.items() if path in waiting}
        self._reported &= waiting
        for path in sorted(self._overdue(now) - self._reported):
            seconds = round(now - self._since[path])
            if self._budget.takes(now):
                _log.warning("folder.never_settles", folder=self._folder, path=path, seconds=seconds)
            self._reported.add(path)

    def finding(self, now: float) -> Finding | None:
        """Return what to show of the files that wait; None if there is nothing to tell."""
        overdue = self._overdue(now)
        if overdue:
            path = min(overdue, key=lambda each: (self._since[each], each))
            message = f"{printable(path)} has not settled for {_duration(now - self._since[path])}{_more(overdue)}"
            hint = "a program still changes it, or has it open for writing; if it should not, end that program"
            return Finding("folder.never_settles", message, hint)
        if self._unfilled:
            path = min(self._unfilled)
            rest = _more(self._unfilled)
            message = f"{printable(path)} has long runs of zeros, as a file that is still being written{rest}"
            hint = f"it is taken {_duration(self._seconds)} after its last change, whatever is in it then"
            return Finding("folder.incomplete", message, hint)
        return None

    def _overdue(self, now: float) -> set[str]:
        return {path for path, since in self._since.items() if now - since > _REPORTED_AFTER * self._seconds}


def _more(paths: Iterable[str]) -> str:
    others = len(list(paths)) - 1
    return f", and {others} more" if others else ""


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
