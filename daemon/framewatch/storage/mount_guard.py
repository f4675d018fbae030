"""The check made before anything is read or written below a root of a watch folder."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Guard(Protocol):
    """Checks that the disk of a root is mounted. `framewatch.storage.mounts.Mounts` implements it."""

    def require(self, root: Path) -> None:
        """Check that the disk of `root` is mounted.

        Raises:
            StorageError: `storage.not_mounted`, or the error of opening the root.
        """

    def check(self, root: Path, descriptor: int) -> None:
        """Check an open root. Work done through this descriptor stays on the disk that was checked.

        Raises:
            StorageError: as for `require`.
        """


class Unguarded:
    """Accepts every root: for folders of framewatch's own."""

    def require(self, root: Path) -> None:
        """Accept it."""

    def check(self, root: Path, descriptor: int) -> None:
        """Accept it."""


UNGUARDED = Unguarded()
