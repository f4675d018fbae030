"""Rename without overwriting, in the safest way that the file system supports.

| file system                      | method                                                                  |
|----------------------------------|-------------------------------------------------------------------------|
| ext4, xfs, btrfs, tmpfs, SMB     | renameat2 with RENAME_NOREPLACE: atomic                                 |
| APFS, HFS+                       | renameatx_np with RENAME_EXCL: atomic                                   |
| NFS, older FUSE, ZFS before 2.2  | a hard link, which never overwrites, then unlink of the old name        |
| exFAT and FAT on FUSE            | no hard links: check that the name is free, then rename. A file that    |
|                                  | appears under that name between the two is overwritten                  |
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import sys
from collections.abc import Callable

_UNSUPPORTED = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}
NO_LINKS = _UNSUPPORTED | {errno.EPERM, errno.EMLINK, errno.EACCES}
_FUNCTION = {"linux": "renameat2", "darwin": "renameatx_np"}
_EXCLUSIVE = {"linux": 1, "darwin": 4}  # RENAME_NOREPLACE, RENAME_EXCL
_EXCHANGE = 2  # RENAME_EXCHANGE, RENAME_SWAP


def rename_exclusive(old_folder: int, old: str, new_folder: int, new: str) -> None:
    """Rename a file from one open folder to another, never overwriting.

    Between link and unlink both names refer to the file. After a crash there, a repeated rename finds the new name
    taken by the same inode.

    Args:
        old_folder: descriptor of the folder that holds the file.
        old: the file's name there.
        new_folder: descriptor of the destination folder.
        new: the name to give.

    Raises:
        FileExistsError: the new name is taken; nothing was changed.
        OSError: EXDEV across file systems, or another error of the file system.
    """
    for method in (_rename_atomically, _rename_by_link):
        if method(old_folder, old, new_folder, new):
            return
    _rename_after_check(old_folder, old, new_folder, new)


def exchange(folder: int, one: str, other: str) -> bool:
    """Exchange two names in an open folder atomically; False where the file system cannot do that.

    Raises:
        OSError: one of the files is gone, or another error of the file system.
    """
    return _call(folder, one, folder, other, _EXCHANGE)


def _rename_atomically(old_folder: int, old: str, new_folder: int, new: str) -> bool:
    return _call(old_folder, old, new_folder, new, _EXCLUSIVE.get(sys.platform, 0))


def _call(old_folder: int, old: str, new_folder: int, new: str, flag: int) -> bool:
    function = _exclusive_rename()
    if function is None:
        return False
    if function(old_folder, os.fsencode(old), new_folder, os.fsencode(new), flag) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), old, None, new)


def _rename_by_link(old_folder: int, old: str, new_folder: int, new: str) -> bool:
    try:
        os.link(old, new, src_dir_fd=old_folder, dst_dir_fd=new_folder, follow_symlinks=False)
    except OSError as error:
        if error.errno in NO_LINKS:
            return False
        raise
    if _is_same(old_folder, old, new_folder, new):  # else somebody has put another file under the old name
        os.unlink(old, dir_fd=old_folder)
    return True


def _is_same(old_folder: int, old: str, new_folder: int, new: str) -> bool:
    one = os.stat(old, dir_fd=old_folder, follow_symlinks=False)
    other = os.stat(new, dir_fd=new_folder, follow_symlinks=False)
    return os.path.samestat(one, other)


def _rename_after_check(old_folder: int, old: str, new_folder: int, new: str) -> None:
    try:
        os.stat(new, dir_fd=new_folder, follow_symlinks=False)
    except FileNotFoundError:
        os.rename(old, new, src_dir_fd=old_folder, dst_dir_fd=new_folder)
    else:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new)


@functools.cache
def _exclusive_rename() -> Callable[..., int] | None:
    """Return the C library's rename with flags; None if it has none."""
    name = _FUNCTION.get(sys.platform)
    function = getattr(ctypes.CDLL(None, use_errno=True), name, None) if name else None
    if function is not None:
        function.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
        function.restype = ctypes.c_int
    return function
