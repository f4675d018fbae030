"""Moves of files from place to place, across file systems too, that lose nothing whenever the power goes.

Within a file system a move is a rename. Across file systems the content is copied to a hidden name beside the
destination, synced, read back and compared; then it gets its name, and only then does the old file go. Each
move can be begun again after a crash at any point and ends the same way.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from framewatch.domain import FileIdentity
from framewatch.storage import files
from framewatch.storage.copy import CopyProgress, copy_content, same_content
from framewatch.storage.mount_guard import UNGUARDED, Guard
from framewatch.storage.os_errors import storage_faults
from framewatch.storage.rename import rename_exclusive


class Moved(StrEnum):
    """How a move ended."""

    DONE = "done"  # the file lies at its destination, on the disk
    TAKEN = "taken"  # something else lies there; nothing was changed
    CHANGED = "changed"  # the source is no longer the file that was meant; it stays
    GONE = "gone"  # the source is not there, nor has it arrived


@dataclass(frozen=True, slots=True)
class Move:
    """Which file goes where."""

    source: Path
    destination: Path
    root: Path  # the destination lies below it; from there on no link is followed
    part: str  # hidden name beside the destination while it is copied
    size: int  # bytes of the file that is meant
    source_root: Path | None = None  # likewise for a source in a folder of users; None: the folder is ours
    identity: FileIdentity | None = None  # the source as it was taken in; None: whatever is there
    overwrite: bool = False  # replace what lies at the destination, in one step
    guard: Guard = UNGUARDED  # of both roots


def move(order: Move, cancel: threading.Event | None = None, progress: CopyProgress | None = None) -> Moved:
    """Move a regular file, or finish what an earlier try began; nothing is overwritten unless so ordered.

    Raises:
        StorageError: the disk is full, read-only or gone, a link lies in the way, a copy came out wrong.
        CancelledError: `cancel` was set while it was being copied; nothing has happened.
    """
    with storage_faults(order.destination), ExitStack() as stack:
        folder = files.open_folder(order.root, order.destination.parent, create=True, guard=order.guard)
        target = stack.enter_context(folder)
        source = _open_source(order, stack)
        if isinstance(source, Moved):
            return _arrived(order, target) or source
        return _Running(order, source, target, cancel, progress).run()


def discard_part(path: Path, root: Path, part: str, guard: Guard = UNGUARDED) -> None:
    """Remove what is left of a copy to `path` that is not to be finished.

    Raises:
        StorageError: as for `move`.
    """
    files.remove(path.with_name(part), root=root, guard=guard)


@dataclass(frozen=True, slots=True)
class _Source:
    folder: int  # descriptors
    file: int
    facts: os.stat_result


def _open_source(order: Move, stack: ExitStack) -> _Source | Moved:
    parent = order.source.parent
    if order.source_root is None and not parent.is_dir():
        return Moved.GONE
    try:
        guard = order.guard if order.source_root else UNGUARDED
        folder = stack.enter_context(files.open_folder(order.source_root or parent, parent, guard=guard))
        file = os.open(order.source.name, files.READ, dir_fd=folder)
    except FileNotFoundError:
        return Moved.GONE
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # a link, or a socket
            return Moved.CHANGED
        raise
    stack.callback(os.close, file)
    facts = os.fstat(file)
    if not stat.S_ISREG(facts.st_mode):
        return Moved.CHANGED
    if order.identity and not files.unchanged(order.identity, files.identity_of(facts)):
        return Moved.CHANGED
    return _Source(folder, file, facts)


def _arrived(order: Move, target: int) -> Moved | None:
    """DONE where the destination holds a file of the right size: an earlier try got so far."""
    found = _lstat(target, order.destination.name)
    if found is None or not stat.S_ISREG(found.st_mode) or found.st_size != order.size:
        return None
    files.sync_folder(target)
    return Moved.DONE


class _Running:
    """A move whose source and whose destination's folder are open."""

    def __init__(
        self,
        order: Move,
        source: _Source,
        target: int,
        cancel: threading.Event | None,
        progress: CopyProgress | None,
    ) -> None:
        self.order = order
        self.source = source
        self.target = target
        self.cancel = cancel
        self.progress = progress
        self.old, self.new = order.source.name, order.destination.name

    def run(self) -> Moved:
        if self._at_home():
            return Moved.DONE
        found = _lstat(self.target, self.new)
        if found is not None and not self.order.overwrite:
            return self._finish() if self._is_ours(found) else Moved.TAKEN
        files.sync(self.source.file)
        try:
            self._rename(self.source.folder, self.old)
        except FileExistsError:
            return Moved.TAKEN
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            return self._across()
        return self._synced()

    def _rename(self, folder: int, name: str) -> None:
        if self.order.overwrite:
            os.rename(name, self.new, src_dir_fd=folder, dst_dir_fd=self.target)
        else:
            rename_exclusive(folder, name, self.target, self.new)

    def _across(self) -> Moved:
        part = self.order.part
        files.remove_name(self.target, part)
        file = os.open(part, files.CREATE, 0o600, dir_fd=self.target)
        try:
            copy_content(self.source.file, file, self.cancel, self.progress)
            if not _same(os.fstat(self.source.file), self.source.facts):
                return Moved.CHANGED
            self._rename(self.target, part)
        except FileExistsError:
            return Moved.TAKEN
        finally:
            os.close(file)
            with suppress(OSError):  # a full disk gets its room back; after the rename it is not there
                files.remove_name(self.target, part)
        return self._finish()

    def _finish(self) -> Moved:
        """The destination is whole: the old name goes, if it still leads to the same version of the file."""
        files.sync_folder(self.target)
        found = _lstat(self.source.folder, self.old)
        if found is not None and _same(found, self.source.facts):
            os.unlink(self.old, dir_fd=self.source.folder)
        return self._synced()

    def _synced(self) -> Moved:
        files.sync_folder(self.target)
        files.sync_folder(self.source.folder)
        return Moved.DONE

    def _at_home(self) -> bool:
        """Whether source and destination are one name in one folder, however its path is spelled."""
        one, other = os.fstat(self.source.folder), os.fstat(self.target)
        return self.old == self.new and (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)

    def _is_ours(self, found: os.stat_result) -> bool:
        """Whether an earlier try made what lies at the destination: a link to the source, or its copy."""
        facts = self.source.facts
        if (found.st_dev, found.st_ino) == (facts.st_dev, facts.st_ino):
            return True
        if found.st_ino == facts.st_ino:  # perhaps the source itself, on a share that is mounted twice
            return False
        if not stat.S_ISREG(found.st_mode) or found.st_size != facts.st_size:
            return False
        file = os.open(self.new, files.READ, dir_fd=self.target)
        try:
            return same_content(self.source.file, file, self.cancel)
        finally:
            os.close(file)


def _lstat(folder: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _same(one: os.stat_result, other: os.stat_result) -> bool:
    """Whether two looks at a file while it was open saw the same version of it."""
    return files.identity_of(one) == files.identity_of(other)
