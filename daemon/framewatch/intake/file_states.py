"""Which files of a folder settle, which were handed on, and which were not taken. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from framewatch.intake.settle_tracker import SettleTracker, Snapshot


class FileStates:
    """Every file of a folder in at most one of three places: settling, taken, or refused.

    A file that was taken is not offered again while the same version lies there; a new version settles anew.
    A refused one is offered again at a rescan. What vanishes is forgotten, so the roster is never larger than
    the folder.
    """

    def __init__(self, settle_seconds: float) -> None:
        self._settling = SettleTracker(settle_seconds)
        self._taken: dict[str, Snapshot] = {}
        self._refused: dict[str, Snapshot] = {}

    def look(self, path: str, snapshot: Snapshot, now: float, *, rescan: bool = False) -> bool:
        """Note what a look has found; true when the file is to be offered now."""
        if self._taken.get(path) == snapshot:
            return False
        if self._refused.get(path) == snapshot:
            return rescan
        self._taken.pop(path, None)
        self._refused.pop(path, None)
        return self._settling.look(path, snapshot, now)

    def touch(self, path: str, now: float) -> None:
        """An event told of the file, or it is busy: its quiet time starts anew."""
        self._settling.touch(path, now)

    def taken(self, path: str, snapshot: Snapshot) -> None:
        """The file was offered, and taken."""
        self.vanished(path)
        self._taken[path] = snapshot

    def refused(self, path: str, snapshot: Snapshot) -> None:
        """The file was offered, and not taken."""
        self.vanished(path)
        self._refused[path] = snapshot

    def vanished(self, path: str) -> None:
        """The file is gone, or whatever lies there now is to be seen as new."""
        self._settling.forget(path)
        self._taken.pop(path, None)
        self._refused.pop(path, None)

    def retain(self, seen: set[str], unseen: Callable[[str], bool]) -> None:
        """After a whole rescan: forget what it did not see, except where it could not look."""
        known: Iterable[str] = (*self._settling, *self._taken, *self._refused)
        for path in [path for path in known if path not in seen and not unseen(path)]:
            self.vanished(path)

    def due(self, now: float) -> list[str]:
        """The files that are settled if a look finds them unchanged now."""
        return self._settling.due(now)

    def next_due(self) -> float | None:
        """When the first file may be settled; None while none is settling."""
        return self._settling.next_due()

    def knows(self, path: str) -> bool:
        """Whether the file was seen before."""
        return path in self._settling or path in self._taken or path in self._refused

    @property
    def settling_count(self) -> int:
        """Files that are not settled yet."""
        return len(self._settling)

    @property
    def refused_count(self) -> int:
        """Files that were offered and not taken."""
        return len(self._refused)
