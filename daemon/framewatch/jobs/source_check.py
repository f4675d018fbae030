"""Whether a job's source is still the file that was queued.

A file is identified by size and mtime: device and inode numbers change by themselves on remounts, SMB, exFAT and
FUSE.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from framewatch.domain import FileIdentity, Job, JobState, KnownFile
from framewatch.errors import ConfigError, Finding, MediaError, Place, StorageError
from framewatch.jobs.naming import placed_below
from framewatch.library.discs import disc_kind
from framewatch.storage import files
from framewatch.storage.folder_places import FolderPlaces
from framewatch.storage.os_errors import shown, storage_faults
from framewatch.storage.permissions.checks import (
    CANNOT_FILL,
    CANNOT_MOVE,
    require_fillable,
    require_possible_name,
    require_removable,
)
from framewatch.storage.root import UNGUARDED, Guard, Root

CHANGED = "source.changed"
MAY_CHANGE = "source.may_change"
INCOMPLETE = ("media.truncated", "media.corrupt")  # what a file is found to be that is still being written
_SOURCE_PLACES: tuple[Place, ...] = ("done", "failed")
_NOT_ALLOWED = (CANNOT_MOVE, CANNOT_FILL, "storage.denied", "storage.read_only")


def lost_source(job: Job, root: Root) -> Finding | None:
    """Why the source cannot be used any more; None while it is the file that was queued.

    A file behind a link counts as removed: whoever put the link there chose the file.

    Args:
        job: with the source and its identity.
        root: the root that the source is in.

    Raises:
        StorageError: the root cannot be opened, so nothing is known about the source.
    """
    try:
        found = source_identity(job.source, root)
    except StorageError:
        # A user who cancels a job on a lost disk knows that it will not come back.
        if job.outcome != JobState.CANCELLED:
            raise
        found = None
    if found is None:
        return Finding("source.vanished", "the file was removed before its job ended", "", shown(job.source))
    is_same = isinstance(found, FileIdentity) and files.unchanged(
        job.identity, found, lambda: sample_of(job.source, root)
    )
    return None if is_same else changed(job)


def sample_of(source: Path, root: Root) -> str | None:
    """Return a sample of a file's content; None if it cannot be read now, or is a disc."""
    with suppress(StorageError, OSError), root.open_folder(source.parent) as folder:
        file = os.open(source.name, files.READ, dir_fd=folder)
        try:
            return files.content_sample(file)
        finally:
            os.close(file)
    return None


def source_identity(source: Path, root: Root) -> FileIdentity | os.stat_result | None:
    """Return what a source is now: a file, or a disc as a whole; the status of anything else, or None if it is gone.

    Raises:
        StorageError: the root, or a folder of the disc, cannot be opened.
    """
    found = root.find(source)
    if found is None or stat.S_ISREG(found.st_mode):
        return files.identity_of(found) if found else None
    return root.tree_identity(source) if disc_kind(source.name) and stat.S_ISDIR(found.st_mode) else found


def stays_in_place(job: Job, places: FolderPlaces) -> bool:
    """Return whether the source of a job that is being published is left where it is."""
    left = places.replace and job.outcome == JobState.SKIPPED and job.source.is_relative_to(places.input)
    return places.keeps_sources or left or bool(job.other_than)


def known_source(job: Job, guard: Guard) -> KnownFile | None:
    """Return what to remember of a source that stays; None if it is no longer the file that was queued.

    Raises:
        StorageError: it cannot be read now.
    """
    known = known_file(job.source, source_root(job, guard))
    if known is None or not files.unchanged(job.identity, known.identity, lambda: known.sample):
        return None
    output = job.journal.output if job.journal.output_done else None
    return known.evolve(output=output, other_than=job.other_than)


def known_file(path: Path, root: Root) -> KnownFile | None:
    """Return what to remember of a file or a disc below a root; None if there is neither.

    Raises:
        StorageError: it cannot be read now.
    """
    if disc_kind(path.name):
        identity = root.tree_identity(path)
        return KnownFile(identity=identity, sample="") if identity else None
    with storage_faults(path), root.open_folder(path.parent) as folder:
        file = os.open(path.name, files.READ, dir_fd=folder)
        try:
            found = os.fstat(file)
            if not stat.S_ISREG(found.st_mode):
                return None
            return KnownFile(identity=files.identity_of(found), sample=files.content_sample(file))
        finally:
            os.close(file)


def seconds_left(job: Job, places: FolderPlaces, now: float) -> float:
    """Return how long a source is still given that somebody may be writing, from its admission on; 0 if no longer."""
    age = now - job.created_at
    return places.patience - age if 0 <= age < places.patience else 0.0


def changed(job: Job) -> Finding:
    """Return the finding for a source that was replaced by another version."""
    hint = "it stays where it is, and is queued again when it has settled"
    return Finding(CHANGED, "the file was changed while its job ran", hint, shown(job.source))


def require_source(job: Job, guard: Guard) -> None:
    """Go on if the source is still the file that was queued.

    Raises:
        MediaError: it is gone or has changed.
        StorageError: its disk is not mounted.
    """
    lost = lost_source(job, source_root(job, guard))
    if lost is not None:
        raise MediaError.of([lost])


def require_publishable(job: Job, places: FolderPlaces) -> None:
    """Return if the output can get its name and the source can be moved away, as far as that can be told now.

    A folder whose disk is not there is no matter here.

    Raises:
        StorageError: `storage.cannot_move` or `storage.cannot_fill`; or a folder is denied or read-only.
        RuleError: `output.bad_name`.
    """
    output = places.root("output")
    planned = placed_below(output.path, job.relative, job.output)
    targets = [(output, planned)]
    if not places.keeps_sources:
        require_removable(source_root(job, places.guard), job.source)
        roots = [places.root(place) for place in _SOURCE_PLACES if place in places.roots]
        targets += [(root, root.path / job.relative) for root in roots]
    for root, path in targets:
        with _unless_away():
            require_fillable(root, path.parent)
    with _unless_away():
        require_possible_name(output, planned, job.id)


@contextmanager
def _unless_away() -> Iterator[None]:
    try:
        yield
    except StorageError as error:
        if error.finding.code not in _NOT_ALLOWED:
            return
        raise


def retry_source(job: Job, guard: Guard = UNGUARDED) -> tuple[Path, FileIdentity]:
    """Return the source of an ended job where publishing left it, and what it is now: a retry needs it.

    Raises:
        ConfigError: `source.vanished`: it is gone.
        StorageError: its root cannot be opened.
    """
    source = job.journal.source_to or job.source
    root = root_above(source, job.relative, guard)
    identity = source_identity(source, root)
    if not isinstance(identity, FileIdentity):
        hint = "put it back, or drop it into the watched folder again"
        raise ConfigError("the source of this job is gone", code="source.vanished", hint=hint, where=shown(source))
    return source, identity.evolve(sample=sample_of(source, root))


def source_root(job: Job, guard: Guard) -> Root:
    """Return the root that the source is in: the input or, after a retry, failed/."""
    return root_above(job.source, job.relative, guard)


def root_above(path: Path, relative: Path, guard: Guard) -> Root:
    """Return the root that a file of a job is in: each root mirrors the tree of the input.

    Args:
        path: the source or output, wherever it is.
        relative: the source's path below the input.
        guard: opens the root.
    """
    return Root(path.parents[len(relative.parts) - 1], guard)
