"""Moves a job's files into place, one journaled step after the other.

Each step is in the store before the next begins, and each can be repeated. So a job that was stopped between any
two steps, or within one, ends the same way when `publish` is called again: nothing twice, nothing lost.
"""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framewatch.domain import Job, JobState, KnownFile
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
    SecureSource,
    publishing_step,
    source_place,
)
from framewatch.jobs.lifecycle.retry_policy import RetryPolicy
from framewatch.jobs.lifecycle.transitions import transition
from framewatch.jobs.naming import free_path, placed_below, progress_path
from framewatch.jobs.progress_file import other_owner
from framewatch.jobs.publishing.carry import Carrier, Spot, require_room_in
from framewatch.jobs.publishing.companions import JobCompanions
from framewatch.jobs.source_check import (
    MAY_CHANGE,
    changed,
    known_file,
    known_source,
    lost_source,
    root_above,
    seconds_left,
    source_root,
    stays_in_place,
)
from framewatch.library.discs import disc_kind
from framewatch.storage import files
from framewatch.storage.copy import CopyProgress
from framewatch.storage.files import part_name
from framewatch.storage.folder_places import FolderPlaces
from framewatch.storage.move import Move, Moved, discard_part, move, require_no_writer
from framewatch.storage.os_errors import shown, storage_faults
from framewatch.storage.root import Root
from framewatch.storage.swap.take_place import new_name, take_place
from framewatch.storage.writers.leases import knows_writers

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


def final_sidecar(job: Job, places: FolderPlaces) -> tuple[Path, Root]:
    """Return where the progress file of an ended job stays, and the root that this path is below.

    Beside the output if the job is done. Otherwise beside the source, which is, or would be, in failed/, or in
    done/ if the job was skipped. If the configuration has moved that folder since, the file stays in the new one.
    Where sources stay in place, it is in failed/ if there is one and the job failed, else beside the planned output.
    """
    file, root = _shown_file(job, places)
    return progress_path(root.path, file, places.progress_files), root


def _shown_file(job: Job, places: FolderPlaces) -> tuple[Path, Root]:
    """Return the file that the progress file of an ended job is about, and its root."""
    if job.outcome == JobState.DONE or (stays_in_place(job, places) and not _is_failure_to_file(job, places)):
        output = placed_below(places.output, job.relative, job.journal.output or job.output)
        return output, places.root("output")
    if stays_in_place(job, places):
        failed = places.root("failed")
        return failed.path / job.relative, failed
    if job.journal.source_to is not None:
        root = places.root(source_place(job))
        return placed_below(root.path, job.relative, job.journal.source_to), root
    failed = places.root("failed")

    def taken(path: Path) -> bool:
        with suppress(StorageError):  # if the root cannot be opened, writing reports it
            return failed.exists(path)
        return False

    return free_path(failed.path / job.relative, taken), failed


