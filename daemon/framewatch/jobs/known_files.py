"""Recognises files in an input that are not to be queued: framewatch has dealt with them, or has put them there.

They are known from the store. If that was lost, or a library had outputs before, a file whose output is there counts
as processed; and an output in its source's place is known by its progress file.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from framewatch.domain import FileIdentity, KnownFile
from framewatch.errors import StorageError
from framewatch.jobs.naming import numbered, progress_path
from framewatch.jobs.progress_file import owner_of
from framewatch.jobs.store.store import Store
from framewatch.library.kinds import Kind
from framewatch.library.known_file import Likeness, is_as_new, likeness
from framewatch.storage import files
from framewatch.storage.folder_places import ProgressFiles
from framewatch.storage.os_errors import storage_faults
from framewatch.storage.root import Root

Seen = tuple[Path, FileIdentity]
"""A file: its path below the input, and what it is now."""

OutputOf = Callable[[Path], Path | None]
"""Gives the planned output of a source by its path below the input; None if that is not known now."""


class KnownFiles:
    """The known files of one watch folder."""

    def __init__(
        self, store: Store, folder: str, root: Root, *, sources: bool, progress_files: ProgressFiles = "keep"
    ) -> None:
        """Prepare.

        Args:
            store: has the known files.
            folder: the watch folder's name.
            root: its input.
            progress_files: where those of outputs in the input are.
            sources: whether sources stay there. If they do not, only outputs are recognised.
        """
        self._store = store
        self._folder = folder
        self._root = root
        self._sources = sources
        self._progress_files = progress_files

    def recognise(self, seen: Iterable[Seen]) -> tuple[set[Path], list[Seen]]:
        """Return the paths of files that are known, and the others of which nothing is known, not even their path."""
        known: dict[Path, KnownFile] = {}
        strangers: list[Seen] = []
        if self._store.has_known_files(self._folder):
            for relative, identity in seen:
                here = self._wanted(self._store.known_file(self._folder, relative))
                found = self._recognised(relative, identity, here)
                if found is not None:
                    known[relative] = found
                elif here is None:
                    strangers.append((relative, identity))
            self._store.remember(self._folder, known, durable=False)
        else:
            strangers += seen
        return set(known), strangers

    def left_alone(self, seen: Iterable[Seen], wanted: frozenset[Kind]) -> set[Path]:
        """Return the files that an earlier job found to be of none of these kinds."""
        if not self._store.has_known_files(self._folder):
            return set()
        return {relative for relative, identity in seen if self._is_left_alone(relative, identity, wanted)}

    def _is_left_alone(self, relative: Path, identity: FileIdentity, wanted: frozenset[Kind]) -> bool:
        known = self._store.known_file(self._folder, relative)
        if known is None or not known.other_than or frozenset(known.other_than) != wanted:
            return False
        return likeness(known, identity, same_path=True) is Likeness.SAME

    def with_output(self, strangers: Iterable[Seen], output_of: OutputOf, output: Root) -> set[Path]:
        """Return those files whose outputs are there already, and remember them.

        An output that belongs to another source does not count, nor one that is older than the file.

        Args:
            strangers: files of which nothing is known.
            output_of: plans outputs.
            output: the output folder.

        Raises:
            StorageError: the output folder cannot be opened, so nothing is known about outputs.
        """
        claimed: set[Path] = set()
        known: dict[Path, KnownFile] = {}
        for relative, identity in strangers:
            planned = output_of(relative)
            found = None if planned is None else self._existing(planned, identity, output, claimed)
            if found is not None and (sample := self._sample(relative, identity)):
                claimed.add(found)
                known[relative] = KnownFile(identity=identity, sample=sample, output=found)
        self._store.remember(self._folder, known)
        return set(known)

    def own_outputs(self, strangers: Iterable[Seen]) -> set[Path]:
        """Return the outputs in their sources' places, by what their progress files say, and remember them."""
        known: dict[Path, KnownFile] = {}
        for relative, identity in strangers:
            if self._is_own_output(relative) and (sample := self._sample(relative, identity)):
                known[relative] = KnownFile(identity=identity, sample=sample, made=True)
        self._store.remember(self._folder, known)
        return set(known)

    def _is_own_output(self, relative: Path) -> bool:
        path = progress_path(self._root.path, self._root.path / relative, self._progress_files)
        with suppress(StorageError, OSError), self._root.open_folder(path.parent) as folder:
            owner = owner_of(folder, path.name)
            return owner is not None and owner.is_done
        return False

    def _wanted(self, known: KnownFile | None) -> KnownFile | None:
        wanted = known is not None and not known.other_than and (known.made or self._sources)
        return known if wanted else None

    def _recognised(self, relative: Path, identity: FileIdentity, here: KnownFile | None) -> KnownFile | None:
        """Return what is known of a file as it is now; None if it is new, or another one than before."""
        if here is not None and likeness(here, identity, same_path=True) is Likeness.SAME:
            return here.evolve(identity=identity)
        others = map(self._wanted, self._store.known_files_of_size(self._folder, identity.size))
        sample = None
        for each in (here, *others):
            verdict = Likeness.OTHER if each is None else likeness(each, identity, same_path=each is here)
            if each is not None and verdict is Likeness.PERHAPS:
                sample = sample or self._sample(relative, identity)
                verdict = Likeness.SAME if sample == each.sample else Likeness.OTHER
            if each is not None and verdict is Likeness.SAME:
                return each.evolve(identity=identity)
        return None

    def _sample(self, relative: Path, identity: FileIdentity) -> str | None:
        """Return the sample of a file; None if it cannot be read, or has changed: then nothing is known about it."""
        path = self._root.path / relative
        try:
            with storage_faults(path), self._root.open_folder(path.parent) as folder:
                file = os.open(path.name, files.READ, dir_fd=folder)
                try:
                    found = os.fstat(file)
                    same = stat.S_ISREG(found.st_mode) and files.unchanged(identity, files.identity_of(found))
                    return files.content_sample(file) if same else None
                finally:
                    os.close(file)
        except (StorageError, OSError):
            return None

    def _existing(self, planned: Path, source: FileIdentity, output: Root, claimed: set[Path]) -> Path | None:
        number = 1
        while True:
            path = planned.with_name(numbered(planned.name, number))
            found = output.identity(path)
            if found is None or not is_as_new(found, source):
                return None
            if path not in claimed and not self._store.is_known_output(path) and not self._store.output_claimed(path):
                return path
            number += 1
