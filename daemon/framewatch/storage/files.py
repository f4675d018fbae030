"""Files in open folders: write and remove them without partial results, and tell their versions apart.

`framewatch.storage.root` opens the folders.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from framewatch.domain import FileIdentity, InputFile
from framewatch.errors import MediaError
from framewatch.storage import beneath
from framewatch.storage.os_errors import shown, storage_error, storage_faults

READ = (
    os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
)  # O_NONBLOCK: opening a FIFO must not wait for a writer
CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# What opening something that is no regular file ends with: a link, or a socket (EOPNOTSUPP on macOS).
NO_FILE = frozenset({errno.ELOOP, errno.ENXIO, errno.EOPNOTSUPP})
_CANNOT_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES}  # from fsync on folders of SMB and some FUSE


def open_input(file: InputFile) -> int:
    """Open a file to read, without following a link in any component of its path, and return its descriptor.

    Raises:
        MediaError: there is no regular file (`media.not_a_file`), or another version of it (`source.changed`).
        StorageError: it is gone, or cannot be opened now.
    """
    try:
        descriptor = beneath.open_path(file.path, READ)
    except OSError as error:
        if error.errno in (*NO_FILE, errno.EXDEV):
            raise not_a_file(file.name, "a link, or lies behind one") from None
        raise storage_error(error, file.path) from error
    try:
        with storage_faults(file.path):  # ESTALE, for one: a share may forget the file at any time
            _require_version(file, os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def named_by_user(path: Path) -> InputFile:
    """Return the file that a user names; links that lead to it are followed now, and not when it is opened."""
    real = path.resolve()
    return InputFile(root=real.parent, relative=Path(real.name))


def _require_version(file: InputFile, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise not_a_file(file.name, "not a regular file")
    if file.identity is None or unchanged(file.identity, identity_of(found)):
        return
    message = f"{shown(file.name)} is no longer the file that was queued"
    hint = "leave files alone while framewatch works on them"
    raise MediaError(message, code="source.changed", hint=hint, where=shown(file.path))


def not_a_file(name: str, reason: str) -> MediaError:
    """Return the error for something that is named like a file and is none."""
    hint = "put the file itself into the folder"
    return MediaError(f"{shown(name)} is {reason}", code="media.not_a_file", hint=hint)


def write_name(folder: int, name: str, data: bytes, *, durable: bool = True) -> None:
    """Replace a file in an open folder atomically: readers see the old content or the new content.

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


def identity_of(found: os.stat_result) -> FileIdentity:
    """Return the identity of the file that a stat result describes."""
    return FileIdentity(device=found.st_dev, inode=found.st_ino, size=found.st_size, mtime_ns=found.st_mtime_ns)


def identity_of_tree(folder: os.stat_result, inside: Iterable[os.stat_result]) -> FileIdentity:
    """Return the identity of a folder that is taken as one file: the size of all its files, and the newest mtime."""
    size, newest = 0, 0
    for found in inside:
        size, newest = size + found.st_size, max(newest, found.st_mtime_ns)
    return FileIdentity(device=folder.st_dev, inode=folder.st_ino, size=size, mtime_ns=newest)


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


def part_name(job_id: str) -> str:
    """Return the hidden name under which a file is written before it gets its final name."""
    return f".framewatch-{job_id}.part"
