"""Locks that keep a second daemon from using the same state folder or watch folders."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import stat
import threading
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from framewatch.errors import AlreadyRunningError, Finding, StorageError, shorten
from framewatch.storage import files
from framewatch.storage.os_errors import storage_faults
from framewatch.storage.root import Root
from framewatch.text import printable
from framewatch.threads import NamedLocks

LOCK_NAME = ".framewatch.lock"
_OPEN = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_INFO_BYTES = 4096
_MAX_PID = 2**31
# EBADF: of a folder on NFS, where only a file that is open for writing can be locked.
_NO_LOCKS = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL, errno.EBADF})


@dataclass(frozen=True)
class Holder:
    """The holder of a lock, according to the lock file."""

    pid: int | None
    host: str
    since: str  # RFC 3339

    def __str__(self) -> str:
        """Describe the holder: `process 4711 on nas since 2024-05-01T10:00:00+00:00`."""
        process = "another process" if self.pid is None else f"process {self.pid}"
        host = f" on {self.host}" if self.host else ""
        return f"{process}{host}{f' since {self.since}' if self.since else ''}"


class FolderLock:
    """An exclusive lock on a folder: flock(2) on a hidden file in it.

    The kernel releases it when the process ends, in whatever way. The file stays and names the last holder; a stale
    file does no harm.
    """

    def __init__(self, folder: Root, *, writes: bool = True) -> None:
        """Prepare. If it `writes` nothing into the folder, the folder itself is locked, and no holder is named."""
        self._writes = writes
        self._folder = folder
        self.path = folder.path / LOCK_NAME
        self._file: int | None = None
        self._seen: os.stat_result | None = None  # of the file

    def acquire(self, what: str) -> Finding | None:
        """Acquire the lock.

        Args:
            what: the name of the folder in messages: "the state folder", "folder 'anime'".

        Returns:
            A warning if the file system has no locks; the daemon then runs without.

        Raises:
            AlreadyRunningError: another process, on this or another host, holds the lock.
            StorageError: the folder or the lock file cannot be opened, or that is not a regular file.
        """
        file = self._open()
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = _read(file)
            os.close(file)
            return self._not_locked(error, holder, what)
        self._file = file
        if self._writes:
            _write(file)
        return None

    def is_current(self) -> bool:
        """Return whether the locked file is still the one in the folder: its disk may have been replaced."""
        try:
            found = self._folder.find(self.path if self._writes else self._folder.path)
        except StorageError:
            return False
        seen = self._seen
        if found is None or seen is None:
            return False
        # An inode number is only stable while the file is open; without locks it was closed again.
        return found.st_dev == seen.st_dev and (self._file is None or found.st_ino == seen.st_ino)

    def release(self) -> None:
        """Release the lock, if it is held."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> int:
        try:
            with self._folder.opened() as folder:
                file = os.open(LOCK_NAME, _OPEN, 0o600, dir_fd=folder) if self._writes else os.dup(folder)
        except OSError as error:
            hint = "make the folder writable, and remove anything else with that name"
            message = f"the lock {self.path} cannot be opened: {error.strerror}"
            raise StorageError(message, code="storage.lock", hint=hint) from None
        try:
            with storage_faults(self.path):
                status = os.fstat(file)
            if self._writes:
                self._require_plain(status)
        except BaseException:
            os.close(file)
            raise
        self._seen = status
        return file

    def _require_plain(self, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:  # another file's hard link would be overwritten
            message = f"{self.path} is not a plain file, or has hard links"
            raise StorageError(message, code="storage.lock", hint="remove it")

    def _not_locked(self, error: OSError, holder: Holder, what: str) -> Finding:
        if isinstance(error, BlockingIOError) or error.errno == errno.EACCES:
            message = f"{what} ({self.path.parent}) is in use by {holder}"
            raise AlreadyRunningError(message, hint="stop the other framewatch first") from None
        if error.errno in _NO_LOCKS:
            message = f"{what} is on a file system without locks, so a second framewatch would not be detected"
            hint = "make sure that only one framewatch uses it"
            return Finding("daemon.lock_unsupported", message, hint, str(self.path.parent))
        message = f"the lock {self.path} cannot be taken: {error.strerror}"
        raise StorageError(message, code="storage.lock") from None


class DaemonLock:
    """The locks on all folders that a daemon uses, acquired together or not at all. Thread-safe.

    A folder that hangs, such as a dead share, blocks only callers that want this folder.
    """

    def __init__(self) -> None:
        self._locks: dict[Path, FolderLock] = {}  # by folder, without links
        self._keys: dict[Root, Path] = {}  # path without links of each folder
        self._guard = threading.Lock()  # for both tables
        self._locking = NamedLocks()

    def add(self, folder: Root, what: str, *, writes: bool = True) -> tuple[Finding, ...]:
        """Lock one more folder. Does nothing if it is held and its disk is the same.

        Args:
            folder: the folder.
            what: its name in messages.
            writes: whether a file may be written into it.

        Returns and raises: as `hold`.
        """
        _, warning = self._take(folder, what, writes=writes)
        return (warning,) if warning else ()

    def drop(self, folder: Root) -> None:
        """Release a folder whose disk is gone: an open lock file would keep the disk from being unmounted.

        The folder itself is not accessed.
        """
        with self._guard:
            key = self._keys.get(folder)
        if key is not None:
            self._release_keys(key)

    def keep(self, wanted: Collection[Root]) -> None:
        """Release all folders but these. None is accessed."""
        with self._guard:
            self._keys = {folder: key for folder, key in self._keys.items() if folder in wanted}
            unwanted = self._locks.keys() - set(self._keys.values())
        self._release_keys(*unwanted)

    def hold(self, wanted: Mapping[Root, str]) -> tuple[Finding, ...]:
        """Hold exactly these folders: lock new ones, release those no longer wanted.

        Args:
            wanted: folders, each with its name in messages.

        Returns:
            Warnings about file systems without locks.

        Raises:
            AlreadyRunningError, StorageError: a folder cannot be locked. What was held before is still held.
        """
        new: list[Path] = []
        warnings = []
        try:
            for folder, what in wanted.items():
                is_new, warning = self._take(folder, what)
                new += [self._keys[folder]] if is_new else []
                warnings.append(warning)
        except (AlreadyRunningError, StorageError):
            self._release_keys(*new)
            raise
        self.keep(wanted)
        return tuple(warning for warning in warnings if warning)

    def _take(self, folder: Root, what: str, *, writes: bool = True) -> tuple[bool, Finding | None]:
        """Lock a folder, again if its disk was replaced. Returns whether it was not held before, and a warning."""
        key = folder.real_path()
        with self._locking.of(key):
            with self._guard:
                self._keys[folder] = key
                held = self._locks.get(key)
            if held is not None and held.is_current():
                return False, None
            self._release_keys(key)  # first: our own old lock would refuse the new one if it is the same file
            lock = FolderLock(folder, writes=writes)
            warning = lock.acquire(what)
            with self._guard:
                self._locks[key] = lock
        return held is None, warning

    def _release_keys(self, *keys: Path) -> None:
        with self._guard:
            locks = {key: self._locks.pop(key) for key in keys if key in self._locks}
        _release(locks)

    def release(self) -> None:
        """Let go of everything."""
        self._release_keys(*tuple(self._locks))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def is_held_by_us(folder: Root) -> bool:
    """Return whether a process of this user on this host has the lock, to judge by the file that it has open.

    Anybody may write anything into the file, so its content alone proves nothing.
    """
    try:
        path = str(folder.real_path() / LOCK_NAME)
        with folder.opened() as top:
            file = os.open(LOCK_NAME, files.READ, dir_fd=top)
    except (OSError, StorageError):
        return False
    try:
        holder = psutil.Process(_read(file).pid or 0)
        return holder.uids().real == os.geteuid() and any(each.path == path for each in holder.open_files())
    except (psutil.Error, OSError):
        return False
    finally:
        os.close(file)


def _release(locks: Mapping[Path, FolderLock]) -> None:
    for lock in locks.values():
        lock.release()


def _write(file: int) -> None:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    info = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
    with suppress(OSError):  # a full disk: the lock works all the same, only its holder is not named
        os.ftruncate(file, 0)
        os.pwrite(file, json.dumps(info).encode() + b"\n", 0)


def _read(file: int) -> Holder:
    """Read a lock file. Anybody may have written it, so every value is checked."""
    try:
        info = json.loads(os.pread(file, _INFO_BYTES, 0))
    except (OSError, ValueError, RecursionError):
        info = None
    info = info if isinstance(info, dict) else {}
    pid = info.get("pid")
    known = type(pid) is int and 0 < pid < _MAX_PID
    return Holder(pid if known else None, _word(info.get("host")), _word(info.get("since")))


def _word(value: object) -> str:
    return shorten(printable(value)) if isinstance(value, str) else ""
