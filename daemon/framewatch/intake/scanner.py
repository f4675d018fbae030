"""Find the regular files in a folder. Opens no file, and follows no link."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from framewatch.errors import StorageError
from framewatch.intake.ignore_rules import IgnoreRules
from framewatch.intake.settle_tracker import Snapshot
from framewatch.storage import beneath
from framewatch.storage.root import Root

MAX_DEPTH = 64  # folders below the root; deeper trees are skipped and reported
MAX_REPORTED = 1000  # entries reported by name; bounds the memory that a hostile folder can use


class Found(NamedTuple):
    """A file found by a scan. Bytes of its name that are not UTF-8 are surrogate escapes."""

    relative: str  # path below the root, with slashes
    snapshot: Snapshot


class Pending(NamedTuple):
    """A folder that the scan has not read yet."""

    relative: str
    key: tuple[int, int] | None  # device and inode, if known


class ScanReport:
    """What a scan left out; filled while it runs."""

    def __init__(self) -> None:
        self.ignored = 0  # entries that match an ignore rule
        self.unsupported: dict[str, str] = {}  # path to kind: a link, a FIFO, a socket, a device …
        self.root_error: str | None = None  # why the watch folder itself could not be read
        self.unreadable: dict[str, str] = {}  # subfolder to reason

    def may_have_missed(self, relative: str) -> bool:
        """Return whether the path is in a folder that could not be read, so that it may still exist."""
        return self.root_error is not None or any(relative.startswith(f"{folder}/") for folder in self.unreadable)


class Scanner:
    """Scans one watch folder."""

    def __init__(self, root: Root, *, recursive: bool, rules: IgnoreRules, excluded: Collection[Path] = ()) -> None:
        """Prepare to scan.

        Args:
            root: the watch folder.
            recursive: whether to scan subfolders.
            rules: the entries to skip.
            excluded: folders to skip, wherever they are: outputs, done, failed.
        """
        self._root = root
        self._recursive = recursive
        self._rules = rules
        self._excluded = [Root(path, root.guard) for path in excluded]

    @cached_property
    def _excluded_names(self) -> frozenset[str]:
        return _below(self._root, self._excluded)  # on the scanning thread, since the folder may be on a dead share

    def walk(self, report: ScanReport, below: str = "") -> Iterator[Found]:
        """Yield all files, or those in the subfolder `below`. An unreadable folder does not stop the scan.

        Raises:
            StorageError: the watch folder cannot be opened.
        """
        excluded = {key for root in self._excluded if (key := _key(root))}
        pending: list[Pending] = [Pending(below, None)]
        with self._root.opened() as top:
            while pending:
                folder = pending.pop()
                try:
                    with _opened(top, folder) as file, os.scandir(file) as entries:
                        for entry in entries:
                            if found := self._entry(entry, folder.relative, excluded, pending, report):
                                yield found
                except OSError as error:
                    reason = error.strerror or str(error)
                    if not folder.relative:
                        report.root_error = reason
                    elif not isinstance(error, FileNotFoundError):  # a subfolder may vanish during the scan
                        _note(report.unreadable, folder.relative, reason)

    @contextmanager
    def opened(self) -> Iterator[int]:
        """Open the watch folder for `look` and `check_ready`, and yield its descriptor.

        Raises:
            StorageError: it cannot be opened.
        """
        with self._root.opened() as top:
            yield top

    def look(self, top: int, relative: str) -> Snapshot | os.stat_result | None:
        """Return a Snapshot of a regular file, the stat result of anything else, or None if nothing is there.

        A path that leads through a link counts as missing.
        """
        try:
            status = beneath.find(top, relative.split("/"))
        except OSError:
            return None
        return _snapshot(status) if status and stat.S_ISREG(status.st_mode) else status

    def covers(self, relative: str) -> bool:
        """Return whether a scan would reach a path, judged by its name alone."""
        if not self._recursive and "/" in relative:
            return False
        if any(relative == name or relative.startswith(f"{name}/") for name in self._excluded_names):
            return False
        return relative.count("/") <= MAX_DEPTH and not self._rules.ignores(relative)

    def _entry(
        self,
        entry: os.DirEntry[str],
        folder: str,
        excluded: set[tuple[int, int]],
        pending: list[Pending],
        report: ScanReport,
    ) -> Found | None:
        relative = f"{folder}/{entry.name}" if folder else entry.name
        if relative in self._excluded_names:
            return None
        if self._rules.ignores_entry(entry.name, relative):
            report.ignored += 1
            return None
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return None  # it vanished after the folder was read
        if stat.S_ISREG(status.st_mode):
            return Found(relative, _snapshot(status))
        key = (status.st_dev, status.st_ino)
        if not stat.S_ISDIR(status.st_mode):
            _note(report.unsupported, relative, _kind(status.st_mode))
        elif relative.count("/") >= MAX_DEPTH:
            _note(report.unsupported, relative, "a folder nested too deeply")
        elif self._recursive and key not in excluded:
            pending.append(Pending(relative, key))
        return None


@contextmanager
def _opened(top: int, folder: Pending) -> Iterator[int]:
    """Open a folder for reading, and check that it is the one that was seen before."""
    file = beneath.open_beneath(top, folder.relative.split("/") if folder.relative else (), beneath.FOLDER)
    try:
        status = os.fstat(file)
        if folder.key not in (None, (status.st_dev, status.st_ino)):
            raise OSError(errno.ESTALE, "the folder was replaced")
        yield file
    finally:
        os.close(file)


def _snapshot(status: os.stat_result) -> Snapshot:
    return Snapshot(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def _kind(mode: int) -> str:
    kinds = {stat.S_IFLNK: "a symbolic link", stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def _note(notes: dict[str, str], key: str, text: str) -> None:
    if len(notes) < MAX_REPORTED:
        notes[key] = text


def _key(root: Root) -> tuple[int, int] | None:
    """Return device and inode of a folder; None if it cannot be opened."""
    with suppress(OSError, StorageError), root.opened() as folder:
        status = os.fstat(folder)
        return status.st_dev, status.st_ino
    return None


def _below(root: Root, others: Collection[Root]) -> frozenset[str]:
    """Return the folders below the root, relative to it: as written, and with links resolved."""
    pairs = [(root.path, other.path) for other in others]
    for other in others:
        with suppress(StorageError):
            pairs.append((root.real_path(), other.real_path()))
    inside = (path.relative_to(top) for top, path in pairs if path.is_relative_to(top) and path != top)
    return frozenset(path.as_posix() for path in inside)
