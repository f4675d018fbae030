"""Reach the files of a folder that users name: only through its open descriptor, and never through a link below it.

Such a folder, the input, output, done or failed folder of the configuration, is called a root. Anybody may be able to
write below it, so a path is not enough to name a file there: each component could be replaced by a link at any time.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from framewatch.domain import FileIdentity, InputFile
from framewatch.errors import StorageError
from framewatch.storage import beneath, files
from framewatch.storage.free_space import free_bytes
from framewatch.storage.links import resolve
from framewatch.storage.os_errors import SYMLINK, outside_error, storage_error, storage_faults
from framewatch.storage.permissions.sharing import share_folder

# A folder that is not empty, is used as a mount point, or is none.
_NOT_REMOVABLE = (errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY, errno.ENOTDIR, errno.EINVAL)


class Names(NamedTuple):
    """The names in a folder."""

    files: list[str]  # regular files
    folders: list[str]
    others: list[str]  # links, pipes, devices


class Guard(Protocol):
    """Opens roots. `framewatch.storage.mounts.Mounts` implements it for the roots of the configuration."""

    def open(self, root: Path) -> int:
        """Open a root and return its descriptor. Work done through it stays on the disk that was checked.

        Raises:
            StorageError: `storage.not_mounted`, `storage.symlink`, or another error of opening the root.
        """

    def real_path(self, root: Path) -> Path:
        """Return the path of a root without links, for another process that opens files below it.

        Raises:
            StorageError: `storage.symlink` for a link that is not to be trusted.
        """

    def seen(self) -> Mapping[tuple[int, int], Path]:
        """Return the configured roots by device and inode, as they were opened last; nothing is accessed."""

    def marked(self, folder: int) -> Path | None:
        """Return the root whose mount marker lies in an open folder; None if that is no root's."""


class Unguarded:
    """Opens every root: for folders of framewatch's own, and for those that a command names."""

    def open(self, root: Path) -> int:
        """Open it, following links that nobody else could have made."""
        with storage_faults(root):
            return beneath.open_path(resolve(root), beneath.FOLDER)

    def real_path(self, root: Path) -> Path:
        """Return its path without links."""
        return resolve(root)

    def seen(self) -> Mapping[tuple[int, int], Path]:
        """Return no roots: none is known."""
        return {}

    def marked(self, _folder: int) -> Path | None:
        """Return no root: none is known."""
        return None


UNGUARDED = Unguarded()


