"""Resolve the path of a root, following only links that nobody else could have made.

An administrator may use links to name a folder. A link that somebody else can place or replace would lead framewatch
to any folder that its user can write to. So a link counts only if it belongs to root or to framewatch's user, lies in
a folder that only these can write to, and is on a file system that says truly to whom it belongs.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, TypeVar

from framewatch.errors import StorageError
from framewatch.storage import beneath
from framewatch.storage.filesystem_type import filesystem_type
from framewatch.storage.os_errors import SYMLINK, shown, storage_error, storage_faults

Found = TypeVar("Found")

_MAX_LINKS = 40  # as the kernel allows in one path
# An entry itself, even if it is a link; O_PATH is Linux's, and O_SYMLINK macOS's.
_ENTRY = os.O_CLOEXEC | (
    os.O_PATH | os.O_NOFOLLOW if hasattr(os, "O_PATH") else os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_SYMLINK", 0)
)
# Clients of these make up owner and mode of files, or take them from whoever wrote the file on another machine.
_MADE_UP_OWNERS = frozenset(
    {
        *("cifs", "smb", "smb2", "smb3", "smbfs", "afpfs", "ncpfs", "davfs", "davfs2", "webdav"),
        *("fuse", "fuseblk", "macfuse", "osxfuse", "ntfs", "ntfs3", "exfat", "vfat", "msdos", "hfs"),
        *("9p", "vboxsf", "vmhgfs", "prl_fs", "drvfs", "fakeowner", "grpcfuse", "osxfs"),
    }
)


def resolve(path: Path) -> Path:
    """Return an absolute path without links, as far as it exists; the rest stays as it is written.

    Raises:
        StorageError: `storage.symlink` for a link that is not to be trusted, or another error of the file system.
    """
    with storage_faults(path):
        *_, last = _steps(path)
    return last.reached.joinpath(*last.rest)


def first_on_the_way(path: Path, wanted: Callable[[Path, int], Found | None]) -> tuple[Found, Path] | None:
    """Return the first folder on the way that is wanted, and the path from there. No link in that folder is followed.

    Args:
        path: the path.
        wanted: called with the path without links, and an open descriptor, of each folder on the way.

    Raises:
        StorageError: as for `resolve`.
    """
    with storage_faults(path), closing(_steps(path)) as steps:
        for step in steps:
            if step.rest and step.rest[0] != ".." and (found := wanted(step.reached, step.folder)) is not None:
                return found, Path(*step.rest)
    return None


class _Step(NamedTuple):
    reached: Path  # without links
    folder: int  # its descriptor, open until the next step
    rest: tuple[str, ...]  # of the path, from there


def _steps(path: Path) -> Generator[_Step, None, None]:
    """Follow a path name by name, and yield where each leads; the last step is as far as it exists."""
    done, here = Path("/"), os.open("/", beneath.PASSED)
    pending = [*reversed(path.absolute().parts[1:])]
    links = 0
    try:
        while pending:
            yield _Step(done, here, (*reversed(pending),))
            name = pending.pop()
            inner = _open_entry(here, name, done / name)
            if inner is None:
                return
            try:
                target = _target(inner, here, done, name)
                if target is None:
                    here, inner = inner, here
                    done = done.parent if name == ".." else done / name
                    continue
                if target.startswith("/"):
                    top = os.open("/", beneath.PASSED)
                    os.close(here)
                    done, here = Path("/"), top
            finally:
                os.close(inner)
            links += 1
            if links > _MAX_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            pending += [part for part in reversed(target.split("/")) if part not in ("", ".")]
        yield _Step(done, here, ())
    finally:
        os.close(here)


def _open_entry(folder: int, name: str, path: Path) -> int | None:
    """Open a folder, a link or a file; None if there is none. O_DIRECTORY mounts what autofs mounts on demand."""
    for flags in (_ENTRY | os.O_DIRECTORY, _ENTRY):
        try:
            return os.open(name, flags, dir_fd=folder)
        except NotADirectoryError:  # a link or a file; or `folder` is one
            continue
        except FileNotFoundError:
            return None
        except OSError as error:
            raise storage_error(error, path) from error
    return None


def _target(entry: int, folder: int, where: Path, name: str) -> str | None:
    """Return where a link leads; None if the entry is no link."""
    found = os.fstat(entry)
    if not stat.S_ISLNK(found.st_mode):
        return None
    _require_trusted(found, os.fstat(folder), where, name)
    # By its descriptor, since the name may have changed; macOS cannot do that.
    return os.readlink("", dir_fd=entry) if hasattr(os, "O_PATH") else os.readlink(name, dir_fd=folder)


def _require_trusted(link: os.stat_result, folder: os.stat_result, where: Path, name: str) -> None:
    ours = (0, os.geteuid())
    others_write = folder.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    kept_by_owner = folder.st_mode & stat.S_ISVTX  # then only a link's owner can replace it
    if link.st_uid not in ours:
        reason = "is a link that belongs to another user"
    elif folder.st_uid not in ours or (others_write and not kept_by_owner):
        reason = "is a link in a folder that others can write to"
    elif _has_made_up_owners(where):
        reason = "is a link on a file system that does not tell whose it is"
    else:
        return
    raise StorageError(
        f"{shown(where / name)} {reason}",
        code=SYMLINK,
        hint="replace it with a real folder, or name its target in the configuration",
        where=shown(where / name),
    )


def _has_made_up_owners(path: Path) -> bool:
    kind = filesystem_type(path) or ""
    return kind in _MADE_UP_OWNERS or kind.startswith("fuse.")
