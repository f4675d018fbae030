"""The files of a folder by state: settling, taken, left alone or refused. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from framewatch.intake.settle_tracker import SettleTracker, Snapshot


class FileStates:
    """The state of every known file of a folder: settling, taken, left alone or refused.

    A taken file, or one that is left alone, is not offered again while the same version is there; a new version
    settles again. A refused file is offered again at a rescan. Files that vanish are forgotten, so memory is bounded
    by the size of the folder.
    """

    def __init__(self, settle_seconds: float) -> None:
        self._settling = SettleTracker(settle_seconds)
        self._taken: dict[str, Snapshot] = {}
        self._refused: dict[str, Snapshot] = {}
        self._left_alone: dict[str, Snapshot] = {}

    def observe(self, path: str, snapshot: Snapshot, now: float, *, rescan: bool = False) -> bool:
        """Record a snapshot of a file; returns whether to offer the file now."""
        if self._is_known(self._taken.get(path), snapshot) or self._is_known(self._left_alone.get(path), snapshot):
            return False
        if self._is_known(self._refused.get(path), snapshot):
            return rescan
        self._taken.pop(path, None)
        self._left_alone.pop(path, None)
        self._refused.pop(path, None)
        return self._settling.observe(path, snapshot, now)

    def use_inodes(self, *, by_inode: bool) -> None:
        """Say whether device and inode numbers tell versions apart: else only size and mtime do."""
        self._settling.by_inode = by_inode

    def _is_known(self, known: Snapshot | None, snapshot: Snapshot) -> bool:
        return known is not None and known.is_version(snapshot, by_inode=self._settling.by_inode)

    @property
    def settling(self) -> tuple[str, ...]:
        """The files that are not settled yet."""
        return tuple(self._settling)

    def touch(self, path: str, now: float) -> None:
        """Restart the settle time of a file: an event reported it, or it is open for writing."""
        self._settling.touch(path, now)

    def taken(self, path: str, snapshot: Snapshot) -> None:
        """Record that the file was offered and taken."""
        self.vanished(path)
        self._taken[path] = snapshot

    def left_alone(self, path: str, snapshot: Snapshot) -> None:
        """Record that the file was offered, and is of another kind than the folder's preset is for."""
        self.vanished(path)
        self._left_alone[path] = snapshot

    def refused(self, path: str, snapshot: Snapshot) -> None:
        """Record that the file was offered and refused."""
        self.vanished(path)
        self._refused[path] = snapshot

    def vanished(self, path: str) -> None:
        """Forget the file: it is gone, or whatever is there now counts as new."""
        self._settling.forget(path)
        self._taken.pop(path, None)
        self._left_alone.pop(path, None)
        self._refused.pop(path, None)

    def retain(self, seen: set[str], unseen: Callable[[str], bool]) -> None:
        """Forget files that a whole scan did not see, except those that it may have missed (`unseen`)."""
        known: Iterable[str] = (*self._settling, *self._taken, *self._left_alone, *self._refused)
        for path in [path for path in known if path not in seen and not unseen(path)]:
            self.vanished(path)

    def due(self, now: float) -> list[str]:
        """Return the files that are settled if they are unchanged now."""
        return self._settling.due(now)

    def next_due(self) -> float | None:
        """Return when the next file may be settled; None while no file is settling."""
        return self._settling.next_due()

    def is_left_alone(self, path: str) -> bool:
        """Return whether the file was offered and left alone."""
        return path in self._left_alone

    def knows(self, path: str) -> bool:
        """Return whether the file is known."""
        return any(path in each for each in (self._settling, self._taken, self._left_alone, self._refused))

    def waiting(self) -> Iterable[str]:
        """Yield the files that are not settled yet, or were refused."""
        yield from self._settling
        yield from self._refused

    @property
    def settling_count(self) -> int:
        """The number of files that are not settled yet."""
        return len(self._settling)

    @property
    def refused_count(self) -> int:
        """The number of files that were offered and refused."""
        return len(self._refused)

    @property
    def left_alone_count(self) -> int:
        """The number of files that were offered and left alone."""
        return len(self._left_alone)