@dataclass(frozen=True, slots=True)
class Root:
    """A folder, and the only way to the files below it.

    Paths are absolute, and below `path` as it is written. Every method raises a StorageError: `storage.unavailable`
    if the root is missing, `storage.symlink` if a link is in the place of a folder, `storage.outside` if a path is
    not below the root, the guard's error, or another error of the file system.
    """

    path: Path
    guard: Guard = UNGUARDED  # if its disk is unmounted or replaced later, a descriptor still refers to this disk
    mode: int | None = field(default=None, compare=False)  # of files that framewatch makes; None: by the umask

    def require(self) -> None:
        """Check that the root can be opened."""
        os.close(self.guard.open(self.path))

    def real_path(self) -> Path:
        """Return the path without links, for another program that opens files below it."""
        return self.guard.real_path(self.path)

    def disk(self) -> int:
        """Return the device number: equal for folders on one file system."""
        with self.opened() as top, storage_faults(self.path):
            return os.fstat(top).st_dev

    def free_bytes(self) -> int:
        """Return the bytes that framewatch's user may still write on the disk."""
        with self.opened() as top, storage_faults(self.path):
            return free_bytes(top)

    def may_write(self) -> bool:
        """Return whether framewatch's user may create and move files in the root itself."""
        with self.opened() as top:
            return os.access(".", os.W_OK | os.X_OK, dir_fd=top)

    @contextmanager
    def opened(self) -> Iterator[int]:
        """Open the root, and yield its descriptor: for many files below it at once, with `storage.beneath`."""
        descriptor = self.guard.open(self.path)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def open_folder(self, path: Path, *, create: bool = False) -> Iterator[int]:
        """Open the root or a folder below it, and yield its descriptor.

        Args:
            path: the folder.
            create: create missing folders below the root. The root itself is never created: if it is missing, its
                disk is not mounted.

        Raises:
            FileNotFoundError: a folder below the root is missing, and `create` is false.
        """
        parts = self._parts(path)
        with self.opened() as top:
            descriptor = open_below(top, parts, path, create=create, mode=self.mode)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def find(self, path: Path) -> os.stat_result | None:
        """Return the status of a file, a folder or a link; None if nothing is there, or it lies behind a link."""
        parts = self._parts(path)
        with self.opened() as top, storage_faults(path):
            return beneath.find(top, parts)

    def exists(self, path: Path) -> bool:
        """Return whether the name exists, be it a file, a folder or a link."""
        return self.find(path) is not None

    def identity(self, path: Path) -> FileIdentity | None:
        """Return the identity of a regular file; None if there is no regular file with this name."""
        found = self.find(path)
        return files.identity_of(found) if found and stat.S_ISREG(found.st_mode) else None

    def tree_identity(self, path: Path) -> FileIdentity | None:
        """Return the identity of a folder as a whole; None if there is no folder with this name."""
        found = self.find(path)
        if found is None or not stat.S_ISDIR(found.st_mode):
            return None
        with self.opened() as top, storage_faults(path):
            inside = [status for _, status in beneath.files_below(top, self._parts(path))]
        return files.identity_of_tree(found, inside)

    def input_file(self, path: Path, identity: FileIdentity | None = None) -> InputFile:
        """Return what another process needs to open a file; `identity` is the version that is expected."""
        return InputFile(root=self.real_path(), relative=Path(*self._parts(path)), identity=identity)

    def write(self, path: Path, data: bytes, *, durable: bool = True) -> None:
        """Replace a file atomically: readers see the old content or the new content.

        A link in the file's place is replaced, not followed. Missing folders between the root and the file are
        created.

        Args:
            path: the file.
            data: its new content.
            durable: sync the file and its folder before returning.
        """
        with storage_faults(path), self.open_folder(path.parent, create=True) as folder:
            files.write_name(folder, path.name, data, durable=durable, mode=self.mode)

    def remove(self, path: Path) -> None:
        """Remove a file, or a link in its place, if it exists."""
        with storage_faults(path), suppress(FileNotFoundError), self.open_folder(path.parent) as folder:
            files.remove_name(folder, path.name)

    def names(self, path: Path) -> Names:
        """Return what lies in a folder; nothing if there is no folder, or a link is in its place or on the way."""
        found = Names([], [], [])
        try:
            with storage_faults(path), self.open_folder(path) as folder, os.scandir(folder) as entries:
                for entry in entries:
                    is_folder, is_file = entry.is_dir(follow_symlinks=False), entry.is_file(follow_symlinks=False)
                    (found.folders if is_folder else found.files if is_file else found.others).append(entry.name)
        except StorageError as error:
            gone = isinstance(error.__cause__, FileNotFoundError | NotADirectoryError)
            if not gone and error.finding.code != SYMLINK:
                raise
        return Names(*map(sorted, found))

    def remove_folder(self, path: Path) -> bool:
        """Remove a folder below the root, if it is there and empty. Returns whether it is gone."""
        try:
            with self.open_folder(path.parent) as folder:
                os.rmdir(path.name, dir_fd=folder)
        except FileNotFoundError:
            return True
        except OSError as error:
            if error.errno in _NOT_REMOVABLE:
                return False
            raise storage_error(error, path) from error
        return True

    def _parts(self, path: Path) -> tuple[str, ...]:
        """Return the path components between the root and `path`."""
        if not path.is_relative_to(self.path) or ".." in path.parts:
            raise outside_error(path, self.path)
        return path.relative_to(self.path).parts


def open_below(top: int, parts: Sequence[str], path: Path, *, create: bool, mode: int | None = None) -> int:
    """Open a folder below an open one, and return its descriptor.

    Args:
        top: descriptor of that folder.
        parts: path components between them.
        path: the folder, for messages.
        create: create missing folders.
        mode: of files that will be in them; None: by the umask.

    Raises:
        FileNotFoundError: the folder is missing, and `create` is false.
        StorageError: another error of the file system.
    """
    try:
        return beneath.open_beneath(top, parts, beneath.FOLDER)
    except FileNotFoundError:
        if not create or not parts:
            raise
    except OSError as error:
        raise storage_error(error, path) from error
    outer = open_below(top, parts[:-1], path, create=True, mode=mode)
    try:
        with storage_faults(path), suppress(FileExistsError):
            os.mkdir(parts[-1], dir_fd=outer)
            share_folder(parts[-1], outer, mode)
            files.sync_folder(outer)
    finally:
        os.close(outer)
    return open_below(top, parts, path, create=False)
