"""Open files below a folder, without following a link in any component.

Linux 5.6 and newer do this in one system call, openat2(2). Elsewhere, and where a container forbids that call, each
component is opened from the descriptor of the one before it.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import AnyStr

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# A folder on the way needs no right to list it. O_PATH is Linux's; elsewhere the folders have to be readable.
PASSED = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC

MAX_DEPTH = 16  # of the folders in which `files_below` looks
_OPENAT2 = 437  # the same number on every architecture but Alpha
_RESOLVE = 0x02 | 0x04 | 0x08  # RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH, from linux/openat2.h
_UNSUPPORTED = (errno.ENOSYS, errno.EPERM)  # EPERM: older container runtimes refuse calls that they do not know

_Open = Callable[[int, bytes, int, int], int]


class _OpenHow(ctypes.Structure):
    """`struct open_how` of linux/openat2.h."""

    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def open_beneath(folder: int, parts: Sequence[str], flags: int, mode: int = 0o666) -> int:
    """Open what lies below an open folder, and return its descriptor.

    Args:
        folder: descriptor of the folder; O_PATH is enough.
        parts: path components below it; none opens the folder again.
        flags: as for `os.open`; O_NOFOLLOW and O_CLOEXEC are added.
        mode: of a file that is created.

    Raises:
        OSError: ELOOP if a component is a link; EXDEV if a component leads out of the folder; else as `os.open`.
    """
    _require_names(parts)
    flags |= os.O_NOFOLLOW | os.O_CLOEXEC
    if not parts:
        return os.open(".", flags, mode, dir_fd=folder)
    call = _openat2()
    if call is not None:
        with suppress(NotADirectoryError):  # a file or a link: the walk tells which
            return call(folder, os.fsencode("/".join(parts)), flags, mode)
    return _walk(folder, parts, flags, mode)


def find(folder: int, parts: Sequence[str]) -> os.stat_result | None:
    """Return the status of what lies below an open folder: of a link itself, if it is one.

    Returns:
        None if nothing is there, or a link or a file is in the place of a folder on the way.

    Raises:
        OSError: another error of the file system.
    """
    _require_names(parts)
    if not parts:
        return os.fstat(folder)
    try:
        parent = open_beneath(folder, parts[:-1], PASSED) if parts[1:] else os.dup(folder)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            return None
        raise
    try:
        return os.stat(parts[-1], dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return None
    finally:
        os.close(parent)


def files_below(folder: int, parts: Sequence[str], depth: int = 0) -> Iterator[tuple[str, os.stat_result]]:
    """Yield name and status of the regular files in a folder and those below it, without following a link.

    Args:
        folder: descriptor of an open folder.
        parts: path components of the folder to list, below it.
        depth: of the folder below that of the first call.

    Raises:
        OSError: a folder cannot be read, or they are nested too deeply.
    """
    if depth > MAX_DEPTH:
        raise OSError(errno.ENAMETOOLONG, "the folders are nested too deeply")
    here = open_beneath(folder, parts, FOLDER)
    try:
        with os.scandir(here) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
        for entry in listed:
            if entry.is_dir(follow_symlinks=False):
                yield from files_below(here, (entry.name,), depth + 1)
            elif entry.is_file(follow_symlinks=False):
                yield entry.name, os.stat(entry.name, dir_fd=here, follow_symlinks=False)
    finally:
        os.close(here)


def open_path(path: Path, flags: int, mode: int = 0o666) -> int:
    """Open an absolute path without following a link, as `open_beneath` does from the folder `/`."""
    top = os.open("/", PASSED)
    try:
        return open_beneath(top, path.parts[1:], flags, mode)
    finally:
        os.close(top)


def walk(top: AnyStr) -> Iterator[tuple[AnyStr, list[AnyStr], list[AnyStr]]]:
    """List a tree as `os.walk` does, but follow no link, also none that is placed meanwhile. A link counts as a file.

    Args:
        top: absolute path of the folder.
    """
    pending = [os.fsdecode(top)]
    convert: Callable[[str], AnyStr] = os.fsencode if isinstance(top, bytes) else os.fsdecode
    while pending:
        path = pending.pop()
        folders: list[str] = []
        others: list[str] = []
        with suppress(OSError):
            folder = open_path(Path(path), FOLDER)
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        (folders if entry.is_dir(follow_symlinks=False) else others).append(entry.name)
            finally:
                os.close(folder)
            yield convert(path), list(map(convert, folders)), list(map(convert, others))
            pending += (f"{path}/{name}" for name in folders)


def _require_names(parts: Sequence[str]) -> None:
    for part in parts:
        if part in ("", ".", "..") or "/" in part or "\0" in part:
            raise OSError(errno.EXDEV, "this is not the name of a file in the folder", part)


def _walk(folder: int, parts: Sequence[str], flags: int, mode: int) -> int:
    here = os.dup(folder)
    try:
        for part in parts[:-1]:
            inner = _open_one(here, part, PASSED | os.O_NOFOLLOW, 0)
            os.close(here)
            here = inner
        return _open_one(here, parts[-1], flags, mode)
    finally:
        os.close(here)


def _open_one(folder: int, part: str, flags: int, mode: int) -> int:
    try:
        return os.open(part, flags, mode, dir_fd=folder)
    except NotADirectoryError:
        if _is_link(folder, part):  # O_DIRECTORY finds fault with a link before O_NOFOLLOW does
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), part) from None
        raise


def _is_link(folder: int, part: str) -> bool:
    try:
        return stat.S_ISLNK(os.stat(part, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return False


@functools.cache
def _openat2() -> _Open | None:
    """Return openat2(2) as a function; None where it cannot be used."""
    if sys.platform != "linux":
        return None
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    syscall.restype = ctypes.c_long

    def call(folder: int, path: bytes, flags: int, mode: int) -> int:
        how = _OpenHow(flags, mode if flags & os.O_CREAT else 0, _RESOLVE)
        while True:
            opened = syscall(
                ctypes.c_long(_OPENAT2), ctypes.c_int(folder), ctypes.c_char_p(path), ctypes.byref(how),
                ctypes.c_size_t(ctypes.sizeof(how)),
            )  # fmt: skip
            if opened >= 0:
                return int(opened)
            number = ctypes.get_errno()
            if number not in (errno.EINTR, errno.EAGAIN):  # EAGAIN: something was renamed meanwhile
                raise OSError(number, os.strerror(number), os.fsdecode(path))

    here = os.open(".", PASSED)
    try:
        os.close(call(here, b".", PASSED, 0))
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            return None
        raise
    finally:
        os.close(here)
    return call
