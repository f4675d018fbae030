"""What the operating system's errors mean for a job's files, and what to do about them."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from framewatch.errors import StorageError

_FULL = ("storage.full", "free some space; the job goes on by itself")
_READ_ONLY = ("storage.read_only", "mount the file system so that it can be written to")
_DENIED = ("storage.denied", "let framewatch's user read and write this folder and the files in it")
_UNAVAILABLE = ("storage.unavailable", "mount or make this folder again; the job goes on by itself")
_SYMLINK = ("storage.symlink", "nothing is written through links: put a real folder in its place")
_MEANING = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: _READ_ONLY,
    errno.EACCES: _DENIED,
    errno.EPERM: _DENIED,
    errno.ELOOP: _SYMLINK,
    errno.EFBIG: ("storage.too_large", "this file system takes no file of this size: use another"),
    errno.ENAMETOOLONG: (
        "storage.name_too_long",
        "give the file a shorter name, or use another file system",
    ),
}


def storage_error(error: OSError, path: Path) -> StorageError:
    """The error to raise for one of the operating system's about `path`.

    What is not full, read-only or denied (ENOENT, ESTALE, EIO, ENOTCONN and their like) counts as
    unavailable: a disk or a network that may come back.
    """
    code, hint = _MEANING.get(error.errno or 0, _UNAVAILABLE)
    return StorageError(error.strerror or str(error), code=code, hint=hint, where=shown(path))


def symlink_error(path: Path) -> StorageError:
    """The error for a link that lies where a folder must be."""
    code, hint = _SYMLINK
    return StorageError("a symbolic link lies in the way", code=code, hint=hint, where=shown(path))


def outside_error(path: Path, root: Path) -> StorageError:
    """The error for a path that does not lie below the folder that it must lie in."""
    message = f"this path does not lie below {shown(root)}"
    return StorageError(message, code="storage.outside", hint="check the folder's paths", where=shown(path))


@contextmanager
def storage_faults(path: Path) -> Iterator[None]:
    """Turns the operating system's errors into StorageErrors about `path`."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, path) from error


def shown(path: Path | str) -> str:
    """A path as text that any log or JSON can hold: bytes that are not UTF-8 are replaced."""
    return os.fsencode(path).decode("utf-8", "replace")
