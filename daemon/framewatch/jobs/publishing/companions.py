"""Copies and moves the companions of a video: subtitles, descriptions, pictures (docs/decisions/0038)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from framewatch.domain import Job, JobState
from framewatch.jobs.publishing.carry import Carrier, Spot, require_room_in
from framewatch.jobs.source_check import source_root
from framewatch.jobs.stored_preset import burned_names
from framewatch.library.companions import Companion, Family, are_alike, family_of, is_folder_companion
from framewatch.library.own_files import is_own_name
from framewatch.storage.copy import CopyProgress
from framewatch.storage.folder_places import FolderPlaces
from framewatch.storage.root import Names, Root


class JobCompanions:
    """The companions of one job's source, as they lie beside it now.

    They are copied before the source moves, and moved after it: of two videos with the same companions, each gets a
    copy, and the last one takes the originals along.
    """

    def __init__(
        self,
        job: Job,
        places: FolderPlaces,
        cancel: threading.Event | None = None,
        progress: CopyProgress | None = None,
    ) -> None:
        """`cancel` stops a copy; `progress` hears of copies."""
        self._job = job
        self._places = places
        self._root = source_root(job, places.guard)
        room = require_room_in(places)
        self._carrier = Carrier(
            job.id, job.folder, cancel, progress, places.on_moved, accepts=self._accepts, require_room=room
        )
        self._to_output = replace(self._carrier, shared=True)  # whoever may see the output may see its subtitles

    def copy(self) -> None:
        """Copy the companions beside the output that is in place, and those of the source's folders with it.

        Raises:
            StorageError: a disk is full or gone.
        """
        output = self._job.journal.output
        if output is None or self._job.outcome != JobState.DONE or not self._takes(output):
            return
        family = self._family()
        copies = self._places.companions == "copy"
        for companion in family.companions:
            if companion.for_output and (copies or family.shared):
                beside = Spot(output.with_name(companion.beside(output.name)), self._output)
                self._carry(self._to_output, companion, beside, keep=True)
        # The output's folders may have other names, without characters that its file system does not allow.
        folders = self._job.relative.parents[:-1] or (Path(),)
        for folder, mirrored in zip(folders, output.parents, strict=False):
            if copies:
                self._copy_folder_files(folder, mirrored)

    def move(self) -> None:
        """Move the companions with the source, unless another video still needs them.

        Raises:
            StorageError: a disk is full or gone.
        """
        source, output = self._job.journal.source_to, self._job.journal.output
        if source is None or self._places.companions == "leave":
            return
        is_done = self._job.outcome == JobState.DONE
        stay = self._places.replace and is_done  # beside the output that took the source's place
        family = self._family(without=output if stay else None)
        if family.shared:
            return
        if not stay:
            self.copy()  # what came since
        with_output = self._places.companions == "move" and is_done
        needed = self._needed_by_others()
        for companion in family.companions:
            if companion.name in needed or (stay and companion.for_output):
                continue
            carrier, beside, root = self._carrier, source, self._root_of(source)
            if with_output and companion.for_output and output is not None:
                carrier, beside, root = self._to_output, output, self._output
            self._carry(carrier, companion, Spot(beside.with_name(companion.beside(beside.name)), root), keep=False)

    # --- parts ------------------------------------------------------------------------------------------------

    def _accepts(self, path: Path) -> bool:
        """Return whether a file is taken along: not a video in a folder of companions, which has a job of its own."""
        return not are_alike(path.name, self._job.source.name)

    @property
    def _output(self) -> Root:
        return self._places.root("output")

    def _takes(self, output: Path) -> bool:
        """Return whether anything is copied: not if the user left it, or moved the output since."""
        return self._places.companions != "leave" and output.is_relative_to(self._places.output)

    def _root_of(self, source: Path) -> Root:
        roots = (self._places.root(place) for place in ("done", "failed"))
        return next((root for root in roots if source.is_relative_to(root.path)), self._root)

    def _names(self) -> Names:
        return own_left_out(self._root.names(self._job.source.parent))

    def _family(self, without: Path | None = None) -> Family:
        """Return what belongs to the source, as if `without` did not lie beside it."""
        names = self._names()
        others = [name for name in names.files if without is None or name != without.name]
        return family_of(self._job.source.name, others, names.folders)

    def _needed_by_others(self) -> frozenset[str]:
        """Return the subtitle file that the preset burns into every video of a folder, while others are there."""
        burned = frozenset(burned_names(self._job))
        return burned if burned and self._has_others() else frozenset()

    def _has_others(self) -> bool:
        names = self._names()
        companions = {companion.name for companion in self._family().companions}
        return any(name not in companions and name != self._job.source.name for name in names.files)

    def _copy_folder_files(self, folder: Path, there: Path) -> None:
        here = self._root.path / folder
        names = own_left_out(self._root.names(here))
        names = names._replace(files=[name for name in names.files if not are_alike(name, self._job.source.name)])
        for name in folder_companions(names) if folder.parts else root_companions(names):
            self._to_output.file_or_tree(Spot(here / name, self._root), Spot(there / name, self._output), keep=True)

    def _carry(self, carrier: Carrier, companion: Companion, destination: Spot, *, keep: bool) -> None:
        source = Spot(self._job.source.with_name(companion.name), self._root)
        if destination.path != source.path:
            carrier.file_or_tree(source, destination, keep=keep)


def own_left_out(names: Names) -> Names:
    """Return the names without framewatch's own files."""
    return names._replace(files=[name for name in names.files if not is_own_name(name)])


def folder_companions(names: Names) -> Iterator[str]:
    """Yield the files and folders that belong to the folder that they lie in."""
    yield from (name for name in names.files if is_folder_companion(name, is_folder=False))
    yield from (name for name in names.folders if is_folder_companion(name, is_folder=True))


def root_companions(names: Names) -> Iterator[str]:
    """Yield the files that belong to videos in the input itself; hidden ones there tell other programs about it."""
    yield from (name for name in folder_companions(names._replace(folders=[])) if not name.startswith("."))
