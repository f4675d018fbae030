"""Whether files can be put into a folder, and one can be moved away, told before hours of work.

The system is asked, which answers for read-only file systems, access lists and immutable folders as well. What it
cannot tell is asked apart: whose the files of a sticky folder are, and whether the file itself is immutable.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import struct
import sys
from contextlib import suppress
from pathlib import Path

from framewatch.errors import RuleError, StorageError
from framewatch.storage import beneath, files
from framewatch.storage.os_errors import shown, storage_faults
from framewatch.storage.root import Root

CANNOT_MOVE = "storage.cannot_move"
CANNOT_FILL = "storage.cannot_fill"
BAD_NAME = "output.bad_name"

# What names end with that a file system does not take: EINVAL on FAT and NTFS, EILSEQ on APFS, ENOENT on some SMB.
NOT_A_NAME = frozenset({errno.EINVAL, errno.EILSEQ, errno.ENOENT, errno.ENAMETOOLONG})
_FS_IOC_GETFLAGS = 0x80086601 if struct.calcsize("l") == 8 else 0x80046601  # linux/fs.h
_FIXED = 0x10 | 0x20  # FS_IMMUTABLE_FL, FS_APPEND_FL
_EFFECTIVE = os.access in os.supports_effective_ids


def require_removable(root: Root, path: Path) -> None:
    """Return if a file can be moved out of its folder.

    Raises:
        StorageError: `storage.cannot_move`, naming what stands in the way; `storage.read_only`; or the folder cannot
            be opened.
    """
    with storage_faults(path), root.open_folder(path.parent) as folder:
        _require_writable_disk(folder)
        if not _may_change(folder):
            hint = "let framewatch's user write to this folder; or set `done: keep`, which leaves sources in place"
            raise _cannot_move("this folder cannot be written to", hint, path.parent)
        found = os.stat(path.name, dir_fd=folder, follow_symlinks=False)
        outer = os.fstat(folder)
        owners = (found.st_uid, outer.st_uid, 0)
        if outer.st_mode & stat.S_ISVTX and os.geteuid() not in owners:
            hint = "remove the folder's sticky bit (chmod -t), or give the files in it to framewatch's user"
            raise _cannot_move("only its owner may move a file out of this sticky folder", hint, path)
        if _is_fixed(folder, path.name):
            raise _cannot_move("this file is immutable or append-only", "run `chattr -i -a` on it", path)


def require_fillable(root: Root, path: Path) -> None:
    """Return if files can be put into a folder below a root, which may be missing as yet.

    Raises:
        StorageError: `storage.cannot_fill`, naming the folder; `storage.read_only`; or the root cannot be opened.
    """
    parts = path.relative_to(root.path).parts
    with root.opened() as top, storage_faults(path):
        for count in range(len(parts), -1, -1):
            with suppress(FileNotFoundError, NotADirectoryError):
                folder = beneath.open_beneath(top, parts[:count], beneath.FOLDER)
                break
        try:
            _require_writable_disk(folder)
            if not _may_change(folder):
                here = root.path.joinpath(*parts[:count])
                hint = "let framewatch's user write to it; the job then continues automatically"
                raise StorageError("this folder cannot be written to", code=CANNOT_FILL, hint=hint, where=shown(here))
        finally:
            os.close(folder)


def require_possible_name(root: Root, path: Path, job_id: str) -> None:
    """Return if the file system takes the name of a file; its folder is made.

    A hidden file of the same length and with the same unusual characters is made and removed.

    Raises:
        RuleError: `output.bad_name`.
        StorageError: another error of the file system.
    """
    try:
        with storage_faults(path), root.open_folder(path.parent, create=True) as folder:
            name = _like(path.name, job_id)
            os.close(os.open(name, files.CREATE, 0o600, dir_fd=folder))
            files.remove_name(folder, name)
    except StorageError as error:
        cause = error.__cause__
        if not isinstance(cause, OSError) or cause.errno not in NOT_A_NAME or not root.exists(root.path):
            raise
        long = cause.errno == errno.ENAMETOOLONG
        what = "names of this length" if long else "this name"
        hint = (
            "give the file a shorter name" if long else "rename the file, or set `replace_characters` for the folder"
        )
        message = f"the file system of the output does not take {what}"
        raise RuleError(message, code=BAD_NAME, hint=hint, where=shown(path)) from None


def _like(name: str, job_id: str) -> str:
    """Return a hidden name of the same length, if possible, with the same characters beyond plain ones."""
    unusual = "".join(dict.fromkeys(each for each in name if not (each.isascii() and each.isalnum())))
    begin, end = f".framewatch-{job_id}.", ".part"
    room = len(os.fsencode(name)) - len(os.fsencode(begin + unusual + end))
    return begin + unusual + "x" * max(0, room) + end


def _require_writable_disk(folder: int) -> None:
    if os.fstatvfs(folder).f_flag & os.ST_RDONLY:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))


def _may_change(folder: int) -> bool:
    return os.access(".", os.W_OK | os.X_OK, dir_fd=folder, effective_ids=_EFFECTIVE)


def _is_fixed(folder: int, name: str) -> bool:
    """Return whether a file is immutable or append-only, as far as the file system has such flags."""
    if sys.platform != "linux":
        return False
    with suppress(OSError):
        file = os.open(name, files.READ, dir_fd=folder)
        try:
            answer = fcntl.ioctl(file, _FS_IOC_GETFLAGS, bytes(8))
            return bool(struct.unpack("I", answer[:4])[0] & _FIXED)
        finally:
            os.close(file)
    return False


def _cannot_move(message: str, hint: str, path: Path) -> StorageError:
    whole = f"the source could not be moved away at the end: {message}"
    return StorageError(whole, code=CANNOT_MOVE, hint=hint, where=shown(path))
