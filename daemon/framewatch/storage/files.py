"""Folders and small files, handled so that no link is followed and nothing half written is ever seen.

Each folder from users has a root: the input, output, done or failed folder of the configuration. The root
itself may be reached through links; below it every step is opened without following any, so that nobody who
can write to a share makes framewatch write elsewhere. A root is never made here: where it is missing, its
disk is not mounted.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from framewatch.domain import FileIdentity
from framewatch.errors import StorageError
from framewatch.storage.mount_guard import UNGUARDED, Guard
from framewatch.storage.os_errors import outside_error, storage_error, storage_faults, symlink_error

READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # never waits for the writer of a pipe
CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_CANNOT_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES}  # folders on SMB and some FUSE


@contextmanager
def open_folder(root: Path, path: Path, *, create: bool = False, guard: Guard = UNGUARDED) -> Iterator[int]:
    """A descriptor of the folder `path`, which is `root` or lies below it; with `create` it is made.

    `guard` is shown the open root: where another disk is mounted, or none, a moment later, the descriptor still
    leads to the one that it has seen.

    Raises:
        StorageError: `storage.unavailable` where the root is missing, `storage.symlink`, `storage.outside`, or
            what the guard says.
        FileNotFoundError: a folder below the root is missing and not to be made.
    """
    descriptor = open_root(root)
    try:
        guard.check(root, descriptor)
        for part in parts_below(root, path):
            inner = _open_part(descriptor, part, path, create=create)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def parts_below(root: Path, path: Path) -> tuple[str, ...]:
    """The names that lead from `root` to `path`.

    Raises:
        StorageError: `storage.outside` where it does not lie below.
    """
    if not path.is_relative_to(root) or ".." in path.parts:
        raise outside_error(path, root)
    return path.relative_to(root).parts


def durable_write(path: Path, data: bytes, *, root: Path, durable: bool = True, guard: Guard = UNGUARDED) -> None:
    """Write a file below `root` so that a reader sees the old one or the new one and nothing between.

    With `durable` it is on the disk when this returns. A link in the file's place is replaced, not followed. Missing
    folders between `root` and the file are made.

    Raises:
        StorageError: `storage.unavailable` if the root is missing, `storage.symlink` if a link lies on the way,
            `storage.outside`, or what else the file system says.
    """
    with storage_faults(path), open_folder(root, path.parent, create=True, guard=guard) as folder:
        write_name(folder, path.name, data, durable=durable)


def write_name(folder: int, name: str, data: bytes, *, durable: bool = True) -> None:
    """The same in an open folder.

    Raises:
        OSError: whatever the system says; what was there before is still there.
    """
    temp = part_name(hashlib.blake2b(os.fsencode(name), digest_size=6).hexdigest())
    remove_name(folder, temp)
    try:
        _fill(os.open(temp, CREATE, 0o666, dir_fd=folder), data, durable)
        os.rename(temp, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        with suppress(OSError):
            remove_name(folder, temp)
        raise
    if durable:
        sync_folder(folder)


def remove(path: Path, *, root: Path, guard: Guard = UNGUARDED) -> None:
    """Remove a file below `root`, or a link in its place, if it is there.

    Raises:
        StorageError: as for `durable_write`.
    """
    with storage_faults(path), suppress(FileNotFoundError), open_folder(root, path.parent, guard=guard) as folder:
        remove_name(folder, path.name)


def exists(path: Path) -> bool:
    """Whether anything lies under this name: a file, a folder, a link to nowhere.

    Raises:
        StorageError: it cannot be told.
    """
    return _lstat(path) is not None


def identity(path: Path) -> FileIdentity | None:
    """What tells this version of a regular file from others; None where no regular file has this name.

    Raises:
        StorageError: it cannot be told.
    """
    found = _lstat(path)
    return identity_of(found) if found and stat.S_ISREG(found.st_mode) else None


def identity_of(found: os.stat_result) -> FileIdentity:
    """The identity in a stat result."""
    return FileIdentity(device=found.st_dev, inode=found.st_ino, size=found.st_size, mtime_ns=found.st_mtime_ns)


def unchanged(taken_in: FileIdentity, now: FileIdentity) -> bool:
    """Whether a path still holds the file that was taken in, perhaps days ago.

    Size and time of the last change decide. Device and inode numbers do not: a remount gives new devices, and
    exFAT, SMB and FUSE give a file a new inode number whenever they please.
    """
    return (taken_in.size, taken_in.mtime_ns) == (now.size, now.mtime_ns)


def remove_name(folder: int, name: str) -> None:
    """Remove a name from an open folder, if it is there."""
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


def sync(descriptor: int) -> None:
    """Bring a file onto the disk itself; macOS needs more than fsync for that."""
    if sys.platform == "darwin":
        with suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def sync_folder(descriptor: int) -> None:
    """Bring a folder's names onto the disk, where its file system knows how."""
    try:
        sync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of it, in as many pieces as the file system likes."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _fill(descriptor: int, data: bytes, durable: bool) -> None:
    try:
        write_all(descriptor, data)
        if durable:
            sync(descriptor)
    finally:
        os.close(descriptor)


def open_root(root: Path) -> int:
    """A descriptor of a root itself, which may be reached through links.

    Raises:
        StorageError: `storage.unavailable` where it is missing, or what else the file system says.
    """
    try:
        return os.open(root, _FOLDER)
    except OSError as error:
        raise storage_error(error, root) from error


def _open_part(folder: int, part: str, path: Path, *, create: bool) -> int:
    try:
        return os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
    except FileNotFoundError:
        if not create:
            raise
    except OSError as error:
        raise _explained(error, folder, part, path) from error
    with suppress(FileExistsError):
        os.mkdir(part, dir_fd=folder)
        sync_folder(folder)
    return _open_part(folder, part, path, create=False)


def _explained(error: OSError, folder: int, part: str, path: Path) -> StorageError:
    with suppress(OSError):
        if stat.S_ISLNK(os.stat(part, dir_fd=folder, follow_symlinks=False).st_mode):
            return symlink_error(path)
    return storage_error(error, path)


def _lstat(path: Path) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise storage_error(error, path) from error


def part_name(job_id: str) -> str:
    """The hidden name of a file that is still being written for a job."""
    return f".framewatch-{job_id}.part"
