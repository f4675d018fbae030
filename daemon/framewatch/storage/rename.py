"""Renames that never overwrite, with the best means that the file system has.

| file system                      | means                                                                   |
|----------------------------------|-------------------------------------------------------------------------|
| ext4, xfs, btrfs, tmpfs, SMB     | renameat2 with RENAME_NOREPLACE: one atomic step                        |
| APFS, HFS+                       | renameatx_np with RENAME_EXCL: the same                                 |
| NFS, older FUSE, ZFS before 2.2  | a hard link, which never overwrites, then unlink of the old name        |
| exFAT and FAT on FUSE            | no hard links: looked whether the name is free, then renamed; a file    |
|                                  | that gets that name in the instant between is lost                      |
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import sys
from collections.abc import Callable

_NOT_KNOWN = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}
_NO_LINKS = _NOT_KNOWN | {errno.EPERM, errno.EMLINK, errno.EACCES}
_EXCLUSIVE = {"linux": ("renameat2", 1), "darwin": ("renameatx_np", 4)}  # RENAME_NOREPLACE, RENAME_EXCL


def rename_exclusive(old_folder: int, old: str, new_folder: int, new: str) -> None:
    """Rename, relative to open folders.

    Between the link and the unlink both names lead to the file: after a crash there, doing it again finds the
    new name taken by the same inode.

    Raises:
        FileExistsError: something has the new name; nothing was changed.
        OSError: EXDEV across file systems, and whatever else the system says.
    """
    for means in (_atomically, _by_link):
        if means(old_folder, old, new_folder, new):
            return
    _after_a_look(old_folder, old, new_folder, new)


def _atomically(old_folder: int, old: str, new_folder: int, new: str) -> bool:
    function, flag = _function(), _EXCLUSIVE.get(sys.platform, ("", 0))[1]
    if function is None:
        return False
    if function(old_folder, os.fsencode(old), new_folder, os.fsencode(new), flag) == 0:
        return True
    number = ctypes.get_errno()
    if number in _NOT_KNOWN:
        return False
    raise OSError(number, os.strerror(number), old, None, new)


def _by_link(old_folder: int, old: str, new_folder: int, new: str) -> bool:
    try:
        os.link(old, new, src_dir_fd=old_folder, dst_dir_fd=new_folder, follow_symlinks=False)
    except OSError as error:
        if error.errno in _NO_LINKS:
            return False
        raise
    os.unlink(old, dir_fd=old_folder)
    return True


def _after_a_look(old_folder: int, old: str, new_folder: int, new: str) -> None:
    try:
        os.stat(new, dir_fd=new_folder, follow_symlinks=False)
    except FileNotFoundError:
        os.rename(old, new, src_dir_fd=old_folder, dst_dir_fd=new_folder)
    else:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new)


@functools.cache
def _function() -> Callable[..., int] | None:
    """The C library's exclusive rename, or None where it has none."""
    name, _ = _EXCLUSIVE.get(sys.platform, ("", 0))
    function = getattr(ctypes.CDLL(None, use_errno=True), name, None) if name else None
    if function is not None:
        function.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
        function.restype = ctypes.c_int
    return function
