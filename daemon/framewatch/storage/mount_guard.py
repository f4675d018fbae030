"""How the root of a folder is opened: only while its disk is mounted, and without following strangers' links."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from framewatch.storage import beneath
from framewatch.storage.links import resolve
from framewatch.storage.os_errors import storage_faults


class Guard(Protocol):
    """Opens roots. `framewatch.storage.mounts.Mounts` implements it for the roots of the configuration."""

    def open(self, root: Path) -> int:
        """Open a root and return its descriptor. Work done through it stays on the disk that was checked.

        Raises:
            StorageError: `storage.not_mounted`, `storage.symlink`, or another error of opening the root.
        """

    def require(self, root: Path) -> None:
        """Check that a root can be opened.

        Raises:
            StorageError: as for `open`.
        """

    def real_path(self, root: Path) -> Path:
        """Return the path of a root without links, for another process that opens files below it.

        Raises:
            StorageError: `storage.symlink` for a link that is not to be trusted.
        """


class Unguarded:
    """Opens every root: for folders of framewatch's own, and for those that a command names."""

    def open(self, root: Path) -> int:
        """Open it, following links that nobody else could have made."""
        with storage_faults(root):
            return beneath.open_path(resolve(root), beneath.FOLDER)

    def require(self, root: Path) -> None:
        """Accept it."""

    def real_path(self, root: Path) -> Path:
        """Return its path without links."""
        return resolve(root)


UNGUARDED = Unguarded()
