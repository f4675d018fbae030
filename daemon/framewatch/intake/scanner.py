"""Looks at a folder: which regular files lie in it. Opens no file, follows no link below the root."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from framewatch.intake.ignore_rules import IgnoreRules
from framewatch.intake.settle_tracker import Snapshot

MAX_DEPTH = 64  # folders below the root; a deeper tree is left alone and reported
MAX_REPORTED = 1000  # oddities that are kept by name; bounds memory in a hostile folder


class Found(NamedTuple):
    """A file that a scan has found. Bytes of its name that are not UTF-8 are surrogate escapes."""

    relative: str  # below the root, with slashes
    snapshot: Snapshot


class Pending(NamedTuple):
    """A folder that a scan has yet to read."""

    relative: str
    key: tuple[int, int] | None  # device and inode where they are known


class ScanReport:
    """What a scan has left out, filled while it runs."""

    def __init__(self) -> None:
        self.ignored = 0  # names that the rules leave alone
        self.odd: dict[str, str] = {}  # path to what it is: a link, a FIFO, a socket, a device …
        self.unreadable: dict[str, str] = {}  # folder to why; "" is the root

    def could_not_see(self, relative: str) -> bool:
        """Whether the path lies in a folder that could not be read, so that its absence says nothing."""
        return any(not folder or relative.startswith(f"{folder}/") for folder in self.unreadable)


class Scanner:
    """Walks one watch folder."""

    def __init__(self, root: Path, *, recursive: bool, rules: IgnoreRules, excluded: Collection[Path] = ()) -> None:
        """Prepare to walk.

        Args:
            root: the watch folder; it may itself be a link.
            recursive: whether to walk into subfolders.
            rules: names to leave alone.
            excluded: folders not to walk into wherever they lie: outputs, done, failed.
        """
        self.root = root
        self._recursive = recursive
        self._rules = rules
        self._excluded = tuple(excluded)
        self._excluded_names = _below(root, self._excluded)

    def walk(self, report: ScanReport, below: str = "") -> Iterator[Found]:
        """Find all files, or those in the subfolder `below`. One unreadable folder does not stop the rest."""
        excluded = {key for path in self._excluded if (key := _key(path))}
        pending: list[Pending] = [Pending(below, None)]
        while pending:
            folder = pending.pop()
            try:
                with _opened(self.root, folder) as file, os.scandir(file) as entries:
                    for entry in entries:
                        if found := self._entry(entry, folder.relative, excluded, pending, report):
                            yield found
            except FileNotFoundError as error:  # it vanished since it was seen; the root must not
                if not folder.relative:
                    _note(report.unreadable, "", error.strerror or str(error))
            except OSError as error:
                _note(report.unreadable, folder.relative, error.strerror or str(error))

    def look(self, relative: str) -> Snapshot | os.stat_result | None:
        """Look at one path: a Snapshot of a regular file, the status of anything else, or None.

        A link in place of a folder on the way counts as nothing.
        """
        path = str(self.root)
        status: os.stat_result | None = None
        for name in relative.split("/"):
            if status is not None and not stat.S_ISDIR(status.st_mode):
                return None
            path = f"{path}/{name}"
            try:
                status = os.lstat(path)
            except OSError:
                return None
        return _snapshot(status) if status and stat.S_ISREG(status.st_mode) else status

    def covers(self, relative: str) -> bool:
        """Whether a path is one that a walk would come to, judged by its name alone."""
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
            return None  # it vanished since the folder was read
        if stat.S_ISREG(status.st_mode):
            return Found(relative, _snapshot(status))
        key = (status.st_dev, status.st_ino)
        if not stat.S_ISDIR(status.st_mode):
            _note(report.odd, relative, _kind(status.st_mode))
        elif relative.count("/") >= MAX_DEPTH:
            _note(report.odd, relative, "a folder nested too deeply")
        elif self._recursive and key not in excluded:
            pending.append(Pending(relative, key))
        return None


@contextmanager
def _opened(root: Path, folder: Pending) -> Iterator[int]:
    """A folder, open for reading; an error where it is not the one that was seen before.

    So a folder that is swapped for a link while the scan runs does not lead out of the tree.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | (os.O_NOFOLLOW if folder.relative else 0)
    file = os.open(root / folder.relative, flags)
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


def _key(path: Path) -> tuple[int, int] | None:
    """What tells a folder from others whatever it is called; None where it does not exist."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _below(root: Path, paths: Collection[Path]) -> frozenset[str]:
    """Those of the paths that lie below the root, relative to it: as written, and with links resolved."""
    pairs = [(root, path) for path in paths]
    pairs += [(Path(os.path.realpath(root)), Path(os.path.realpath(path))) for path in paths]
    inside = (path.relative_to(top) for top, path in pairs if path.is_relative_to(top) and path != top)
    return frozenset(path.as_posix() for path in inside)
