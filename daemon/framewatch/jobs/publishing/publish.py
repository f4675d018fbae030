"""Brings a job's files to their places, one journaled step after the other.

    choose the output's name -> place the output -> choose the source's name -> move the source -> conclude

Each step is in the store before the next begins, and each can be begun again. So a job that was stopped
between any two, or within one, ends the same way when `publish` is called again: nothing twice, nothing lost.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from framewatch.domain import Job, JobState
from framewatch.errors import ErrorRecord, Finding, Need, Place, Remedy, StorageError
from framewatch.jobs.attempt.disk_forecast import require_room
from framewatch.jobs.lifecycle import events as ev
from framewatch.jobs.lifecycle.retry_policy import RetryPolicy
from framewatch.jobs.lifecycle.transitions import publishing_step, transition
from framewatch.jobs.naming import failed_sidecar_path, free_path, placed_below, sidecar_path
from framewatch.jobs.source_check import changed, lost_source
from framewatch.storage import files
from framewatch.storage.copy import CopyProgress
from framewatch.storage.files import part_name
from framewatch.storage.free_space import same_disk
from framewatch.storage.mount_guard import UNGUARDED, Guard
from framewatch.storage.move import Move, Moved, discard_part, move
from framewatch.storage.os_errors import shown, storage_faults

Recorder = Callable[[ev.Event], Job]
"""Takes an event through the lifecycle into the store, and hands back the job as it is then."""


@dataclass(frozen=True, slots=True)
class Places:
    """The roots of a watch folder; each must exist."""

    input: Path
    output: Path
    done: Path
    failed: Path
    overwrite: bool = False  # the output replaces an older file of its planned name
    guard: Guard = UNGUARDED  # knows whether their disks are mounted
    reserve: int = 0  # bytes that are to stay free on their disks


def publish(
    job: Job,
    places: Places,
    record: Recorder,
    conclude: Callable[[Job], None],
    *,
    cancel: threading.Event | None = None,
    progress: CopyProgress | None = None,
) -> Job:
    """Take a job in PUBLISHING from its journal's next step to its end.

    `conclude` is given the job as it will have ended, to leave its last sidecar, before the end is recorded;
    it may be called again after a crash. Returns the job in the state that it came to: mostly its outcome,
    but QUEUED where the result is lost and must be made again.

    Raises:
        StorageError: to be recorded as `Broke`, for the job to be held and published further later.
        CancelledError: `cancel` was set during a copy; the job stays as it is and can be published later.
    """
    steps = _Steps(places, conclude, cancel, progress)
    while job.state == JobState.PUBLISHING:
        job = record(steps.take(job, publishing_step(job)))
    return job


def last_sidecar(job: Job, places: Places) -> tuple[Path, Path]:
    """Where an ended job's progress file stays, and the root that this lies below.

    Beside the output when it is done, else beside the source, which lies, or would lie, in failed/, or in done/
    when it was skipped. Where the configuration has moved that folder since, it stays in the new one.
    """
    if job.outcome == JobState.DONE:
        output = placed_below(places.output, job.relative, job.journal.output or job.output)
        return sidecar_path(output), places.output
    if job.journal.source_to is not None:
        root = places.done if job.outcome == JobState.SKIPPED else places.failed
        return failed_sidecar_path(placed_below(root, job.relative, job.journal.source_to)), root
    return failed_sidecar_path(free_path(places.failed / job.relative, files.exists)), places.failed


@dataclass(frozen=True, slots=True)
class _Steps:
    """Carries out one step and says what came of it."""

    places: Places
    conclude: Callable[[Job], None]
    cancel: threading.Event | None
    progress: CopyProgress | None

    def take(self, job: Job, step: ev.PublishingStep) -> ev.Event:
        match step:
            case ev.ChooseOutput():
                self.places.guard.require(self.places.output)
                return self._lost_source(job) or self._choose_output(job, step.result)
            case ev.PlaceOutput():
                return self._place_output(job, step)
            case ev.ChooseSource():
                self._forget_output(job)
                return self._lost_source(job) or self._choose_source(job)
            case ev.MoveSource():
                return self._move_source(job, step)
        now = time.time()
        self.conclude(transition(job, ev.Published(), now, RetryPolicy()).job)
        return ev.Published()

    # --- the output ---------------------------------------------------------------------------------------

    def _choose_output(self, job: Job, result: Path, not_this: Path | None = None) -> ev.Event:
        found = files.identity(result)
        if found is None:
            return _lost_result(job)

        def taken(path: Path) -> bool:
            if self.places.overwrite:
                return path.is_dir()
            return path == not_this or files.exists(path)

        return ev.OutputChosen(
            free_path(placed_below(self.places.output, job.relative, job.output), taken), found.size
        )

    def _place_output(self, job: Job, step: ev.PlaceOutput) -> ev.Event:
        if not step.output.is_relative_to(self.places.output):  # the configuration has moved it meanwhile
            arrived = _arrived(step.result, step.output, job.journal.output_size)
            return ev.OutputPlaced() if arrived else self._choose_output(job, step.result)
        if files.exists(step.result) and (lost := self._lost_source(job)):
            self._forget_output(job)
            return lost
        room = Need("output", job.journal.output_size or 0)
        self._require_room(job, step.result, step.output, room, self.places.overwrite)
        order = Move(
            source=step.result,
            destination=step.output,
            root=self.places.output,
            part=part_name(job.id),
            size=job.journal.output_size or 0,
            overwrite=self.places.overwrite,
            guard=self.places.guard,
        )
        match move(order, self.cancel, self.progress):
            case Moved.DONE:
                return ev.OutputPlaced()
            case Moved.TAKEN:
                return self._choose_output(job, step.result, not_this=step.output)
        return _lost_result(job)

    def _forget_output(self, job: Job) -> None:
        """Remove the copy that was being made of an output which is not to come."""
        output = job.journal.output
        if output is None or job.journal.output_done or not output.is_relative_to(self.places.output):
            return
        try:
            discard_part(output, self.places.output, part_name(job.id), self.places.guard)
        except StorageError:
            if job.outcome != JobState.CANCELLED:  # a user who cancels waits for no disk
                raise

    # --- the source ---------------------------------------------------------------------------------------

    def _choose_source(self, job: Job, not_this: Path | None = None) -> ev.SourceChosen:
        done = job.outcome is not None and job.outcome.keeps_source
        if not done and job.source.is_relative_to(self.places.failed):
            return ev.SourceChosen(job.source)  # it failed before, and a retry failed again

        def taken(path: Path) -> bool:
            beside = job.outcome != JobState.DONE and files.exists(failed_sidecar_path(path))
            return path == not_this or beside or files.exists(path)

        root = self.places.done if done else self.places.failed
        self.places.guard.require(root)
        return ev.SourceChosen(free_path(root / job.relative, taken))

    def _move_source(self, job: Job, step: ev.MoveSource) -> ev.Event:
        place: Place = "done" if job.outcome and job.outcome.keeps_source else "failed"
        root = self.places.done if place == "done" else self.places.failed
        if not step.destination.is_relative_to(root):  # as above
            arrived = _arrived(step.source, step.destination, job.identity.size)
            return ev.SourceMoved() if arrived else self._lost_source(job) or self._choose_source(job)
        self._require_room(job, step.source, step.destination, Need(place, job.identity.size))
        order = Move(
            source=step.source,
            destination=step.destination,
            root=root,
            part=part_name(job.id),
            size=job.identity.size,
            source_root=self._source_root(job),
            identity=job.identity,
            guard=self.places.guard,
        )
        match move(order, self.cancel, self.progress):
            case Moved.DONE:
                return ev.SourceMoved()
            case Moved.TAKEN:
                return self._choose_source(job, not_this=step.destination)
        return self._lost_source(job) or ev.SourceLost(changed(job))

    def _require_room(self, job: Job, path: Path, destination: Path, need: Need, overwrite: bool = False) -> None:
        """A copy to another disk needs room for all of it; what a crash left of an earlier one goes first.

        What lies at the destination already was put there by an earlier try, unless it may be overwritten.

        Raises:
            StorageError: `storage.will_not_fit`, or the root's disk is not there.
        """
        root: Path = getattr(self.places, need.place)
        self.places.guard.require(root)
        if not files.exists(path) or (files.exists(destination) and not overwrite):
            return
        with storage_faults(root):
            if same_disk(path.parent) == same_disk(root):
                return
            discard_part(destination, root, part_name(job.id), self.places.guard)
            require_room([need], {need.place: root}, self.places.reserve)

    def _source_root(self, job: Job) -> Path:
        """The folder of users that the source lies in; `failed`, for retries, may lie within `input`."""
        roots = (self.places.failed, self.places.input)
        return next((root for root in roots if job.source.is_relative_to(root)), job.source.parent)

    def _lost_source(self, job: Job) -> ev.SourceLost | None:
        """What to record where the source is no longer the file that was taken in."""
        lost = lost_source(job, self._source_root(job), self.places.guard)
        return ev.SourceLost(lost) if lost else None


def _arrived(old: Path, new: Path, size: int | None) -> bool:
    """Whether a move came to its end before that was recorded."""
    found = files.identity(new)
    return not files.exists(old) and found is not None and found.size == size


def _lost_result(job: Job) -> ev.Broke:
    message = "the finished file is gone from the work folder before it was put in its place"
    hint = "keep other programs out of work_dir"
    finding = Finding("work.lost", message, hint, shown(job.journal.result or ""))
    return ev.Broke(ErrorRecord((finding,), Remedy.RETRY))
