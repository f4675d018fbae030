"""Decide when a file that another program writes is finished. Pure: snapshots, events and the time are passed in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from framewatch.domain import FileIdentity


class Snapshot(NamedTuple):
    """The state of a regular file at one moment; small, since a folder may hold tens of thousands of files."""

    device: int
    inode: int
    size: int  # bytes
    mtime_ns: int

    def is_version(self, other: Snapshot, *, by_inode: bool) -> bool:
        """Return whether both are of the same version of a file.

        Args:
            other: a snapshot of the same path.
            by_inode: whether the file system keeps device and inode numbers. Network file systems and FUSE may change
                them at any time.
        """
        return self == other if by_inode else self[2:] == other[2:]

    def identity(self) -> FileIdentity:
        """Return it as the record that jobs keep."""
        return FileIdentity(**self._asdict())


@dataclass(slots=True)
class _Candidate:
    snapshot: Snapshot
    quiet_since: float


class SettleTracker:
    """The files that are not known to be finished yet.

    A file is settled when

    1. it is a regular file with the same size and mtime in every snapshot and, `by_inode`, the same device and inode,
    2. at least `settle_seconds` have passed since the first of these snapshots on the monotonic clock,
    3. and no event reported the file during that time.

    The value of mtime does not matter, only that it stays the same. A file that changes, is replaced or renamed
    starts again. Files settle independently. `framewatch.intake.ready_check` finds out whether a program still has
    the file open for writing.
    """

    def __init__(self, settle_seconds: float) -> None:
        self._settle_seconds = settle_seconds
        self._candidates: dict[str, _Candidate] = {}
        self.by_inode = True  # whether the file system keeps device and inode numbers

    def observe(self, path: str, snapshot: Snapshot, now: float) -> bool:
        """Record a snapshot; returns whether the file is settled. It stays known until `forget`."""
        candidate = self._candidates.get(path)
        if candidate is None or not candidate.snapshot.is_version(snapshot, by_inode=self.by_inode):
            self._candidates[path] = _Candidate(snapshot, now)
            return False
        return now >= self._due(candidate)

    def touch(self, path: str, now: float) -> None:
        """Restart the settle time of a known file: an event reported it."""
        if candidate := self._candidates.get(path):
            candidate.quiet_since = now

    def forget(self, path: str) -> None:
        """Forget a file that vanished or was offered."""
        self._candidates.pop(path, None)

    def due(self, now: float) -> list[str]:
        """Return the files that are settled if they are unchanged now."""
        return [path for path, candidate in self._candidates.items() if now >= self._due(candidate)]

    def next_due(self) -> float | None:
        """Return when the next file may be settled, on the same clock; None while there is none."""
        return min(map(self._due, self._candidates.values()), default=None)

    def _due(self, candidate: _Candidate) -> float:
        return candidate.quiet_since + self._settle_seconds

    def __contains__(self, path: str) -> bool:
        return path in self._candidates

    def __iter__(self) -> Iterator[str]:
        return iter(self._candidates)

    def __len__(self) -> int:
        return len(self._candidates)
