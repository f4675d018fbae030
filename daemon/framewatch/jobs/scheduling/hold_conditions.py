"""Whether the cause of a hold is gone, as far as it can be checked without another attempt."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from framewatch.domain import Job, JobState
from framewatch.errors import Need, Place, RuleError, StorageError
from framewatch.jobs.attempt.forecast.disk import fits
from framewatch.jobs.attempt.prerequisites import prerequisites_are_back
from framewatch.jobs.lifecycle.publishing_step import publishes_output, source_place
from framewatch.jobs.source_check import (
    CHANGED,
    INCOMPLETE,
    MAY_CHANGE,
    lost_source,
    require_publishable,
    seconds_left,
    source_root,
    stays_in_place,
)
from framewatch.storage.folder_places import FolderPlaces
from framewatch.storage.free_space import SPARE
from framewatch.storage.os_errors import SYMLINK
from framewatch.storage.permissions.checks import CANNOT_FILL, CANNOT_MOVE
from framewatch.storage.root import Root
from framewatch.upscale.network.weights import Precision

DENIED = "storage.denied"
FULL = ("storage.full", "storage.will_not_fit")


def can_continue(job: Job, places: FolderPlaces, ffmpeg: Path, precision: Precision = "exact") -> bool:
    """Check what is cheap to check: mounted disks, free space, ffmpeg, the network's weights.

    A job that is held for anything else may continue: another attempt is the only check there is.

    Args:
        job: a held job.
        places: of its watch folder, now, which may be elsewhere than when the job was held.
        ffmpeg: the program.
        precision: which weights are needed; "fast" also needs those for 8 bits.
    """
    code = job.findings[0].code if job.findings else ""
    if code in (*INCOMPLETE, MAY_CHANGE):
        return not seconds_left(job, places, time.time()) or _is_lost(job, places)
    if code == CHANGED:
        return not _has_changed(job, places)
    if not code.startswith("storage."):
        return prerequisites_are_back(code, ffmpeg, precision)
    try:
        for root in _needed_roots(job, places):
            root.require()
        if code == DENIED and not all(root.may_write() for root in _written_roots(job, places)):
            return False
        if code == SYMLINK:
            places.require_no_links()
        if code in (CANNOT_MOVE, CANNOT_FILL) and job.held_state != JobState.PUBLISHING:
            require_publishable(job, places)
    except RuleError:  # which the next attempt fails with
        return True
    except StorageError:
        return False
    needs = _needed_space(job, places)
    folders = {need.place: places.root(need.place) for need in needs}
    return code not in FULL or fits(needs, folders, places.reserve)


def _is_lost(job: Job, places: FolderPlaces) -> bool:
    """Return whether the source is gone or another version; no, if it cannot be seen now."""
    with suppress(StorageError):
        return lost_source(job, source_root(job, places.guard)) is not None
    return False


def _has_changed(job: Job, places: FolderPlaces) -> bool:
    """Return whether the source is still another version; when that has settled, the job is renewed for it."""
    with suppress(StorageError):
        lost = lost_source(job, source_root(job, places.guard))
        return lost is not None and lost.code == CHANGED
    return True


def _needed_roots(job: Job, places: FolderPlaces) -> Iterator[Root]:
    if job.outcome != JobState.CANCELLED and not job.journal.source_done:
        yield source_root(job, places.guard)
    place = _next_place(job, places) if job.held_state == JobState.PUBLISHING else None
    if place is not None:
        yield places.root(place)


def _written_roots(job: Job, places: FolderPlaces) -> Iterator[Root]:
    """Yield the folders that publishing changes next: where a file comes from, and where it goes."""
    place = _next_place(job, places) if job.held_state == JobState.PUBLISHING else None
    if place is not None:
        yield places.root(place)
        if place != "output":
            yield source_root(job, places.guard)


def _next_place(job: Job, places: FolderPlaces) -> Place | None:
    """Return where publishing moves the next file of a job; None if all are in place."""
    if publishes_output(job):
        return "output"
    return None if job.journal.source_done or stays_in_place(job, places) else source_place(job)


def _needed_space(job: Job, places: FolderPlaces) -> tuple[Need, ...]:
    """Return the space that a job waits for; a little more than the reserve if it is not known."""
    if job.needs:
        return tuple(need for need in job.needs if need.place != "done" or not places.keeps_sources)
    place = _next_place(job, places) if job.held_state == JobState.PUBLISHING else "work"
    return () if place is None else (Need(place, SPARE),)
