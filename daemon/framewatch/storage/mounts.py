"""The roots of the watch folders: which disks they were seen on, and whether those are there."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import structlog

from framewatch.errors import StorageError
from framewatch.storage import files
from framewatch.storage.folder_places import FolderPlaces
from framewatch.storage.marker_store import Facts, MarkerStore
from framewatch.storage.mount_marker import (
    MARK,
    MARK_BYTES,
    Look,
    MountMarker,
    MountState,
    counts_as_empty,
    judge,
    mark_id,
    mark_text,
)
from framewatch.storage.os_errors import shown, storage_faults

_GONE = (errno.ENOENT, errno.ENOTDIR)
_log = structlog.get_logger("framewatch.folders")


class Mounts:
    """Guards the roots of all watch folders. Safe for use from several threads.

    No lock is held while a share is touched, but one for that very root when its file is made.
    """

    def __init__(self, facts: Facts, places: Mapping[str, FolderPlaces], *, rebuilt: bool) -> None:
        """Guard the roots in `places`, which the configuration names; other paths are not guarded.

        Args:
            facts: where markers are remembered.
            places: of each watch folder, by its name.
            rebuilt: the store was lost and recreated. Where no marker is remembered, a root is then not taken for a
                new one: an empty folder may be a disk that is not mounted.
        """
        self._kept = MarkerStore(facts)
        self._lock = threading.Lock()  # over the marks and what is kept of them
        self._making: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)
        self._devices: dict[Path, int] = {}  # on which each was last seen
        self._told: set[Path] = set()  # roots that cannot take a file, once each
        self.use(places)
        alone = [root for root in self._names if root not in self._outer]
        self._marks = self._kept.read() or (dict.fromkeys(alone, MountMarker()) if rebuilt else {})

    def use(self, places: Mapping[str, FolderPlaces]) -> None:
        """Guard the roots of this configuration from now on."""
        roots = {name: tuple(folder.roots.values()) for name, folder in places.items()}
        self._names = {root: name for name, mine in roots.items() for root in mine}
        self._outer = {root: outer for mine in roots.values() for root in mine if (outer := _outer(root, mine))}

    def require(self, root: Path) -> None:
        """Go on if the disk of `root` is mounted.

        Raises:
            StorageError: `storage.not_mounted`, or what the operating system says of the root.
        """
        try:
            descriptor = files.open_root(root)
        except StorageError as error:
            raise self._missing(root, error) from None
        try:
            self.check(root, descriptor)
        finally:
            os.close(descriptor)

    def check(self, root: Path, descriptor: int) -> None:
        """The same for a root that is open.

        Raises:
            StorageError: as for `require`.
        """
        if root not in self._names:
            return
        outer = self._covered_by(root)
        if outer is not None:
            self.require(outer)
        elif self._stands(root, descriptor) is MountState.ABSENT:
            raise self._not_mounted(root)

    def standing(self, root: Path) -> MountState:
        """How a root of the configuration stands. Nothing is made or changed.

        Raises:
            StorageError: what the operating system says, where it is no answer to the question.
        """
        outer = self._covered_by(root)
        if outer is not None:
            return self.standing(outer)
        try:
            descriptor = files.open_root(root)
        except StorageError as error:
            if self._missing(root, error) is not error:
                return MountState.ABSENT
            raise
        try:
            with storage_faults(root):
                return judge(self._marks.get(root), _look(root, descriptor))
        finally:
            os.close(descriptor)

    def may_make(self, root: Path) -> bool:
        """Whether a missing root may be made: it was never seen, or its disk is mounted and somebody removed it."""
        outer = self._covered_by(root)
        if outer is not None:
            with suppress(StorageError):
                return self.standing(outer) is not MountState.ABSENT
            return False
        known = self._marks.get(root)
        return known is None or mount_point(root) == known.mount

    @property
    def known(self) -> frozenset[Path]:
        """The roots that were seen before, of this configuration or another."""
        return frozenset(self._marks)

    def made(self, root: Path) -> None:
        """A root that was missing has been made: what was known of it holds no more."""
        self._remember(root, None)

    def trust(self, name: str) -> None:
        """Take the roots of a watch folder as they are now for the ones that are meant.

        Raises:
            StorageError: one of them is not there.
        """
        mine = [root for root, owner in self._names.items() if owner == name]
        for root in mine:  # all are there, or nothing is changed; those in another are made when they are needed
            if root not in self._outer:
                os.close(files.open_root(root))
        for root in mine:
            self._remember(root, None)
        for root in mine:
            if root not in self._outer or os.path.lexists(root):
                self.require(root)
        _log.info("folder.trusted", folder=name)

    # --- parts --------------------------------------------------------------------------------------------

    def _covered_by(self, root: Path) -> Path | None:
        """The root that this one lies in, on the same disk; None where it answers for itself."""
        outer = self._outer.get(root)
        if outer is None or root in self._marks or mount_point(root) != mount_point(outer):
            return None
        return outer

    def _stands(self, root: Path, descriptor: int) -> MountState:
        with storage_faults(root):
            known = self._marks.get(root)
            if known is not None and known.id is not None and _read_mark(descriptor) == known.id:
                self._note_mount(root, known, os.fstat(descriptor).st_dev)
                return MountState.THERE
            with self._making[root]:
                seen = _look(root, descriptor)
                standing = judge(self._marks.get(root), seen)
                if standing in (MountState.NEW, MountState.RESTORED):
                    self._make(root, descriptor, seen, standing)
                return standing

    def _note_mount(self, root: Path, known: MountMarker, device: int) -> None:
        """A root whose id is there may be mounted elsewhere than before."""
        if self._devices.get(root) == device:
            return
        self._devices[root] = device
        mount = mount_point(root)
        if mount != known.mount:
            self._remember(root, known.evolve(mount=mount))

    def _make(self, root: Path, descriptor: int, seen: Look, standing: MountState) -> None:
        """Make the hidden file, and remember it. A root that cannot take it goes without."""
        known = self._marks.get(root)
        chosen = (known.id if known else None) or seen.id or secrets.token_hex(8)
        if seen.id is None:
            try:
                files.write_name(descriptor, MARK, mark_text(chosen))
            except OSError as error:
                if root not in self._told:
                    self._told.add(root)
                    _log.debug("folder.not_marked", path=root, problem=error.strerror)
                return
        if standing is MountState.RESTORED:
            _log.warning("folder.mark_restored", folder=self._names[root], path=root / MARK)
        self._remember(root, MountMarker(id=chosen, mount=seen.mount))

    def _remember(self, root: Path, mark: MountMarker | None) -> None:
        with self._lock:
            if self._marks.get(root) == mark:
                return
            marks = {path: kept for path, kept in self._marks.items() if path != root}
            self._marks = marks if mark is None else marks | {root: mark}
            self._kept.write(self._marks)

    def _missing(self, root: Path, error: StorageError) -> StorageError:
        """The error for a root that cannot be opened."""
        cause = error.__cause__
        gone = isinstance(cause, OSError) and cause.errno in _GONE
        return self._not_mounted(root) if gone and not self.may_make(root) else error

    def _not_mounted(self, root: Path) -> StorageError:
        name = self._names.get(root, "NAME")
        hint = (
            "mount it, and everything goes on by itself; if you have replaced the disk or emptied the folder: "
            f"`framewatch folders trust {name}`"
        )
        message = "this is not the disk that was here before: nothing is mounted, or something else"
        return StorageError(message, code="storage.not_mounted", hint=hint, where=shown(root))


def mount_point(path: Path) -> Path:
    """The nearest folder on the way up from `path`, links resolved, on which something is mounted."""
    here = Path(os.path.realpath(path))
    return next(folder for folder in (here, *here.parents) if os.path.ismount(folder) or folder == folder.parent)


def _outer(root: Path, roots: Sequence[Path]) -> Path | None:
    """The outermost of `roots` that `root` lies in."""
    around = [other for other in roots if other != root and root.is_relative_to(other)]
    return min(around, key=lambda path: len(path.parts), default=None)


def _look(root: Path, descriptor: int) -> Look:
    with os.scandir(descriptor) as entries:
        empty = all(counts_as_empty(entry.name) for entry in entries)
    return Look(_read_mark(descriptor), mount_point(root), empty)


def _read_mark(folder: int) -> str | None:
    """The id in a root's hidden file; None also where something else has its name."""
    with suppress(FileNotFoundError, PermissionError):
        try:
            file = os.open(MARK, files.READ, dir_fd=folder)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO):  # a link, or a socket
                return None
            raise
        try:
            return mark_id(os.read(file, MARK_BYTES)) if stat.S_ISREG(os.fstat(file).st_mode) else None
        finally:
            os.close(file)
    return None
