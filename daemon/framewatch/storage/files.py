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
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

from framewatch.domain import FileIdentity, InputFile
from framewatch.errors import MediaError
from framewatch.storage import beneath
from framewatch.storage.os_errors import shown, storage_error, storage_faults
from framewatch.storage.permissions.sharing import share_file

READ = (
    os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
)  # O_NONBLOCK: opening a FIFO must not wait for a writer
CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# What opening something that is no regular file ends with: a link, or a socket (EOPNOTSUPP on macOS).
NO_FILE = frozenset({errno.ELOOP, errno.ENXIO, errno.EOPNOTSUPP})
TIME_STEP = 2 * 10**9  # nanoseconds: FAT keeps times in steps of two seconds
_BLOCKS = 8
_BLOCK = 16 * 1024  # bytes; 128 KiB of a file tell videos apart, and a library on a NAS is read within minutes
_HOUR = 3600 * 10**9  # nanoseconds
_SHIFT = 26 * _HOUR  # the distance between two time zones is at most this
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
            _require_version(file, descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def named_by_user(path: Path) -> InputFile:
    """Return the file that a user names; links that lead to it are followed now, and not when it is opened."""
    real = path.resolve()
    return InputFile(root=real.parent, relative=Path(real.name))


def _require_version(file: InputFile, descriptor: int) -> None:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise not_a_file(file.name, "not a regular file")
    if file.identity is None or unchanged(file.identity, identity_of(found), partial(content_sample, descriptor)):
        return
    message = f"{shown(file.name)} is no longer the file that was queued"
    hint = "leave files alone while framewatch works on them"
    raise MediaError(message, code="source.changed", hint=hint, where=shown(file.path))


def not_a_file(name: str, reason: str) -> MediaError:
    """Return the error for something that is named like a file and is none."""
    hint = "put the file itself into the folder"
    return MediaError(f"{shown(name)} is {reason}", code="media.not_a_file", hint=hint)


def write_name(folder: int, name: str, data: bytes, *, durable: bool = True, mode: int | None = None) -> None:
    """Replace a file in an open folder atomically: readers see the old content or the new content.

    Args:
        folder: descriptor of the folder.
        name: of the file in it.
        data: its new content.
        durable: sync the file and its folder before returning.
        mode: None: by the umask.

    Raises:
        OSError: the file could not be written; the old content is still there.
    """
    temp = part_name(hashlib.blake2b(os.fsencode(name), digest_size=6).hexdigest())
    remove_name(folder, temp)
    try:
        file = os.open(temp, CREATE, 0o666, dir_fd=folder)
        share_file(file, folder, mode)
        _fill(file, data, durable)
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


def unchanged(admitted: FileIdentity, now: FileIdentity, sample: Callable[[], str | None] = lambda: None) -> bool:
    """Return whether a path still holds the version of the file that was admitted, perhaps days ago.

    Only size and mtime are compared. Device and inode numbers are not stable: a remount changes the device, and
    exFAT, SMB and FUSE may change a file's inode number at any time. Nor are times: FAT moves all of them by whole
    hours with the time zone and daylight saving. Then a sample of the content decides.

    Args:
        admitted: the file as it was.
        now: the file as it is.
        sample: gives the sample of what the file holds now; None if it cannot be read.
    """
    shift = now.mtime_ns - admitted.mtime_ns
    if admitted.size != now.size or not shift:
        return admitted.size == now.size
    return is_whole_hours(shift) and admitted.sample is not None and sample() == admitted.sample


def is_whole_hours(shift: int) -> bool:
    """Return whether a file system may have moved a time by so many nanoseconds, with the file as it was."""
    rest = abs(shift) % _HOUR
    return abs(shift) <= _SHIFT and min(rest, _HOUR - rest) <= TIME_STEP


def content_sample(file: int) -> str:
    """Return a digest of some of an open file's content: of all of it, or of blocks from its beginning to its end.

    Raises:
        OSError: it cannot be read.
    """
    size = os.fstat(file).st_size
    digest = hashlib.blake2b(str(size).encode(), digest_size=16)
    if size <= _BLOCKS * _BLOCK:
        digest.update(os.pread(file, size, 0))
        return digest.hexdigest()
    for number in range(_BLOCKS):
        digest.update(os.pread(file, _BLOCK, (size - _BLOCK) * number // (_BLOCKS - 1)))
    return digest.hexdigest()


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