def _is_failure_to_file(job: Job, places: FolderPlaces) -> bool:
    return places.failed is not None and source_place(job) == "failed"


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
        self.places.root("output").require()
        if lost := self._lost_source(job):
            return lost
        if not stays_in_place(job, self.places):  # what is made of half a file must not come out as a film
            source_in, root = source_root(job, self.places.guard), self.places.root(source_place(job))
            self._require_quiet(job, source_in, root)
            if self._is_copied(job, source_in, root):
                require_no_writer(job.source, source_in)
        return self._chosen_output(job, step.result)

    def place_output(self, job: Job, step: PlaceOutput) -> ev.Event:
        size = job.journal.output_size or 0
        work, output = _work_root(step.result), self.places.root("output")
        if not step.output.is_relative_to(self.places.output):  # the configuration has moved the folder since
            gone = not work.exists(step.result)
            arrived = gone and self._arrived(job, step.output, job.journal.output_size)
            return ev.OutputPlaced() if arrived else self._chosen_output(job, step.result)
        if work.exists(step.result) and (lost := self._lost_source(job)):
            self._discard_output_copy(job)
            self._discard_second_name(job)
            return lost
        self._keep_mtime(job, step.result, work)
        takes_place = step.output == job.source
        new = step.output.with_name(new_name(job.id)) if takes_place else step.output
        self._require_room(job, step.result, work, new, Need("output", size))
        request = Move(
            source=step.result,
            source_root=work,
            destination=step.output,
            root=output,
            part=part_name(job.id),
            size=size,
            overwrite=self.places.overwrite,
            shared=True,
        )
        if takes_place:
            moved = take_place(request, job.identity, new.name, self.cancel, self.progress)
        else:
            moved = move(request, self.cancel, self.progress)
        match moved:
            case Moved.DONE:
                return ev.OutputPlaced(self._made(step.output))
            case Moved.CHANGED:
                self._discard_output_copy(job)
                self._discard_second_name(job)
                return self._lost_source(job) or ev.SourceLost(changed(job))
            case Moved.TAKEN:
                return self._chosen_output(job, step.result, not_this=step.output)
        return _lost_result(job)

    def _chosen_output(self, job: Job, result: Path, not_this: Path | None = None) -> ev.Event:
        made = _work_root(result).identity(result)
        if made is None:
            return _lost_result(job)
        root = self.places.root("output")

        source = self._source(job) if self.places.replace else None

        def is_source(found: os.stat_result | None) -> bool:
            return found is not None and source is not None and os.path.samestat(found, source)

        def taken(path: Path) -> bool:
            found = root.find(path)
            if is_source(found):
                return False
            if self.places.overwrite:
                return found is not None and stat.S_ISDIR(found.st_mode)
            return path == not_this or found is not None or self._shows_another(job, path)

        chosen = free_path(placed_below(self.places.output, job.relative, job.output), taken)
        # By its own name, which may be spelled in another case.
        return ev.OutputChosen(job.source if is_source(root.find(chosen)) else chosen, made.size)

    def _keep_mtime(self, job: Job, result: Path, work: Root) -> None:
        """Give the result its source's time of change, unless it could then be taken for the source."""
        if not self.places.keep_mtime or job.journal.output_size == job.identity.size or not work.exists(result):
            return
        with storage_faults(result), work.open_folder(result.parent) as folder:
            times = (time.time_ns(), job.identity.mtime_ns)
            os.utime(result.name, ns=times, dir_fd=folder, follow_symlinks=False)

    def _made(self, output: Path) -> KnownFile | None:
        """Return what to remember of an output that is in the input."""
        made = known_file(output, self.places.root("output")) if self.places.replace else None
        return made and made.evolve(made=True)

    def _discard_output_copy(self, job: Job) -> None:
        """Remove the unfinished copy of an output that will not be placed."""
        output = job.journal.output
        if output is None or job.journal.output_done or not output.is_relative_to(self.places.output):
            return
        try:
            for name in (part_name(job.id), new_name(job.id)):
                discard_part(output, self.places.root("output"), name)
        except StorageError:
            if job.outcome != JobState.CANCELLED:  # a user who cancels does not want to wait for a disk
                raise

    # --- the source -------------------------------------------------------------------------------------------

    def choose_source(self, job: Job, _step: ChooseSource) -> ev.Event:
        self._discard_output_copy(job)
        if lost := self._lost_source(job):
            return lost
        self._companions(job).copy()
        return self._kept_source(job) if stays_in_place(job, self.places) else self._chosen_source(job)

    def secure_source(self, job: Job, step: SecureSource) -> ev.Event:
        root, source_in = self.places.root("done"), source_root(job, self.places.guard)
        if lost := self._lost_source(job):
            self._discard_second_name(job)
            return lost
        if not step.destination.is_relative_to(root.path):  # the configuration has moved the folder since
            return self._chosen_source(job)
        self._require_room(job, step.source, source_in, step.destination, Need("done", job.identity.size))
        match self._move_source(job, step.destination, root, keep=True):
            case Moved.DONE:
                return ev.SourceSecured()
            case Moved.TAKEN:
                return self._chosen_source(job, not_this=step.destination)
        return self._lost_source(job) or ev.SourceLost(changed(job))

    def _move_source(self, job: Job, destination: Path, root: Root, *, keep: bool) -> Moved:
        source_in = source_root(job, self.places.guard)
        self._require_quiet(job, source_in, root)
        request = Move(
            source=job.source,
            source_root=source_in,
            destination=destination,
            root=root,
            part=part_name(job.id),
            size=job.identity.size,
            identity=job.identity,
            keep=keep,
            link=keep,
            not_written=True,
        )
        return move(request, self.cancel, self.progress)

    def _discard_second_name(self, job: Job) -> None:
        """Remove the name in done/ that a source was given, if the output does not take its place after all.

        If another file is in the source's place by now, that name stays: it is the only one.
        """
        journal, done = job.journal, self.places.done
        if journal.source_to is None or journal.output != job.source or journal.output_done or done is None:
            return
        if not journal.source_to.is_relative_to(done):
            return
        second, first = self.places.root("done").find(journal.source_to), self._source(job)
        if first is not None and second is not None and _are_one(job, first, second):
            self.places.root("done").remove(journal.source_to)

    def _source(self, job: Job) -> os.stat_result | None:
        return source_root(job, self.places.guard).find(job.source)

    def move_source(self, job: Job, step: MoveSource) -> ev.Event:
        place = source_place(job)
        self._discard_second_name(job)
        if stays_in_place(job, self.places):  # it was to be moved, before the configuration was changed
            lost = self._lost_source(job)
            arrived = lost is not None and self._arrived(job, step.destination, job.identity.size)
            return ev.SourceMoved() if arrived else lost or self._kept_source(job)
        root, source_in = self.places.root(place), source_root(job, self.places.guard)
        if not step.destination.is_relative_to(root.path):  # the configuration has moved the folder since
            lost = self._lost_source(job)
            arrived = lost is not None and self._arrived(job, step.destination, job.identity.size)
            return ev.SourceMoved() if arrived else lost or self._chosen_source(job)
        self._require_room(job, step.source, source_in, step.destination, Need(place, job.identity.size))
        if disc_kind(step.source.name):
            return self._moved_disc(job, Spot(step.source, source_in), Spot(step.destination, root))
        match self._move_source(job, step.destination, root, keep=False):
            case Moved.DONE:
                return ev.SourceMoved()
            case Moved.TAKEN:
                return self._chosen_source(job, not_this=step.destination)
        return self._lost_source(job) or ev.SourceLost(changed(job))

    def _moved_disc(self, job: Job, source: Spot, destination: Spot) -> ev.Event:
        """Move a disc's folder file by file, or what an earlier attempt has left of it."""
        begun = destination.root.exists(destination.path)
        if not begun and (lost := self._lost_source(job)):
            return lost
        room = require_room_in(self.places)
        carrier = Carrier(
            job.id, job.folder, self.cancel, self.progress, self.places.on_moved, require_room=room, strict=True
        )
        carrier.tree(source, destination, keep=False)
        return ev.SourceMoved()

    def _chosen_source(self, job: Job, not_this: Path | None = None) -> ev.SourceChosen:
        place = source_place(job)
        root = self.places.root(place)
        if job.source.is_relative_to(root.path):
            return ev.SourceChosen(job.source)  # it is there since before a retry, or before it is done again

        source = self._source(job) if self.places.replace else None

        def is_source(found: os.stat_result) -> bool:  # an earlier attempt gave it this name, too
            return source is not None and os.path.samestat(found, source)

        def taken(path: Path) -> bool:
            # Without an output, the final progress file is beside the source, so its name must be free, too.
            sidecar_taken = job.outcome != JobState.DONE and root.exists(self._progress_path(root, path))
            found = root.find(path)
            return path == not_this or sidecar_taken or (found is not None and not is_source(found))

        return ev.SourceChosen(free_path(root.path / job.relative, taken))

    def _kept_source(self, job: Job) -> ev.Event:
        known = known_source(job, self.places.guard)
        return ev.SourceLost(changed(job)) if known is None else ev.SourceKept(known)

    # --- the end ----------------------------------------------------------------------------------------------

    def finish(self, job: Job, _step: Conclude) -> ev.Event:
        self._companions(job).move()
        # The final progress file comes before the record, so that a crash in between repeats it: the job is shown as
        # it will have ended. No policy has a say in this event, so any will do.
        self.conclude(transition(job, ev.Published(), time.time(), RetryPolicy()))
        return ev.Published()

    # --- parts ------------------------------------------------------------------------------------------------

    def _companions(self, job: Job) -> JobCompanions:
        return JobCompanions(job, self.places, self.cancel, self.progress)

    def _require_room(self, job: Job, source: Path, source_in: Root, destination: Path, need: Need) -> None:
        """Check that a copy to another disk will fit. What a crash left of an earlier copy is removed first.

        A file at the destination was put there by an earlier attempt to publish, unless it may be overwritten.

        Raises:
            StorageError: `storage.will_not_fit`, or the root's disk is not mounted.
        """
        root = self.places.root(need.place)
        overwrite = need.place == "output" and self.places.overwrite
        found = source_in.find(source)
        if found is None or (root.exists(destination) and not overwrite):
            return
        if found.st_dev != root.disk():
            discard_part(destination, root, part_name(job.id))
            require_room([need], {need.place: root}, self.places.reserve)

    def _shows_another(self, job: Job, output: Path) -> bool:
        """Return whether the name is another job's, by its progress file: one of another daemon's, most likely."""
        root = self.places.root("output")
        path = self._progress_path(root, output)
        with suppress(FileNotFoundError), root.open_folder(path.parent) as folder:
            return other_owner(folder, path.name, job.id, job.source) is not None
        return False

    def _progress_path(self, root: Root, file: Path) -> Path:
        return progress_path(root.path, file, self.places.progress_files)

    def _require_quiet(self, job: Job, source_in: Root, root: Root) -> None:
        """Check that a source that would be copied to another disk, and then removed, has not changed for long.

        Raises:
            StorageError: `source.may_change`: somebody may still be writing it, only paused.
        """
        if not self._is_copied(job, source_in, root):
            return
        left = seconds_left(job, self.places, time.time())
        if left and not knows_writers(source_in.real_path()):
            message = "this file may still be being written: it was queued only a short time ago"
            hint = f"it is moved to the other disk in {left:.0f} s; incomplete_seconds sets how long it is given"
            raise StorageError(message, code=MAY_CHANGE, hint=hint, where=shown(job.source))

    def _is_copied(self, job: Job, source_in: Root, root: Root) -> bool:
        """Return whether the source is on another disk than the one that it is to be moved to."""
        found = source_in.find(job.source)
        return found is not None and found.st_dev != root.disk()

    def _arrived(self, job: Job, moved_to: Path, size: int | None) -> bool:
        """Return whether a move that the journal does not record has put the file into an earlier root."""
        with suppress(StorageError):
            found = root_above(moved_to, job.relative, self.places.guard).identity(moved_to)
            return found is not None and found.size == size
        return False

    def _lost_source(self, job: Job) -> ev.SourceLost | None:
        """Return the event to record if the source is no longer the file that was queued."""
        lost = lost_source(job, source_root(job, self.places.guard))
        return ev.SourceLost(lost) if lost else None


_STEPS: Mapping[type[PublishingStep], Callable[[_Publisher, Job, Any], ev.Event]] = {
    ChooseOutput: _Publisher.choose_output,
    PlaceOutput: _Publisher.place_output,
    ChooseSource: _Publisher.choose_source,
    SecureSource: _Publisher.secure_source,
    MoveSource: _Publisher.move_source,
    Conclude: _Publisher.finish,
}


def _are_one(job: Job, one: os.stat_result, other: os.stat_result) -> bool:
    """Return whether two files are a source under two names, or the source and its copy."""
    both = (files.identity_of(one), files.identity_of(other))
    return os.path.samestat(one, other) or all(files.unchanged(job.identity, each) for each in both)


def _work_root(result: Path) -> Root:
    """Return the nearest folder above a result that exists: work_dir may have been changed and removed since."""
    return Root(next(folder for folder in result.parents if folder.is_dir()))


def _lost_result(job: Job) -> ev.Broke:
    message = "the finished file was removed from the work folder before it was moved into place"
    hint = "keep other programs out of work_dir"
    finding = Finding("work.lost", message, hint, shown(job.journal.result or ""))
    return ev.Broke(ErrorRecord((finding,), Remedy.RETRY))
