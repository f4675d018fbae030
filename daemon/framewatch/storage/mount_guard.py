"""What is asked before anything is looked for or written in a root of a watch folder."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Guard(Protocol):
    """Knows whether the disk of a root is there. `framewatch.storage.mounts` has the real one."""

    def require(self, root: Path) -> None:
        """Go on if the disk of `root` is mounted.

        Raises:
            StorageError: `storage.not_mounted`, or what the operating system says of the root.
        """

    def check(self, root: Path, descriptor: int) -> None:
        """The same for a root that is open: what is then done by way of the descriptor cannot miss its disk.

        Raises:
            StorageError: as for `require`.
        """


class Unguarded:
    """Takes every root as it is: for folders that are framewatch's own."""

    def require(self, root: Path) -> None:
        """Always go on."""

    def check(self, root: Path, descriptor: int) -> None:
        """Always go on."""


UNGUARDED = Unguarded()
