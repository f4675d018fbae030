"""Open folders, and write and remove small files, without following links and without partial results.

Every folder that users name has a root: the input, output, done or failed folder of the configuration. A guard opens
it. Below it no link is followed, so that nobody who can write to a share can redirect framewatch. Roots are never
created here: a missing root means that its disk is not mounted.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from framewatch.domain import FileIdentity, InputFile
from framewatch.errors import MediaError
from framewatch.storage import beneath
from framewatch.storage.mount_guard import UNGUARDED, Guard
from framewatch.storage.os_errors import outside_error, shown, storage_error, storage_faults, symlink_error

READ = (
    os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
)  # O_NONBLOCK: opening a FIFO must not wait for a writer
CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CANNOT_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES}  # from fsync on folders of SMB and some FUSE


@contextmanager
def open_folder(root: Path, path: Path, *, create: bool = False, guard: Guard = UNGUARDED) -> Iterator[int]:
    """Open the folder `path`, which is `root` or lies below it, and yield its descriptor.

    Args:
        root: the folder from which no link is followed.
        path: the folder to open.
        create: create missing folders below the root.
        guard: opens the root. If its disk is unmounted or replaced later, the descriptor still refers to the disk
            that was checked.

    Raises:
        StorageError: `storage.unavailable` if the root is missing, `storage.symlink`, `storage.outside`, or the
            guard's error.
        FileNotFoundError: a folder below the root is missing, and `create` is false.
    """
    parts = parts_below(root, path)
    top = guard.open(root)
    try:
        descriptor = _open_below(top, parts, path, create=create)
    finally:
        os.close(top)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def open_input(file: InputFile) -> int:
    """Open a file to read, without following a link in any component of its path, and return its descriptor.

    Raises:
        MediaError: there is no regular file (`media.not_a_file`), or another version of it (`source.changed`).
        StorageError: it is gone, or cannot be opened now.
    """
    try:
        descriptor = beneath.open_path(file.path, READ)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EXDEV):
            raise _not_a_file(file, "a link, or lies behind one") from None
        raise storage_error(error, file.path) from error
    if problem := _problem(file, os.fstat(descriptor)):
        os.close(descriptor)
        raise problem
    return descriptor


def named_by_user(path: Path) -> InputFile:
    """Return the file that a user names; links that lead to it are followed now, and not when it is opened."""
    real = path.resolve()
    return InputFile(root=real.parent, relative=Path(real.name))


def _problem(file: InputFile, found: os.stat_result) -> MediaError | None:
    if not stat.S_ISREG(found.st_mode):
        return _not_a_file(file, "not a regular file")
    if file.identity is None or unchanged(file.identity, identity_of(found)):
        return None
    message = f"{shown(file.name)} is no longer the file that was queued"
    hint = "leave files alone while framewatch works on them"
    return MediaError(message, code="source.changed", hint=hint, where=shown(file.path))


def _not_a_file(file: InputFile, reason: str) -> MediaError:
    hint = "put the file itself into the folder"
    return MediaError(f"{shown(file.name)} is {reason}", code="media.not_a_file", hint=hint)


def parts_below(root: Path, path: Path) -> tuple[str, ...]:
    """Return the path components between `root` and `path`.

    Raises:
        StorageError: `storage.outside` if `path` is not below `root`.
    """
    if not path.is_relative_to(root) or ".." in path.parts:
        raise outside_error(path, root)
    return path.relative_to(root).parts


def durable_write(path: Path, data: bytes, *, root: Path, durable: bool = True, guard: Guard = UNGUARDED) -> None:
    """Replace a file below `root` atomically: readers see the old content or the new content.

    A link in the file's place is replaced, not followed. Missing folders between `root` and the file are created.

    Args:
        path: the file.
        data: its new content.
        root: the folder from which no link is followed.
        durable: sync the file and its folder before returning.
        guard: checks that the disk of the root is mounted.

    Raises:
        StorageError: `storage.unavailable` if the root is missing, `storage.symlink` if a component is a link,
            `storage.outside`, or another error of the file system.
    """
    with storage_faults(path), open_folder(root, path.parent, create=True, guard=guard) as folder:
        write_name(folder, path.name, data, durable=durable)


def write_name(folder: int, name: str, data: bytes, *, durable: bool = True) -> None:
    """Replace a file in an open folder atomically, as `durable_write` does.

    Raises:
        OSError: the file could not be written; the old content is still there.
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
    """Remove a file below `root`, or a link in its place, if it exists.

    Raises:
        StorageError: as for `durable_write`.
    """
    with storage_faults(path), suppress(FileNotFoundError), open_folder(root, path.parent, guard=guard) as folder:
        remove_name(folder, path.name)


def exists(path: Path) -> bool:
    """Return whether the name exists, be it a file, a folder or a dangling link.

    Raises:
        StorageError: the file system does not answer.
    """
    return _lstat(path) is not None


def identity(path: Path) -> FileIdentity | None:
    """Return the identity of a regular file; None if there is no regular file with this name.

    Raises:
        StorageError: the file system does not answer.
    """
    found = _lstat(path)
    return identity_of(found) if found and stat.S_ISREG(found.st_mode) else None


def identity_of(found: os.stat_result) -> FileIdentity:
    """Return the identity of the file that a stat result describes."""
    return FileIdentity(device=found.st_dev, inode=found.st_ino, size=found.st_size, mtime_ns=found.st_mtime_ns)


def unchanged(admitted: FileIdentity, now: FileIdentity) -> bool:
    """Return whether a path still holds the version of the file that was admitted, perhaps days ago.

    Only size and mtime are compared. Device and inode numbers are not stable: a remount changes the device, and
    exFAT, SMB and FUSE may change a file's inode number at any time.
    """
    return (admitted.size, admitted.mtime_ns) == (now.size, now.mtime_ns)


def remove_name(folder: int, name: str) -> None:
    """Remove a name from an open folder, if it exists."""
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


def sync(descriptor: int) -> None:
    """Flush a file to the disk."""
    if sys.platform == "darwin":  # fsync there leaves the data in the drive's cache
        with suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def sync_folder(descriptor: int) -> None:
    """Flush a folder's entries to the disk, if its file system supports that."""
    try:
        sync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`; a single write may be short."""
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


def _open_below(top: int, parts: Sequence[str], path: Path, *, create: bool) -> int:
    try:
        return beneath.open_beneath(top, parts, beneath.FOLDER)
    except FileNotFoundError:
        if not create or not parts:
            raise
    except OSError as error:
        raise symlink_error(path) if error.errno == errno.ELOOP else storage_error(error, path) from error
    outer = _open_below(top, parts[:-1], path, create=True)
    try:
        with suppress(FileExistsError):
            os.mkdir(parts[-1], dir_fd=outer)
            sync_folder(outer)
    finally:
        os.close(outer)
    return _open_below(top, parts, path, create=False)


def _lstat(path: Path) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise storage_error(error, path) from error


def part_name(job_id: str) -> str:
    """Return the hidden name under which a file is written before it gets its final name."""
    return f".framewatch-{job_id}.part"
