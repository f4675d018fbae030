"""Move files, also across file systems, without losing data at a crash or power cut.

Within a file system a move is a rename. Across file systems the content is copied to a hidden name beside the
destination, synced, read back and compared; then the copy gets its final name, and only then is the source removed.
A move that was interrupted at any point can be repeated and ends the same way.

Whoever can write to a share may exchange a name between any two calls. So what arrived is compared with the file that
was opened and checked before; anything else is put back.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

from framewatch.domain import FileIdentity
from framewatch.errors import StorageError
from framewatch.storage import files
from framewatch.storage.copy import KEPT_MODE, CopyProgress, copy_content, same_content
from framewatch.storage.os_errors import shown, storage_faults
from framewatch.storage.permissions.sharing import share_file
from framewatch.storage.rename import NO_LINKS, rename_exclusive
from framewatch.storage.root import Root
from framewatch.storage.writers.leases import has_writers, knows_writers
from framewatch.storage.writers.processes import writing_process


class Moved(StrEnum):
    """How a move ended."""

    DONE = "done"  # the file is at its destination and synced
    TAKEN = "taken"  # the destination exists and is another file; nothing was changed
    CHANGED = "changed"  # the source is no longer the expected version, or was exchanged; it was left alone
    GONE = "gone"  # the source does not exist, and it is not at its destination either


@dataclass(frozen=True, slots=True)
class Move:
    """A file to move or copy, and its destination."""

    source: Path
    source_root: Root
    destination: Path
    root: Root  # of the destination
    part: str  # hidden name beside the destination, used while copying
    size: int  # bytes that the source is expected to have
    identity: FileIdentity | None = None  # the source as it was admitted; None: any version
    overwrite: bool = False  # replace the destination atomically
    keep: bool = False  # copy: the source stays where it is
    link: bool = False  # with `keep`: a second name of the source will do
    not_written: bool = False  # refuse to copy it away while a program here has it open for writing
    shared: bool = False  # framewatch made it: it gets the group of a folder that hands it down, and the root's mode


def move(task: Move, cancel: threading.Event | None = None, progress: CopyProgress | None = None) -> Moved:
    """Move a regular file, or finish a move that was interrupted.

    Args:
        task: what to move. Nothing is overwritten unless it says so.
        cancel: set to stop while copying.
        progress: called with the bytes copied so far.

    Raises:
        StorageError: the disk is full, read-only or gone, a component is a link, or the copy differs.
        CancelledError: `cancel` was set while copying; the source and the destination are unchanged.
    """
    with storage_faults(task.destination), ExitStack() as stack:
        target = stack.enter_context(task.root.open_folder(task.destination.parent, create=True))
        source = _open_source(task, stack)
        if isinstance(source, Moved):
            return _already_moved(task, target) or source
        return _OpenMove(task, source, target, cancel, progress).run()


def discard_part(path: Path, root: Root, part: str) -> None:
    """Remove the partial copy of a move to `path` that will not be finished.

    Raises:
        StorageError: as for `move`.
    """
    root.remove(path.with_name(part))


@dataclass(frozen=True, slots=True)
class _Source:
    folder: int  # descriptors
    file: int
    stat_result: os.stat_result


def _open_source(task: Move, stack: ExitStack) -> _Source | Moved:
    if task.source_root.find(task.source) is None:
        return Moved.GONE
    try:
        folder = stack.enter_context(task.source_root.open_folder(task.source.parent))
        file = os.open(task.source.name, files.READ, dir_fd=folder)
    except FileNotFoundError:
        return Moved.GONE
    except OSError as error:
        if error.errno in files.NO_FILE:
            return Moved.CHANGED
        raise
    stack.callback(os.close, file)
    stat_result = os.fstat(file)
    if not stat.S_ISREG(stat_result.st_mode):
        return Moved.CHANGED
    if task.identity and not files.unchanged(
        task.identity, files.identity_of(stat_result), partial(files.content_sample, file)
    ):
        return Moved.CHANGED
    return _Source(folder, file, stat_result)


def _already_moved(task: Move, target: int) -> Moved | None:
    """Return DONE if the destination holds a file of the right size: an earlier attempt finished the move."""
    found = _lstat(target, task.destination.name)
    if found is None or not stat.S_ISREG(found.st_mode) or found.st_size != task.size:
        return None
    files.sync_folder(target)
    return Moved.DONE


class _OpenMove:
    """A move whose source and destination folder are open."""

    def __init__(
        self,
        task: Move,
        source: _Source,
        target: int,
        cancel: threading.Event | None,
        progress: CopyProgress | None,
    ) -> None:
        self.task = task
        self.source = source
        self.target = target
        self.cancel = cancel
        self.progress = progress
        self.old, self.new = task.source.name, task.destination.name

    def run(self) -> Moved:
        if self._is_same_file():
            return Moved.DONE
        found = _lstat(self.target, self.new)
        if found is not None and not self.task.overwrite:
            if not self._is_ours(found):
                return Moved.TAKEN
            files.remove_name(self.target, self.task.part)  # its second name, if a rename by links was interrupted
            return self._finish()
        if self.task.keep:
            return (self._link() if self.task.link else None) or self._copy()
        _drop_set_id(self.source.file, self.source.stat_result.st_mode)
        self._share(self.source.file)
        files.sync(self.source.file)
        try:
            self._rename(self.source.folder, self.old)
        except FileExistsError:
            return Moved.TAKEN
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            return self._copy()
        # Nobody else can exchange a file in a folder of framewatch's own, whose identity is not known.
        if self.task.identity is not None and not self._has_arrived(self.source.file):
            self._put_back(self.source.folder, self.old)
            return Moved.CHANGED
        return self._sync_folders()

    def _share(self, file: int) -> None:
        if self.task.shared:
            share_file(file, self.target, self.task.root.mode)

    def _rename(self, folder: int, name: str) -> None:
        if self.task.overwrite:
            os.rename(name, self.new, src_dir_fd=folder, dst_dir_fd=self.target)
        else:
            rename_exclusive(folder, name, self.target, self.new)

    def _link(self) -> Moved | None:
        """Give the source a second name; None where that is not possible."""
        try:
            os.link(self.old, self.new, src_dir_fd=self.source.folder, dst_dir_fd=self.target, follow_symlinks=False)
        except FileExistsError:
            return Moved.TAKEN
        except OSError as error:
            if error.errno not in (errno.EXDEV, *NO_LINKS):
                raise
            return None
        if not self._has_arrived(self.source.file):
            files.remove_name(self.target, self.new)  # a second name of what was exchanged for the source
            return Moved.CHANGED
        files.sync(self.source.file)
        files.sync_folder(self.target)
        return Moved.DONE

    def _copy(self) -> Moved:
        part = self.task.part
        self._require_no_writer()
        files.remove_name(self.target, part)
        # Never more than the source lets see, and not less if the file system refuses to change a mode later.
        mode = self.source.stat_result.st_mode & KEPT_MODE | 0o600
        file = os.open(part, files.CREATE, mode, dir_fd=self.target)
        try:
            copy_content(self.source.file, file, self.cancel, self.progress)
            if not _same(os.fstat(self.source.file), self.source.stat_result):
                return Moved.CHANGED
            self._require_no_writer()
            self._share(file)
            self._rename(self.target, part)
            if not self._has_arrived(file):
                self._put_back(self.target, part)
                hint = "keep other programs from changing hidden files of framewatch; the copy is repeated"
                raise StorageError("the copy was exchanged for another file", code="storage.exchanged", hint=hint)
        except FileExistsError:
            return Moved.TAKEN
        finally:
            os.close(file)
            with suppress(OSError):  # frees the space of a failed copy; after the rename there is none
                files.remove_name(self.target, part)
        return self._finish()

    def _require_no_writer(self) -> None:
        if self.task.not_written:
            _refuse_writers(self.source.file, self.old, self.task.source_root, self.task.source)

    def _finish(self) -> Moved:
        """Remove the source once the destination is complete, if it is still the version that was copied."""
        files.sync_folder(self.target)
        if self.task.keep:
            return Moved.DONE
        found = _lstat(self.source.folder, self.old)
        if found is not None and _same(found, self.source.stat_result):
            os.unlink(self.old, dir_fd=self.source.folder)
        return self._sync_folders()

    def _sync_folders(self) -> Moved:
        files.sync_folder(self.target)
        files.sync_folder(self.source.folder)
        return Moved.DONE

    def _is_same_file(self) -> bool:
        """Return whether source and destination are the same name in the same folder, by any path."""
        one, other = os.fstat(self.source.folder), os.fstat(self.target)
        return self.old == self.new and (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)

    def _is_ours(self, found: os.stat_result) -> bool:
        """Return whether an earlier attempt made the destination: a hard link to the source, or its copy."""
        stat_result = self.source.stat_result
        if (found.st_dev, found.st_ino) == (stat_result.st_dev, stat_result.st_ino):
            return True
        if found.st_ino == stat_result.st_ino:  # may be the source itself, on a share that is mounted twice
            return False
        return self._has_content_of(self.source.file, found)

    def _has_arrived(self, file: int) -> bool:
        """Return whether the destination, if it is still there, is this open file; or one with the same content.

        The inode alone is no proof on file systems that may change its number, such as SMB and FUSE.
        """
        found, expected = _lstat(self.target, self.new), os.fstat(file)
        if found is None or (found.st_dev, found.st_ino) == (expected.st_dev, expected.st_ino):
            return True
        return self._has_content_of(file, found)

    def _put_back(self, folder: int, name: str) -> None:
        """Return what was exchanged for the file to where it came from, unless another file is there by now."""
        with suppress(OSError):
            rename_exclusive(self.target, self.new, folder, name)

    def _has_content_of(self, expected: int, found: os.stat_result) -> bool:
        if not stat.S_ISREG(found.st_mode) or found.st_size != os.fstat(expected).st_size:
            return False
        file = os.open(self.new, files.READ, dir_fd=self.target)
        try:
            return same_content(expected, file, self.cancel)
        finally:
            os.close(file)


def _drop_set_id(file: int, mode: int) -> None:
    """Remove the bits by which a program runs as the file's owner or group. Only the owner may; others need not."""
    if mode & (stat.S_ISUID | stat.S_ISGID):
        with suppress(OSError):
            os.fchmod(file, stat.S_IMODE(mode) & ~(stat.S_ISUID | stat.S_ISGID))


def _lstat(folder: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _same(one: os.stat_result, other: os.stat_result) -> bool:
    """Return whether two stat results describe the same version of a file."""
    return files.identity_of(one) == files.identity_of(other)


def require_no_writer(source: Path, root: Root) -> None:
    """Check that nobody would go on to write into a file that is about to be removed; one that is gone passes.

    Raises:
        StorageError: `source.in_use`.
    """
    with suppress(FileNotFoundError), storage_faults(source), root.open_folder(source.parent) as folder:
        file = os.open(source.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        try:
            _refuse_writers(file, source.name, root, source)
        finally:
            os.close(file)


def _refuse_writers(file: int, name: str, root: Root, path: Path) -> None:
    process = writing_process(file, name)
    if process is None and not (knows_writers(root.real_path()) and has_writers(file)):
        return
    who = "a program" if process is None else f"process {process}"
    message = f"{who} has this file open for writing, so it is not moved to another disk now"
    hint = "it is moved once that program has closed it"
    raise StorageError(message, code="source.in_use", hint=hint, where=shown(path))
