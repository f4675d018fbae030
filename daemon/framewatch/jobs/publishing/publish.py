"""Moves a job's files into place, one journaled step after the other.

Each step is in the store before the next begins, and each can be repeated. So a job that was stopped between any
two steps, or within one, ends the same way when `publish` is called again: nothing twice, nothing lost.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framewatch.domain import Job, JobState
from framewatch.errors import ErrorRecord, Finding, Need, Remedy, StorageError
from framewatch.jobs.attempt.forecast.disk import require_room
from framewatch.jobs.lifecycle import events as ev
from framewatch.jobs.lifecycle.publishing_step import (
    ChooseOutput,
    ChooseSource,
    Conclude,
    MoveSource,
    PlaceOutput,
    PublishingStep,
    publishing_step,
    source_place,
)
from framewatch.jobs.lifecycle.retry_policy import RetryPolicy
from framewatch.jobs.lifecycle.transitions import transition
from framewatch.jobs.naming import free_path, placed_below, sidecar_path
from framewatch.jobs.source_check import changed, lost_source, source_root
from framewatch.storage import files
from framewatch.storage.copy import CopyProgress
from framewatch.storage.files import part_name
from framewatch.storage.folder_places import FolderPlaces
from framewatch.storage.free_space import disk_id
from framewatch.storage.move import Move, Moved, discard_part, move
from framewatch.storage.os_errors import shown, storage_faults

ApplyEvent = Callable[[ev.Event], Job]
"""Applies an event to the job, stores it, and returns the changed job."""


def publish(
    job: Job,
    places: FolderPlaces,
    apply: ApplyEvent,
    conclude: Callable[[Job], None],
    *,
    cancel: threading.Event | None = None,
    progress: CopyProgress | None = None,
) -> Job:
    """Publish a job in PUBLISHING, from its journal's next step to the end.

    Args:
        job: as it is stored.
        places: of its watch folder.
        apply: applies and stores what happens.
        conclude: writes the final progress file. It gets the job as it will have ended, before the end is recorded,
            and may be called again after a crash.
        cancel: set to stop a copy.
        progress: hears of copies.

    Returns:
        The job in its final state: mostly its outcome, but QUEUED if the result is lost and must be made again.

    Raises:
        StorageError: to be recorded as `Broke`: the job is then held, and published further later.
        CancelledError: `cancel` was set during a copy; the job is unchanged and can be published later.
    """
    publisher = _Publisher(places, conclude, cancel, progress)
    while job.state == JobState.PUBLISHING:
        job = apply(publisher.run(job, publishing_step(job)))
    return job


def final_sidecar(job: Job, places: FolderPlaces) -> tuple[Path, Path]:
    """Return where the progress file of an ended job stays, and the root that this path is below.

    Beside the output if the job is done. Otherwise beside the source, which is, or would be, in failed/, or in
    done/ if the job was skipped. If the configuration has moved that folder since, the file stays in the new one.
    """
    if job.outcome == JobState.DONE:
        output = placed_below(places.output, job.relative, job.journal.output or job.output)
        return sidecar_path(output), places.output
    if job.journal.source_to is not None:
        root = places.path(source_place(job))
        return sidecar_path(placed_below(root, job.relative, job.journal.source_to)), root
    return sidecar_path(free_path(places.failed / job.relative, files.exists)), places.failed


@dataclass(frozen=True, slots=True)
class _Publisher:
    """Runs one step; gives the event that it ended with."""

    places: FolderPlaces
    conclude: Callable[[Job], None]
    cancel: threading.Event | None
    progress: CopyProgress | None

    def run(self, job: Job, step: PublishingStep) -> ev.Event:
        return _STEPS[type(step)](self, job, step)

    # --- the output -------------------------------------------------------------------------------------------

    def choose_output(self, job: Job, step: ChooseOutput) -> ev.Event:
        self.places.guard.require(self.places.output)
        return self._lost_source(job) or self._chosen_output(job, step.result)

    def place_output(self, job: Job, step: PlaceOutput) -> ev.Event:
        size = job.journal.output_size or 0
        if not step.output.is_relative_to(self.places.output):  # the configuration has moved the folder since
            arrived = _arrived(step.result, step.output, job.journal.output_size)
            return ev.OutputPlaced() if arrived else self._chosen_output(job, step.result)
        if files.exists(step.result) and (lost := self._lost_source(job)):
            self._discard_output_copy(job)
            return lost
        self._require_room(job, step.result, step.output, Need("output", size))
        request = Move(
            source=step.result,
            destination=step.output,
            root=self.places.output,
            part=part_name(job.id),
            size=size,
            overwrite=self.places.overwrite,
            guard=self.places.guard,
        )
        match move(request, self.cancel, self.progress):
            case Moved.DONE:
                return ev.OutputPlaced()
            case Moved.TAKEN:
                return self._chosen_output(job, step.result, not_this=step.output)
        return _lost_result(job)

    def _chosen_output(self, job: Job, result: Path, not_this: Path | None = None) -> ev.Event:
        found = files.identity(result)
        if found is None:
            return _lost_result(job)

        def taken(path: Path) -> bool:
            if self.places.overwrite:
                return path.is_dir()
            return path == not_this or files.exists(path)

        wanted = placed_below(self.places.output, job.relative, job.output)
        return ev.OutputChosen(free_path(wanted, taken), found.size)

    def _discard_output_copy(self, job: Job) -> None:
        """Remove the unfinished copy of an output that will not be placed."""
        output = job.journal.output
        if output is None or job.journal.output_done or not output.is_relative_to(self.places.output):
            return
        try:
            discard_part(output, self.places.output, part_name(job.id), self.places.guard)
        except StorageError:
            if job.outcome != JobState.CANCELLED:  # a user who cancels does not want to wait for a disk
                raise

    # --- the source -------------------------------------------------------------------------------------------

    def choose_source(self, job: Job, _step: ChooseSource) -> ev.Event:
        self._discard_output_copy(job)
        return self._lost_source(job) or self._chosen_source(job)

    def move_source(self, job: Job, step: MoveSource) -> ev.Event:
        place = source_place(job)
        root = self.places.path(place)
        if not step.destination.is_relative_to(root):  # the configuration has moved the folder since
            arrived = _arrived(step.source, step.destination, job.identity.size)
            return ev.SourceMoved() if arrived else self._lost_source(job) or self._chosen_source(job)
        self._require_room(job, step.source, step.destination, Need(place, job.identity.size))
        request = Move(
            source=step.source,
            destination=step.destination,
            root=root,
            part=part_name(job.id),
            size=job.identity.size,
            source_root=source_root(job),
            identity=job.identity,
            guard=self.places.guard,
        )
        match move(request, self.cancel, self.progress):
            case Moved.DONE:
                return ev.SourceMoved()
            case Moved.TAKEN:
                return self._chosen_source(job, not_this=step.destination)
        return self._lost_source(job) or ev.SourceLost(changed(job))

    def _chosen_source(self, job: Job, not_this: Path | None = None) -> ev.SourceChosen:
        place = source_place(job)
        if place == "failed" and job.source.is_relative_to(self.places.failed):
            return ev.SourceChosen(job.source)  # it failed before, and failed again after a retry

        def taken(path: Path) -> bool:
            # Without an output, the final progress file is beside the source, so its name must be free, too.
            sidecar_taken = job.outcome != JobState.DONE and files.exists(sidecar_path(path))
            return path == not_this or sidecar_taken or files.exists(path)

        root = self.places.path(place)
        self.places.guard.require(root)
        return ev.SourceChosen(free_path(root / job.relative, taken))

    # --- the end ----------------------------------------------------------------------------------------------

    def finish(self, job: Job, _step: Conclude) -> ev.Event:
        # The final progress file comes before the record, so that a crash in between repeats it: the job is shown as
        # it will have ended. No policy has a say in this event, so any will do.
        self.conclude(transition(job, ev.Published(), time.time(), RetryPolicy()))
        return ev.Published()

    # --- parts ------------------------------------------------------------------------------------------------

    def _require_room(self, job: Job, path: Path, destination: Path, need: Need) -> None:
        """Check that a copy to another disk will fit. What a crash left of an earlier copy is removed first.

        A file at the destination was put there by an earlier attempt to publish, unless it may be overwritten.

        Raises:
            StorageError: `storage.will_not_fit`, or the root's disk is not mounted.
        """
        root = self.places.path(need.place)
        self.places.guard.require(root)
        overwrite = need.place == "output" and self.places.overwrite
        if not files.exists(path) or (files.exists(destination) and not overwrite):
            return
        with storage_faults(root):
            if disk_id(path.parent) == disk_id(root):
                return
            discard_part(destination, root, part_name(job.id), self.places.guard)
            require_room([need], {need.place: root}, self.places.reserve)

    def _lost_source(self, job: Job) -> ev.SourceLost | None:
        """Return the event to record if the source is no longer the file that was queued."""
        lost = lost_source(job, source_root(job), self.places.guard)
        return ev.SourceLost(lost) if lost else None


_STEPS: Mapping[type[PublishingStep], Callable[[_Publisher, Job, Any], ev.Event]] = {
    ChooseOutput: _Publisher.choose_output,
    PlaceOutput: _Publisher.place_output,
    ChooseSource: _Publisher.choose_source,
    MoveSource: _Publisher.move_source,
    Conclude: _Publisher.finish,
}


def _arrived(old: Path, new: Path, size: int | None) -> bool:
    """Return whether a move was completed, but not recorded."""
    found = files.identity(new)
    return not files.exists(old) and found is not None and found.size == size


def _lost_result(job: Job) -> ev.Broke:
    message = "the finished file was removed from the work folder before it was moved into place"
    hint = "keep other programs out of work_dir"
    finding = Finding("work.lost", message, hint, shown(job.journal.result or ""))
    return ev.Broke(ErrorRecord((finding,), Remedy.RETRY))
