"""Find the regular files in a folder. Opens no file, and follows no link."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from framewatch.errors import StorageError
from framewatch.intake.ignore.rules import IgnoreRules
from framewatch.intake.settle_tracker import Snapshot
from framewatch.library.companions import is_written_for_a_video
from framewatch.library.discs import disc_kind
from framewatch.library.own_files import is_preset_name
from framewatch.storage import beneath, files
from framewatch.storage.mount_marker import MARKER_NAME
from framewatch.storage.os_errors import shown
from framewatch.storage.root import Root

MAX_DEPTH = 64  # folders below the root; deeper trees are skipped and reported
MAX_REPORTED = 1000  # entries reported by name; bounds the memory that a hostile folder can use


class Found(NamedTuple):
    """A file found by a scan, or a disc. Bytes of its name that are not UTF-8 are surrogate escapes."""

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
        self.companions: list[str] = []  # subtitles and the like
        self.unsupported: dict[str, str] = {}  # path to kind: a link, a FIFO, a socket, a device …
        self.root_error: str | None = None  # why the watch folder itself could not be read
        self.unreadable: dict[str, str] = {}  # subfolder to reason
        self.not_read: set[str] = set()  # subfolders, where only the folder itself is read
        self.presets: set[str] = set()  # preset files in subfolders: they have no effect

    def ignore(self, relative: str) -> None:
        """Count an entry that a rule ignores, and note what a user may still expect something of."""
        self.ignored += 1
        folder, _, name = relative.rpartition("/")
        if is_written_for_a_video(name) and len(self.companions) < MAX_REPORTED:
            self.companions.append(relative)
        if folder and is_preset_name(name) and len(self.presets) < MAX_REPORTED:
            self.presets.add(relative)

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
        self._other_names: dict[str, Path] = {}  # subfolders that the last scan found to be a root of framewatch's

    @cached_property
    def _excluded_names(self) -> frozenset[str]:
        return _below(self._root, self._excluded)  # on the scanning thread, since the folder may be on a dead share

    def walk(self, report: ScanReport, below: str = "") -> Iterator[Found]:
        """Yield all files, or those in the subfolder `below`. An unreadable folder does not stop the scan.

        A subfolder that is one of framewatch's folders under another name, such as the output that is mounted there,
        too, is skipped and reported: its files would be processed for ever.

        Raises:
            StorageError: the watch folder cannot be opened.
        """
        if not below:
            self._other_names = {}
        pending: list[Pending] = [Pending(below, None)]
        with self._root.opened() as top:
            roots = self.roots()
            while pending:
                folder = pending.pop()
                if disc_kind(folder.relative.rpartition("/")[2]):
                    if isinstance(disc := self.look(top, folder.relative), Snapshot):
                        yield Found(folder.relative, disc)
                    continue
                try:
                    with _opened(top, folder) as file, os.scandir(file) as entries:
                        for entry in self._listed(entries, file, folder.relative, report):
                            if found := self._entry(entry, folder.relative, roots, pending, report):
                                yield found
                except OSError as error:
                    reason = error.strerror or str(error)
                    if not folder.relative:
                        report.root_error = reason
                    elif not isinstance(error, FileNotFoundError):  # a subfolder may vanish during the scan
                        _note(report.unreadable, folder.relative, reason)

    def other_root(self, top: int, roots: Mapping[tuple[int, int], Path], folder: str) -> Path | None:
        """Return which of framewatch's folders a subfolder is, or is in, under another name; None if it is none.

        Args:
            top: descriptor of the watch folder.
            roots: framewatch's folders, as `roots` returns them.
            folder: path of the subfolder below it; "" for the watch folder itself.
        """
        parts = folder.split("/") if folder else []
        for count in range(1, len(parts) + 1):
            with suppress(OSError):
                file = beneath.open_beneath(top, parts[:count], beneath.FOLDER)
                try:
                    status = os.fstat(file)
                    found = roots.get((status.st_dev, status.st_ino)) or self._root.guard.marked(file)
                finally:
                    os.close(file)
                if found is not None:
                    return found
        return None

    def roots(self) -> dict[tuple[int, int], Path]:
        """Return framewatch's folders by device and inode.

        Those of other watch folders are known from their own watches: some may be on a share that does not answer.
        """
        own = {key: root.path for root in (self._root, *self._excluded) if (key := _key(root))}
        return {**self._root.guard.seen(), **own}

    def _listed(
        self, entries: Iterator[os.DirEntry[str]], file: int, folder: str, report: ScanReport
    ) -> Iterable[os.DirEntry[str]]:
        """Return the entries of an open folder; none if it has the mount marker of a root, and so is its view."""
        if not folder:
            return entries  # one by one: there may be tens of thousands
        listed = list(entries)
        if any(entry.name == MARKER_NAME for entry in listed) and (root := self._root.guard.marked(file)):
            self._note_root(folder, root, report)
            return ()
        return listed

    def _note_root(self, folder: str, root: Path, report: ScanReport) -> None:
        self._other_names[folder] = root
        _note(report.unsupported, folder, f"the folder {shown(root)} under another name")

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

        A path that leads through a link counts as missing. A disc is taken as one file, once nothing in it is an
        unfinished download.
        """
        parts = relative.split("/")
        try:
            status = beneath.find(top, parts)
            if status and stat.S_ISDIR(status.st_mode) and disc_kind(parts[-1]):
                inside = list(beneath.files_below(top, parts))
                if any(self._rules.is_unfinished(name) for name, _ in inside):
                    return None
                whole = files.identity_of_tree(status, (found for _, found in inside))
                return Snapshot(whole.device, whole.inode, whole.size, whole.mtime_ns)
        except OSError:
            return None
        return _snapshot(status) if status and stat.S_ISREG(status.st_mode) else status

    def names(self, top: int, folder: str) -> list[str]:
        """Return the names in a subfolder ("": the watch folder itself); none if it cannot be read."""
        try:
            with _opened(top, Pending(folder, None)) as file, os.scandir(file) as entries:
                return [entry.name for entry in entries]
        except OSError:
            return []

    def covers(self, relative: str) -> bool:
        """Return whether a scan would reach a path, judged by its name alone."""
        if not self._recursive and "/" in relative:
            return False
        left_out = (*self._excluded_names, *self._other_names)
        if any(relative == name or relative.startswith(f"{name}/") for name in left_out):
            return False
        return relative.count("/") <= MAX_DEPTH and not self._rules.ignores(relative)

    def _entry(
        self,
        entry: os.DirEntry[str],
        folder: str,
        roots: Mapping[tuple[int, int], Path],
        pending: list[Pending],
        report: ScanReport,
    ) -> Found | None:
        relative = f"{folder}/{entry.name}" if folder else entry.name
        if relative in self._excluded_names:
            return None
        if self._rules.ignores_entry(entry.name, relative):
            report.ignore(relative)
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
        elif root := roots.get(key):
            self._note_root(relative, root, report)
        elif self._recursive:
            pending.append(Pending(relative, key))
        elif len(report.not_read) < MAX_REPORTED:
            report.not_read.add(relative)
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
