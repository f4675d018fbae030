"""Errors of the operating system as StorageErrors, with a code and a hint."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from framewatch.errors import Finding, StorageError

_FULL = ("storage.full", "free some space; the job then continues automatically")
_READ_ONLY = (
    "storage.read_only",
    "mount the file system so that it can be written to; a systemd service writes only to folders that were in the "
    "configuration at `framewatch service install`",
)
_DENIED = ("storage.denied", "let framewatch's user read and write this folder and the files in it")
_UNAVAILABLE = ("storage.unavailable", "mount or create this folder; work then continues automatically")
SYMLINK = "storage.symlink"
BAD_NAME = "storage.bad_name"
_NO_NAME = (
    "if the name has characters that this file system does not allow, rename the file or set `replace_characters`"
)
_MEANING = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: _READ_ONLY,
    errno.EACCES: _DENIED,
    errno.EPERM: _DENIED,
    errno.ELOOP: (SYMLINK, "framewatch follows no links here: replace it with a real file or folder"),
    errno.EFBIG: ("storage.too_large", "this file system does not support files of this size: use another one"),
    errno.EINVAL: (BAD_NAME, _NO_NAME),
    errno.EILSEQ: (BAD_NAME, _NO_NAME),
    errno.ENAMETOOLONG: (
        "storage.name_too_long",
        "give the file a shorter name, or use another file system",
    ),
}
NO_ANSWER = "storage.no_answer"
NO_ANSWER_SECONDS = 10.0  # a folder that takes longer is taken for one that does not answer


def storage_error(error: OSError, path: Path) -> StorageError:
    """Return the StorageError for an OSError about `path`.

    Errors that are not in the table (ENOENT, ESTALE, EIO, ENOTCONN and so on) mean unavailable: a disk or a network
    that may come back.
    """
    code, hint = _MEANING.get(error.errno or 0, _UNAVAILABLE)
    message = "there is a symbolic link in this path" if code == SYMLINK else error.strerror or str(error)
    return StorageError(message, code=code, hint=hint, where=shown(path))


def no_answer(path: Path) -> Finding:
    """Return the finding about a folder that no system call about it returns from."""
    hint = "check the server or the disk; work continues automatically"
    return Finding(NO_ANSWER, "this folder does not answer: its share may be dead", hint, shown(path))


def outside_error(path: Path, root: Path) -> StorageError:
    """Return the error for a path outside the folder that it must be in."""
    message = f"this path is not below {shown(root)}"
    return StorageError(message, code="storage.outside", hint="check the folder's paths", where=shown(path))


@contextmanager
def storage_faults(path: Path) -> Iterator[None]:
    """Raise OSErrors of the block as StorageErrors about `path`."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, path) from error


def shown(path: Path | str) -> str:
    """Return a path as text for logs and JSON; bytes that are not UTF-8 are replaced."""
    return os.fsencode(path).decode("utf-8", "replace")
