"""Takes files and folders along with a video: copies and moves that can be repeated, and never overwrite.

Nothing is noted of what was done. A repeated copy finds the same content at its destination, and a repeated move no
source, so whoever was stopped in between begins again and ends the same way.
"""

from __future__ import annotations

import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import NamedTuple

import structlog

from framewatch.errors import Need, Place, StorageError
from framewatch.jobs.attempt.forecast.disk import require_room
from framewatch.jobs.naming import fitted, numbered
from framewatch.storage.copy import CopyProgress
from framewatch.storage.files import identity_of, part_name
from framewatch.storage.folder_places import FolderPlaces, OnMoved
from framewatch.storage.move import Move, Moved, move
from framewatch.storage.os_errors import BAD_NAME, SYMLINK, shown
from framewatch.storage.root import Root

MAX_DEPTH = 16  # of folders that are taken along
# A file that cannot be taken along for one of these reasons stays, and the job goes on; all others hold the job.
_STAYS = ("storage.denied", "storage.read_only", "storage.name_too_long", BAD_NAME, "storage.too_large", SYMLINK)

_log = structlog.get_logger("framewatch.jobs")


class Spot(NamedTuple):
    """A file or folder, and the root that it is reached from."""

    path: Path
    root: Root


@dataclass(frozen=True, slots=True)
class Carrier:
    """Copies and moves files for one job."""

    job_id: str  # or another name that nobody else uses in this folder now
    folder: str  # the watch folder's name
    cancel: threading.Event | None = None
    progress: CopyProgress | None = None
    on_moved: OnMoved = lambda _path, _identity: None
    accepts: Callable[[Path], bool] = lambda _: True  # whether a file may be taken; may raise a CancelledError
    require_room: Callable[[Root, int], None] = lambda _root, _bytes: None  # for a copy; raises a StorageError
    strict: bool = False  # raise an error also for a file that has to stay
    shared: bool = False  # files get the group and the mode that outputs get in the folder

    def file(self, source: Spot, destination: Spot, *, keep: bool) -> bool:
        """Copy or move a file to a free name, the destination's own if that is free.

        Args:
            source: the file. It may be gone already.
            destination: the name that it should get.
            keep: copy it.

        Returns:
            Whether it is there now.

        Raises:
            StorageError: the disk is full or gone.
            CancelledError: `cancel` was set while copying.
        """
        try:
            return self._placed(source, destination, keep=keep)
        except StorageError as error:
            finding = error.finding
            if self.strict or finding.code not in _STAYS:
                raise
            facts = {"path": shown(source.path), "code": finding.code, "problem": finding.message}
            _log.warning("companion.left", folder=self.folder, **facts)
            return False

    def file_or_tree(self, source: Spot, destination: Spot, *, keep: bool) -> None:
        """Copy or move whatever is there: as `file`, or as `tree`; links and devices are left alone."""
        found = source.root.find(source.path)
        if found is not None:
            (self.tree if stat.S_ISDIR(found.st_mode) else self.file)(source, destination, keep=keep)

    def tree(self, source: Spot, destination: Spot, *, keep: bool, remove: bool = True) -> int:
        """Copy or move a folder with everything in it that is a file.

        Args:
            source: the folder.
            destination: the folder that it becomes.
            keep: copy the files.
            remove: remove folders that are empty then.

        Returns:
            How many files are there now.
        """
        placed = 0
        for inner in files_below(source):
            to = Spot(destination.path / inner.relative_to(source.path), destination.root)
            placed += self.file(Spot(inner, source.root), to, keep=keep)
        if remove and not keep:
            remove_empty(source)
        return placed

    def _placed(self, source: Spot, destination: Spot, *, keep: bool) -> bool:
        found = source.root.find(source.path)
        if found is None or not stat.S_ISREG(found.st_mode) or not self.accepts(source.path):
            return False
        identity = identity_of(found)
        copies = keep or found.st_dev != destination.root.disk()
        task = Move(
            source=source.path,
            source_root=source.root,
            destination=destination.path.with_name(fitted(destination.path.name)),
            root=destination.root,
            part=part_name(self.job_id),
            size=identity.size,
            identity=identity,
            keep=keep,
            not_written=not keep,
            shared=self.shared,
        )
        for number in count(1):
            name = numbered(task.destination.name, number)
            if copies and not task.root.exists(task.destination.with_name(name)):  # it may be there since an attempt
                self.require_room(task.root, identity.size)
            moved = move(replace(task, destination=task.destination.with_name(name)), self.cancel, self.progress)
            if moved is not Moved.TAKEN:
                break
        if moved is Moved.DONE and not keep:
            self.on_moved(task.destination.with_name(name), identity)
        return moved is Moved.DONE


def files_below(folder: Spot, depth: int = 0) -> Iterator[Path]:
    """Yield the regular files in a folder and in those below it; links are not followed."""
    names = folder.root.names(folder.path)
    yield from (folder.path / name for name in names.files)
    if depth < MAX_DEPTH:
        for name in names.folders:
            yield from files_below(Spot(folder.path / name, folder.root), depth + 1)


def remove_empty(folder: Spot, depth: int = 0) -> bool:
    """Remove a folder if nothing but folders is in it and below it. Returns whether it is gone."""
    names = folder.root.names(folder.path)
    if depth < MAX_DEPTH:
        for name in names.folders:
            remove_empty(Spot(folder.path / name, folder.root), depth + 1)
    return not names.files and not names.others and folder.root.remove_folder(folder.path)


def require_room_in(places: FolderPlaces) -> Callable[[Root, int], None]:
    """Return a check that a file fits into a root of a watch folder, as a result has to: sparse ones cost nothing."""

    def require(root: Root, size: int) -> None:
        paths: dict[Place, Path | None] = {"output": places.output, "done": places.done, "failed": places.failed}
        place = next((place for place, path in paths.items() if path == root.path), None)
        if place is not None:
            require_room([Need(place, size)], {place: root}, places.reserve)

    return require
