"""Moves what is left of a folder when its last video is done: pictures, descriptions, samples, junk.

A subfolder is finished when one of its videos was processed, no file in it is or will be a job, no program seems to
be at work in it, and nothing in it has changed for the settle time. Of the input itself, only what belongs to its
videos moves, such as a poster, when no video is left there. See docs/decisions/0038.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path

import structlog

from framewatch.errors import CancelledError
from framewatch.jobs.publishing.carry import MAX_DEPTH, Carrier, Spot, require_room_in
from framewatch.jobs.publishing.companions import folder_companions, root_companions
from framewatch.library.own_files import is_own_name
from framewatch.library.remains import is_foreign_work
from framewatch.storage.folder_places import FolderPlaces
from framewatch.storage.os_errors import shown
from framewatch.storage.root import Names, Root

CHANGING_FACTOR = 10  # a folder that changes for so many settle times is not waited for by a run with --once

IsOpen = Callable[[str], bool]
"""Returns whether a file, by its path below the input, is or will be a job, or must not be moved."""

_Version = tuple[int, int, int]
"""Size, and times of change of content and status."""

_log = structlog.get_logger("framewatch.intake")


class _State(StrEnum):
    OPEN = "open"
    CHANGING = "changing"  # or not known for long enough
    FINISHED = "finished"


@dataclass(slots=True)
class _Seen:
    content: str
    since: float  # monotonic
    first: float


def _version(found: os.stat_result) -> _Version:
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


class Remains:
    """Clears the finished subfolders of one watch folder. For one thread."""

    def __init__(self, name: str, places: FolderPlaces, settle_seconds: float) -> None:
        """Touch nothing yet.

        Args:
            name: of the watch folder.
            places: of the watch folder.
            settle_seconds: for how long nothing in a folder must have changed.
        """
        self._name = name
        self._places = places
        self._settle = settle_seconds
        self._input = places.root("input")
        self._pending: dict[Path, None] = {}
        self._seen: dict[Path, _Seen] = {}
        self._quiet: dict[str, _Version] = {}  # the files of the folder that was looked at last

    @property
    def enabled(self) -> bool:
        """Whether anything may be moved."""
        whole = self._places.keeps_sources or self._places.replace  # the input is a library that stays as it is
        return not whole and (self._moves or self._places.remove_empty_dirs)

    @property
    def _moves(self) -> bool:
        return self._places.companions != "leave"

    def expect(self, relative: Path) -> None:
        """Look at the folders of this file, whose job has ended, at the next `clear`."""
        if self.enabled:
            self._pending |= dict.fromkeys(relative.parents[:-1] or self._top())

    def expect_all(self) -> None:
        """Look at all folders from which a video was moved away before.

        Raises:
            StorageError: a folder cannot be opened.
        """
        if self.enabled:
            self._pending |= dict.fromkeys((*self._top(), *self._begun(Path())))

    @property
    def pending(self) -> bool:
        """Whether folders are expected to be finished, now or later."""
        return bool(self._pending)

    @property
    def changing(self) -> bool:
        """Whether a folder is finished but for the time that nothing in it must change."""
        now = time.monotonic()
        return any(now - seen.first < CHANGING_FACTOR * self._settle for seen in self._seen.values())

    def clear(self, is_open: IsOpen, stopping: Callable[[], bool]) -> None:
        """Move what is left of each expected folder, if it is finished.

        Raises:
            StorageError: a folder cannot be opened, or a disk is full.
        """
        # What is moved goes with the outermost folder; what is only removed has to be empty, from the innermost on.
        for folder in sorted(self._pending, key=lambda path: len(path.parts), reverse=not self._moves):
            if stopping():
                return
            target = self._target(folder)
            state = self._state(folder, is_open, stopping) if target else _State.OPEN
            if target is None or not self._is_folder(self._input, folder):
                self._forget(folder)
            elif state is _State.FINISHED:
                if self._moves and not self._move(folder, target, is_open, stopping):
                    self._seen.pop(folder, None)  # what came meanwhile has to settle, too
                    continue
                if not self._moves:
                    self._input.remove_folder(self._input.path / folder)  # if it is empty
                self._forget(folder)

    # --- parts ------------------------------------------------------------------------------------------------

    def _top(self) -> tuple[Path, ...]:
        return (Path(),) if self._moves else ()

    def _forget(self, folder: Path) -> None:
        self._pending.pop(folder, None)
        self._seen.pop(folder, None)

    def _begun(self, folder: Path) -> Iterator[Path]:
        """Yield the subfolders that done/ or failed/ has, too."""
        for name in self._input.names(self._input.path / folder).folders:
            inner = folder / name
            if self._target(inner) is not None:
                yield inner
                yield from self._begun(inner)

    def _target(self, folder: Path) -> Root | None:
        """Return the root that has the sources of this folder: done/ or, if all failed, failed/."""
        if not folder.parts:
            done = self._places.root("done")
            return done if any(not is_own_name(name) for name in done.names(done.path).files) else None
        inside = self._input.path / folder
        if any(path.is_relative_to(inside) or inside.is_relative_to(path) for path in self._targets()):
            return None  # the folder is one of them, or has one of them in it
        roots = (self._places.root(place) for place in ("done", "failed"))
        return next((root for root in roots if self._is_folder(root, folder)), None)

    def _targets(self) -> tuple[Path, ...]:
        return tuple(path for key, path in self._places.roots.items() if key != "input")

    def _is_folder(self, root: Root, folder: Path) -> bool:
        found = root.find(root.path / folder)
        return found is not None and stat.S_ISDIR(found.st_mode)

    def _state(self, folder: Path, is_open: IsOpen, stopping: Callable[[], bool]) -> _State:
        digest = hashlib.blake2b(digest_size=16)
        self._quiet = {}
        for name, found in self._below(folder, is_open):
            if found is None or stopping():
                self._seen.pop(folder, None)
                return _State.OPEN
            self._quiet[name] = _version(found)
            digest.update(repr((name, self._quiet[name])).encode())
        content, now = digest.hexdigest(), time.monotonic()
        seen = self._seen.get(folder)
        if seen is None or seen.content != content:
            self._seen[folder] = _Seen(content, now, seen.first if seen else now)
            return _State.CHANGING
        return _State.FINISHED if now - seen.since >= self._settle else _State.CHANGING

    def _below(self, folder: Path, is_open: IsOpen, depth: int = 0) -> Iterator[tuple[str, os.stat_result | None]]:
        """Yield path and status of each file in a folder and below it; None for one that keeps the folder open."""
        names = self._input.names(self._input.path / folder)
        if not folder.parts:  # of the input itself, only what belongs to its videos is moved
            taken = list(root_companions(names))
            blocking = (name for name in names.files if taken and is_open(name))
            names = Names([*taken, *islice(blocking, 1)], [], [])
        foreign = any(map(is_foreign_work, (*names.files, *names.folders, *names.others)))
        if foreign or depth > MAX_DEPTH or any(map(is_own_name, names.files)):
            yield folder.as_posix(), None
            return
        for name in names.files:
            relative = (folder / name).as_posix()
            yield relative, None if is_open(relative) else self._input.find(self._input.path / relative)
        for name in names.folders:
            yield from self._below(folder / name, is_open, depth + 1)

    def _move(self, folder: Path, target: Root, is_open: IsOpen, stopping: Callable[[], bool]) -> bool:
        """Move a finished folder. Returns whether all of it was as it was seen: moving may take hours."""
        came: list[Path] = []

        def check(*_: int) -> None:
            if stopping():
                raise CancelledError("the watch ends")

        def accepts(path: Path) -> bool:
            check()
            relative = path.relative_to(self._input.path).as_posix()
            found = self._input.find(path)
            as_seen = found is not None and self._quiet.get(relative) == _version(found) and not is_open(relative)
            if not as_seen:
                came.append(path)
            return as_seen

        carrier = Carrier(
            self._mark(),
            self._name,
            progress=check,
            on_moved=self._places.on_moved,
            accepts=accepts,
            require_room=require_room_in(self._places),
        )
        if not folder.parts:
            self._move_top(carrier, target)
            return not came
        source = self._input.path / folder
        self._place_companions(folder, carrier)
        remove, destination = self._places.remove_empty_dirs, Spot(target.path / folder, target)
        moved = carrier.tree(Spot(source, self._input), destination, keep=False, remove=remove)
        if moved:
            _log.info("folder.cleared", folder=self._name, path=shown(folder), files=moved, to=shown(target.path))
        return not came

    def _move_top(self, carrier: Carrier, target: Root) -> None:
        """Move what belongs to the videos of the input itself."""
        output, keep = self._places.root("output"), self._places.companions == "copy"
        for name in root_companions(self._input.names(self._input.path)):
            source = Spot(self._input.path / name, self._input)
            carrier.file(source, Spot(output.path / name, output), keep=keep)
            carrier.file(source, Spot(target.path / name, target), keep=False)

    def _place_companions(self, folder: Path, carrier: Carrier) -> None:
        """Put what belongs to this folder, and to those below it, beside their outputs."""
        output, here = self._places.root("output"), self._input.path / folder
        if not self._is_folder(output, folder):
            return
        names = self._input.names(here)
        for name in folder_companions(names):
            destination = Spot(output.path / folder / name, output)
            keep = self._places.companions == "copy"
            carrier.file_or_tree(Spot(here / name, self._input), destination, keep=keep)
        for name in names.folders:
            self._place_companions(folder / name, carrier)

    def _mark(self) -> str:
        """Return a name for unfinished copies that no job and no other watch folder has."""
        return hashlib.blake2b(os.fsencode(self._places.input), digest_size=6).hexdigest()
