"""Group and mode of files and folders that framewatch makes in the folders of users.

A file that was made elsewhere and renamed keeps the group of its maker, and one that was made for framewatch alone
keeps everybody else out, so both are set where the file arrives. File systems without owners or modes (FAT, SMB, some
FUSE) refuse that, which is no failure.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress

_READ, _EXECUTE = 0o444, 2  # the bits that let read, and how far those that let execute are to the right of them


def share_file(file: int, folder: int, mode: int | None) -> None:
    """Give a file its folder's group, where the folder hands its group down, and a mode.

    Args:
        file: descriptor of a file that framewatch made.
        folder: descriptor of the folder that it gets into.
        mode: None: as it is.
    """
    found, parent = os.fstat(file), os.fstat(folder)
    if parent.st_mode & stat.S_ISGID and found.st_gid != parent.st_gid:
        with suppress(OSError):
            os.fchown(file, -1, parent.st_gid)
    if mode is not None and stat.S_IMODE(found.st_mode) != mode:
        with suppress(OSError):
            os.fchmod(file, mode)


def share_folder(name: str, outer: int, file_mode: int | None) -> None:
    """Give a folder that was just made in an open one the mode that goes with that of files.

    The bit that hands down the group is kept. Where a sandbox forbids to set it, so is the mode.
    """
    if file_mode is None:
        return
    made = os.stat(name, dir_fd=outer, follow_symlinks=False)
    mode = folder_mode(file_mode) | (made.st_mode & stat.S_ISGID)
    if stat.S_ISDIR(made.st_mode) and stat.S_IMODE(made.st_mode) != mode:
        with suppress(OSError, NotImplementedError):
            os.chmod(name, mode, dir_fd=outer)


def folder_mode(file_mode: int) -> int:
    """Return the mode of folders in which all who may read files of `file_mode` find them."""
    return file_mode | (file_mode & _READ) >> _EXECUTE
