"""The roots of all watch folders: the disks they were seen on, and whether those are mounted."""

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
from framewatch.storage import beneath, files, filesystem_type
from framewatch.storage.folder_places import FolderPlaces
from framewatch.storage.links import resolve
from framewatch.storage.marker_store import Facts, MarkerStore
from framewatch.storage.mount_marker import (
    MARKER_BYTES,
    MARKER_NAME,
    FolderKey,
    Location,
    MountMarker,
    MountState,
    RootState,
    is_negligible,
    marker_id,
    marker_text,
    mount_state,
)
from framewatch.storage.os_errors import shown, storage_faults
from framewatch.storage.root import open_below

_GONE = (errno.ENOENT, errno.ENOTDIR)
_log = structlog.get_logger("framewatch.folders")


class Mounts:
    """Checks that the disks of all roots are mounted. Thread-safe.

    No lock is held while a share is accessed, except the lock of a single root while its marker is created: a share
    that hangs must not block the other folders.
    """

    def __init__(self, facts: Facts, places: Mapping[str, FolderPlaces], *, rebuilt: bool) -> None:
        """Guard the roots in `places`, which the configuration names, and those that were seen in an earlier one.

        A job may still refer to those. Other paths are not guarded.

        Args:
            facts: where markers are remembered.
            places: the folders of each watch folder, by its name.
            rebuilt: the store was lost and recreated. A root without a remembered marker then does not count as new:
                an empty folder may be the mount point of a disk that is not mounted.
        """
        self._store = MarkerStore(facts)
        self._lock = threading.Lock()  # for the markers and their store
        self._creating: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)
        self._noted: dict[Path, tuple[int, int]] = {}  # device and inode of each root whose place is remembered
        self._real: dict[Path, Path] = {}  # each root without links, once it was opened
        self._seen: dict[Path, tuple[int, int]] = {}  # device and inode of each root when it was opened last
        self._opened: set[Path] = set()  # roots that were there at some time
        self._reported: set[Path] = set()  # roots whose marker cannot be created: logged once
        self.use(places)
        alone = [root for root in self._names if root not in self._outer]
        self._markers = self._store.read() or (dict.fromkeys(alone, MountMarker()) if rebuilt else {})

    def use(self, places: Mapping[str, FolderPlaces]) -> None:
        """Guard the roots of a new configuration from now on. Links in their paths are followed again, once."""
        roots = {name: tuple(folder.roots.values()) for name, folder in places.items()}
        self._names = {root: name for name, mine in roots.items() for root in mine}
        self._unmarked = {folder.input for folder in places.values() if folder.keeps_sources}
        self._inputs = frozenset(folder.input for folder in places.values())
        self._outer = {root: outer for mine in roots.values() for root in mine if (outer := _outer(root, mine))}
        self._real = {}
        self._seen = {}

    def require(self, root: Path) -> None:
        """Check that the disk of `root` is mounted.

        Raises:
            StorageError: `storage.not_mounted`, or the error of opening the root.
        """
        os.close(self.open(root))

    def open(self, root: Path) -> int:
        """Open a root whose disk is mounted, and return its descriptor.

        The links that lead to a root are followed the first time only: one that is placed or changed later, while
        framewatch runs, is an error. A root in another one is opened from that one's descriptor.

        Raises:
            StorageError: `storage.not_mounted`, `storage.symlink`, or another error of opening the root.
        """
        self._seen.pop(root, None)
        descriptor = self._open(root)
        try:
            with storage_faults(root):
                found = os.fstat(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        self._seen[root] = (found.st_dev, found.st_ino)
        self._opened.add(root)
        return descriptor

    def _open(self, root: Path) -> int:
        try:
            return self._open_existing(root)
        except StorageError as error:
            # An input is never created: a share that is not mounted must not be mistaken for an empty folder.
            if root in self._inputs or root not in self._names or not _is_missing(error) or not self.may_create(root):
                raise
        self.create(root)
        if root in self._opened or root in self._markers:
            _log.warning("folder.recreated", folder=self._names[root], path=root)
        else:
            _log.info("folder.created", folder=self._names[root], path=root)
        return self._open_existing(root)

    def _open_existing(self, root: Path) -> int:
        outer = self._around(root)
        if outer is not None and root not in self._markers:
            inner = self._open_inner(root, outer)
            if inner is not None:
                return inner
        real = self.real_path(root)  # once: what is opened, checked and remembered must be the same folder
        try:
            descriptor = _open_real(root, real)
        except StorageError as error:
            missing = self._missing(root, error)
            if missing is error:
                raise
            raise missing from None
        try:
            self._require_mounted(root, real, descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        self._real.setdefault(root, real)
        return descriptor

    def _open_inner(self, root: Path, outer: Path) -> int | None:
        """Open a root from the one around it; None if it is a disk of its own."""
        top = self.open(outer)
        try:
            with storage_faults(root):
                inner = beneath.open_beneath(top, root.relative_to(outer).parts, beneath.FOLDER)
                try:
                    same_disk = os.fstat(inner).st_dev == os.fstat(top).st_dev
                except BaseException:
                    os.close(inner)
                    raise
            if same_disk:
                return inner
            os.close(inner)
            return None
        finally:
            os.close(top)

    def real_path(self, root: Path) -> Path:
        """Return the path of a root without links.

        Raises:
            StorageError: `storage.symlink` for a link that is not to be trusted.
        """
        outer = self._around(root)
        if outer is not None:
            return self.real_path(outer) / root.relative_to(outer)
        return self._real.get(root) or resolve(root)

    def seen(self) -> Mapping[tuple[int, int], Path]:
        """Return the configured roots by device and inode, as they were opened last; nothing is accessed."""
        return {key: root for root, key in self._seen.copy().items() if root in self._names}

    def marked(self, folder: int) -> Path | None:
        """Return the root of the configuration whose marker lies in an open folder; None if that is no root's."""
        found = _read_marker(folder)
        known = self._markers
        return next((root for root in self._names if found and root in known and known[root].id == found), None)

    def state(self, root: Path) -> MountState:
        """Return whether the disk of a root is mounted. Nothing is created or changed.

        Raises:
            StorageError: the root cannot be opened, for a reason that does not answer the question.
        """
        outer = self._covered_by(root)
        if outer is not None:
            return self.state(outer)
        real = self.real_path(root)
        try:
            descriptor = _open_real(root, real)
        except StorageError as error:
            if self._missing(root, error) is not error:
                return MountState.ABSENT
            raise
        try:
            with storage_faults(root):
                return mount_state(self._markers.get(root), _root_state(real, descriptor))
        finally:
            os.close(descriptor)

    def may_create(self, root: Path) -> bool:
        """Return whether a missing root may be created: it is new, or its disk is mounted and somebody removed it."""
        with suppress(StorageError):
            outer = self._covered_by(root)
            if outer is not None:
                return self.state(outer) is not MountState.ABSENT
            known = self._markers.get(root)
            return known is None or self._was_removed(root, known)
        return False

    def _was_removed(self, root: Path, known: MountMarker) -> bool:
        """Return whether a missing root was removed by somebody: its disk is there, and so is the folder above it."""
        real = self.real_path(root)
        if known.location.own_disk or mount_point(real) != known.mount:
            return False
        if known.location.parent is None:
            return True
        with storage_faults(root):
            above = beneath.open_path(real.parent, beneath.PASSED)
            try:
                return known.location.has_parent(_key(above, filesystem_type.filesystem_type(real.parent)))
            finally:
                os.close(above)

    def create(self, root: Path) -> None:
        """Create a missing root in the folder above it; nothing happens if there is anything of its name.

        A link that leads nowhere is left alone: what it leads to is probably not mounted.

        Raises:
            StorageError: that folder cannot be opened, or not be written to.
        """
        outer = self._covered_by(root)
        with storage_faults(root):
            if outer is None:
                parent = beneath.open_path(resolve(root.parent), beneath.PASSED)
            else:
                top = self.open(outer)
                try:
                    parent = open_below(top, root.relative_to(outer).parts[:-1], root.parent, create=True)
                finally:
                    os.close(top)
            try:
                with suppress(FileExistsError):
                    os.mkdir(root.name, dir_fd=parent)
                    self.forget(root)
            finally:
                os.close(parent)

    @property
    def known(self) -> frozenset[Path]:
        """The roots that were seen before, in this configuration or an earlier one."""
        return frozenset(self._markers)

    def earlier_paths(self, root: Path) -> tuple[Path, ...]:
        """Return the paths that a root had in earlier configurations, if it was moved or is mounted elsewhere."""
        here = self._markers.get(root)
        known = self._markers.items()
        others = ((path, each.location) for path, each in known if path not in self._names)
        return () if here is None else tuple(path for path, was in others if was.is_same(here.location))

    def forget(self, root: Path) -> None:
        """Forget the marker of a root."""
        self._remember(root, None)

    def trust(self, name: str) -> None:
        """Accept the disks that the roots of a watch folder are on now.

        Raises:
            StorageError: a root is missing; then nothing is changed.
        """
        mine = [root for root, owner in self._names.items() if owner == name]
        for root in mine:  # a root inside another one is created when it is needed
            if root not in self._outer:
                os.close(_open_real(root, self.real_path(root)))
        for root in mine:
            self._remember(root, None)
        for root in mine:
            try:
                self.require(root)
            except StorageError as error:
                if root not in self._outer or not _is_missing(error):
                    raise
        _log.info("folder.trusted", folder=name)

    def _covered_by(self, root: Path) -> Path | None:
        """Return the root that contains this one on the same disk; None if it has a marker of its own."""
        outer = self._around(root)
        if outer is None or root in self._markers:
            return None
        return outer if mount_point(self.real_path(root)) == mount_point(self.real_path(outer)) else None

    def _require_mounted(self, root: Path, real: Path, descriptor: int) -> None:
        if root in self._names:
            state = self._checked_state(root, real, descriptor)
        else:
            with storage_faults(root):
                state = mount_state(self._markers.get(root), _root_state(real, descriptor))
        if state is MountState.ABSENT:
            raise self._not_mounted(root)

    def _around(self, root: Path) -> Path | None:
        """Return the root that contains this one, if there is one."""
        if root in self._names:
            return self._outer.get(root)
        return next((path for path in root.parents if path in self._names or path in self._markers), None)

    def _checked_state(self, root: Path, real: Path, descriptor: int) -> MountState:
        with storage_faults(root):
            known = self._markers.get(root)
            if known is not None and known.id is not None and _read_marker(descriptor) == known.id:
                self._note_mount(root, real, known, descriptor)
                return MountState.THERE
            with self._creating[root]:
                seen = _root_state(real, descriptor)
                state = mount_state(self._markers.get(root), seen)
                if state in (MountState.NEW, MountState.RESTORED):
                    self._create_marker(root, descriptor, seen, state)
                return state

    def _note_mount(self, root: Path, real: Path, known: MountMarker, descriptor: int) -> None:
        """Remember where a known root is: it may have changed."""
        found = os.fstat(descriptor)
        if self._noted.get(root) == (found.st_dev, found.st_ino):
            return
        self._noted[root] = (found.st_dev, found.st_ino)
        self._remember(root, known.evolve(mount=mount_point(real), real=real, location=_location(real, descriptor)))

    def _create_marker(self, root: Path, descriptor: int, seen: RootState, state: MountState) -> None:
        """Create the marker and remember it. A root that cannot, or is not to be, written to gets none."""
        if seen.id is None and root in self._unmarked:
            if not seen.empty:
                self._remember(root, MountMarker(mount=seen.mount, real=seen.real, location=seen.location))
            return
        known = self._markers.get(root)
        chosen = (known.id if known else None) or seen.id or secrets.token_hex(8)
        if seen.id is None:
            try:
                files.write_name(descriptor, MARKER_NAME, marker_text(chosen))
            except OSError as error:
                if root not in self._reported:
                    self._reported.add(root)
                    _log.debug("folder.marker_not_created", path=root, problem=error.strerror)
                return
        if state is MountState.RESTORED:
            _log.warning("folder.marker_recreated", folder=self._names[root], path=root / MARKER_NAME)
        self._remember(root, MountMarker(id=chosen, mount=seen.mount, real=seen.real, location=seen.location))

    def _remember(self, root: Path, marker: MountMarker | None) -> None:
        with self._lock:
            if self._markers.get(root) == marker:
                return
            markers = {path: known for path, known in self._markers.items() if path != root}
            self._markers = markers if marker is None else markers | {root: marker}
            self._store.write(self._markers)

    def _missing(self, root: Path, error: StorageError) -> StorageError:
        """Return the error for a root that cannot be opened."""
        return self._not_mounted(root) if _is_missing(error) and not self.may_create(root) else error

    def _not_mounted(self, root: Path) -> StorageError:
        name = self._names.get(root, "NAME")
        hint = (
            "mount it, and work continues automatically; if you replaced the disk or emptied the folder: "
            f"`framewatch folders trust {name}`"
        )
        message = "this is not the disk that was here before: the disk is not mounted, or a different one is"
        return StorageError(message, code="storage.not_mounted", hint=hint, where=shown(root))


def mount_point(path: Path) -> Path:
    """Return the nearest mount point at or above an absolute path, as far as it exists. Follows no link.

    Raises:
        StorageError: a folder on the way is unavailable.
    """
    with storage_faults(path):
        return _mount_point(path)


def _mount_point(path: Path) -> Path:
    found = here = Path("/")
    folder = os.open(here, beneath.PASSED)
    try:
        for name in path.parts[1:]:
            try:
                inner = beneath.open_beneath(folder, (name,), beneath.PASSED)
            except OSError:  # missing, a file, a link, or closed to us: whatever is below is not reached
                return found
            folder, outer, here = inner, folder, here / name
            try:
                if os.fstat(folder).st_dev != os.fstat(outer).st_dev:
                    found = here
            finally:
                os.close(outer)
        return found
    finally:
        os.close(folder)


def _is_missing(error: StorageError) -> bool:
    cause = error.__cause__
    return isinstance(cause, OSError) and cause.errno in _GONE


def _outer(root: Path, roots: Sequence[Path]) -> Path | None:
    """Return the outermost of `roots` that contains `root`."""
    around = [other for other in roots if other != root and root.is_relative_to(other)]
    return min(around, key=lambda path: len(path.parts), default=None)


def _open_real(root: Path, real: Path) -> int:
    with storage_faults(root):
        return beneath.open_path(real, beneath.FOLDER)


def _root_state(real: Path, descriptor: int) -> RootState:
    with os.scandir(descriptor) as entries:
        empty = all(is_negligible(entry.name) for entry in entries)
    return RootState(_read_marker(descriptor), mount_point(real), empty, real, _location(real, descriptor))


def _location(real: Path, descriptor: int) -> Location:
    """Return where an open root is; `real` is its path without links."""
    mounted = filesystem_type.mounts()
    mount = filesystem_type.mount_of(real, mounted)
    fstype = mount.fstype if mount else None
    above = os.open("..", beneath.PASSED, dir_fd=descriptor)
    try:
        own_disk = any(each.point == str(real) for each in mounted) or not _on_one_disk(descriptor, above)
        return Location(
            folder=_key(descriptor, fstype),
            parent=_key(above, fstype),
            own_disk=own_disk if own_disk or filesystem_type.shows_mounts(fstype) else None,
        )
    finally:
        os.close(above)


def _key(folder: int, fstype: str | None) -> FolderKey | None:
    """Return what tells an open folder from others; None where inode numbers do not."""
    if not filesystem_type.keeps_inodes(fstype):
        return None
    found = os.fstat(folder)
    return FolderKey(device=found.st_dev, inode=found.st_ino, disk=os.fstatvfs(folder).f_fsid)


def _on_one_disk(folder: int, other: int) -> bool:
    """Return whether two open folders are on one disk; FUSE may show those of several as one, but not their sizes."""
    if os.fstat(folder).st_dev != os.fstat(other).st_dev:
        return False
    sizes = [(found.f_blocks, found.f_frsize) for found in map(os.fstatvfs, (folder, other))]
    return sizes[0] == sizes[1]


def _read_marker(folder: int) -> str | None:
    """Return the id in a root's marker; None if there is no regular file of that name."""
    with suppress(FileNotFoundError, PermissionError):
        try:
            file = os.open(MARKER_NAME, files.READ, dir_fd=folder)
        except OSError as error:
            if error.errno in files.NO_FILE:
                return None
            raise
        try:
            return marker_id(os.read(file, MARKER_BYTES)) if stat.S_ISREG(os.fstat(file).st_mode) else None
        finally:
            os.close(file)
    return None
