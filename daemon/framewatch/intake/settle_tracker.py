"""When is a file that somebody else writes finished? Pure: looks, events and the clock come from outside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from framewatch.domain import FileIdentity

EMPTY_FACTOR = 3  # some copiers first create an empty file and come back to it


class Snapshot(NamedTuple):
    """One look at a regular file; small, as there may be tens of thousands."""

    device: int
    inode: int
    size: int  # bytes
    mtime_ns: int

    def identity(self) -> FileIdentity:
        """The same as the record that jobs keep."""
        return FileIdentity(**self._asdict())


@dataclass(slots=True)
class _Candidate:
    snapshot: Snapshot
    quiet_since: float


class SettleTracker:
    """Files that are not yet known to be finished.

    A file is settled when

    1. it is looked at, and is a regular file with the same device, inode, size and mtime as at each look
    before,
    2. since the first of those looks at least `settle_seconds` have passed on the monotonic clock, three
       times as much when it is empty,
    3. and no event has told of it in that time.

    It does not matter what its mtime says, only that it stays. A file that changes, is replaced, or comes in
    by a rename starts anew. Files settle side by side; none waits for another. A file that is forgotten,
    because it vanished or was handed on, leaves nothing behind. Whether a program still holds the file open
    for writing is not known here: see `framewatch.intake.ready_check`.
    """

    def __init__(self, settle_seconds: float) -> None:
        self._settle_seconds = settle_seconds
        self._candidates: dict[str, _Candidate] = {}

    def look(self, path: str, snapshot: Snapshot, now: float) -> bool:
        """Note what a look has found; true when the file is settled. It stays known until `forget`."""
        candidate = self._candidates.get(path)
        if candidate is None or candidate.snapshot != snapshot:
            self._candidates[path] = _Candidate(snapshot, now)
            return False
        return now >= self._due(candidate)

    def touch(self, path: str, now: float) -> None:
        """An event told of the file: its quiet time starts anew. Unknown files are first to be looked at."""
        if candidate := self._candidates.get(path):
            candidate.quiet_since = now

    def forget(self, path: str) -> None:
        """The file vanished or was handed on."""
        self._candidates.pop(path, None)

    def due(self, now: float) -> list[str]:
        """The files that are settled if a look finds them unchanged now."""
        return [path for path, candidate in self._candidates.items() if now >= self._due(candidate)]

    def next_due(self) -> float | None:
        """When the first file may be settled, on the same clock; None while there is none."""
        return min(map(self._due, self._candidates.values()), default=None)

    def _due(self, candidate: _Candidate) -> float:
        factor = 1 if candidate.snapshot.size else EMPTY_FACTOR
        return candidate.quiet_since + factor * self._settle_seconds

    def __contains__(self, path: str) -> bool:
        return path in self._candidates

    def __iter__(self) -> Iterator[str]:
        return iter(self._candidates)

    def __len__(self) -> int:
        return len(self._candidates)
