"""Reports jobs to users: the progress file beside each output, `framewatch status`, and the log."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from functools import partial

import structlog

from framewatch.domain import Forecast, Job, JobState, Progress, StageName
from framewatch.errors import Finding, StorageError
from framewatch.jobs.attempt.context import Observer
from framewatch.jobs.attempt.segment_ledger import LedgerEntry
from framewatch.jobs.naming import progress_path
from framewatch.jobs.publishing.publish import final_sidecar
from framewatch.jobs.reporting.sidecar import Sidecar, remove_sidecar
from framewatch.jobs.reporting.stopwatch import SpeedBook, Stopwatch
from framewatch.jobs.source_check import root_above
from framewatch.jobs.store.store import Store
from framewatch.media.plan.image_plan import Plan
from framewatch.storage.folder_places import FolderPlaces
from framewatch.storage.os_errors import NO_ANSWER_SECONDS, no_answer
from framewatch.threads import FolderCalls, NoAnswerError

STORE_SECONDS = 1.0  # between two updates of a job's progress in the store, for `framewatch status`
WITH_ERRORS = (JobState.FAILED, JobState.CANCELLED)  # states whose progress files tell of an error
MAX_WITH_ERRORS = 500  # the newest of these jobs in a folder, whose progress files are kept up to date
LOG_SECONDS = 30.0  # between two progress lines in the log

_log = structlog.get_logger("framewatch.jobs")

PlacesOf = Callable[[str], FolderPlaces | None]
"""Gives the places of a watch folder by its name; None if the configuration no longer has it."""


class Reporter:
    """Keeps the progress files of all jobs. Safe for use from several threads."""

    def __init__(self, store: Store, places_of: PlacesOf) -> None:
        self._store = store
        self._places_of = places_of
        self._sidecars: dict[str, Sidecar] = {}
        self._lock = threading.Lock()  # of the table; never held while a share is touched
        self._calls = FolderCalls("progress")
        self._speeds = SpeedBook(store)
        self._silent: set[str] = set()  # folders whose share did not answer at the last write
        self._unwritable: dict[str, str] = {}  # why nothing can be written in a folder: the code that was logged

    def show(self, job: Job) -> None:
        """Show a job's new state."""
        sidecar = self._sidecar(job)
        if sidecar is not None and job.state == JobState.QUEUED:
            self._write(job, partial(sidecar.update, job, Progress(), partial(self._store.is_queued, job.id)))
            self._forget_queued(job)
        elif sidecar is not None:
            starts = job.state == JobState.RUNNING  # then the progress in the store is an earlier attempt's
            progress = Progress() if starts else self._store.progress(job.id)
            self._write(job, partial(sidecar.update, job, progress))

    def observer(self, job: Job, on_segment: Callable[[], None] = lambda: None) -> JobObserver:
        """Return an observer for one attempt; `on_segment` is called after each finished segment."""
        sidecar = self._sidecar(job)

        def show(progress: Progress) -> None:
            if sidecar is not None:
                self._write(job, partial(sidecar.update, job, progress))

        return JobObserver(self._store, show, job, on_segment, Stopwatch(self._speeds, job))

    def conclude(self, job: Job) -> None:
        """Write the final progress file where the user looks for it. `job` is as it will have ended."""
        places, sidecar = self._places_of(job.folder), self._sidecar(job)
        if places is None or sidecar is None:
            return
        path, root = final_sidecar(job, places)
        over = places.progress_files == "while_running" and job.state.ends_in_done_folder
        if over or job.other_than:  # the file is left alone, and nothing is written about it
            finish = partial(sidecar.remove, job.id)
        else:
            finish = partial(sidecar.finish, job, self._store.progress(job.id), path, root)
        self._calls.call(job.folder, finish, None)  # the last word, after whatever hangs now
        with self._lock:
            self._sidecars.pop(job.id, None)

    def remove(self, job: Job) -> None:
        """Remove the final progress file of a job that had ended."""
        places = self._places_of(job.folder)
        if places is not None:
            try:
                remove_sidecar(*final_sidecar(job, places), job.id)
            except StorageError as error:
                _log_error(job, error.finding)

    def remove_outdated(self, folder: str) -> None:
        """Remove the progress files of failed and cancelled jobs whose files are gone, or were queued again.

        For the thread of the folder's watch, since its shares are looked at.
        """
        places = self._places_of(folder)
        if places is None:
            return
        for job in self._store.recently_ended(WITH_ERRORS, MAX_WITH_ERRORS, folder):
            with suppress(StorageError):  # it is tried again
                if _is_outdated(job, places, self._store):
                    remove_sidecar(*final_sidecar(job, places), job.id)

    def _write(self, job: Job, write: Callable[[], None]) -> None:
        """Write a progress file, unless the share is dead: then nothing waits for it, and the log says so once."""
        try:
            self._calls.call(job.folder, write, NO_ANSWER_SECONDS)
            self._silent.discard(job.folder)
        except NoAnswerError:
            if job.folder not in self._silent:
                self._silent.add(job.folder)
                _log_error(job, no_answer(job.output.parent))

    def _log_unwritable(self, job: Job, finding: Finding) -> None:
        """Log why a progress file is not written; once for a folder where the cause is its disk, or rights there."""
        if finding.code.startswith("storage."):
            if self._unwritable.get(job.folder) == finding.code:
                return
            self._unwritable[job.folder] = finding.code
        _log_error(job, finding)

    def _forget_trouble(self, folder: str) -> None:
        self._unwritable.pop(folder, None)

    def _forget_queued(self, job: Job) -> None:
        """Keep nothing in memory for queued jobs, of which there may be tens of thousands."""
        with self._lock:
            if self._store.is_queued(job.id):
                self._sidecars.pop(job.id, None)

    def _sidecar(self, job: Job) -> Sidecar | None:
        places = self._places_of(job.folder)
        if places is None:
            return None
        path = progress_path(places.output, job.output, places.progress_files)
        with self._lock:
            known = self._sidecars.get(job.id)
            if known is not None and known.path == path:
                return known
            sidecar = Sidecar(
                path,
                places.root("output"),
                overwrite=places.overwrite,
                on_error=lambda error: self._log_unwritable(job, error.finding),
                on_written=lambda: self._forget_trouble(job.folder),
            )
            self._sidecars[job.id] = sidecar
        if known is not None:  # the output got another name than planned
            self._write(job, partial(known.remove, job.id))
        return sidecar


def _is_outdated(job: Job, places: FolderPlaces, store: Store) -> bool:
    moved = job.journal.source_to
    if moved is not None and not root_above(moved, job.relative, places.guard).exists(moved):
        return True
    return moved is None and store.was_queued_again(job)


class JobObserver(Observer):
    """Takes the events of one attempt to the progress file, the store and the log."""

    def __init__(
        self,
        store: Store,
        show: Callable[[Progress], None],
        job: Job,
        on_segment: Callable[[], None],
        stopwatch: Stopwatch,
    ) -> None:
        self._store = store
        self._stopwatch = stopwatch
        self._forecast: Forecast | None = None
        self._on_segment = on_segment
        self._show = show
        self._job = job
        self._stored_at = self._logged_at = time.monotonic()
        self._shown: tuple[StageName | None, str | None] = (None, None)
        self._store_progress(Progress())

    def planned(self, plan: Plan, source_size: int) -> None:
        """Store what the job is expected to take."""
        self._forecast = self._stopwatch.planned(plan, source_size)
        self._store_progress(Progress())

    def rendered(self, size: int) -> None:
        """Remember how long it took."""
        self._stopwatch.rendered(size)

    def progressed(self, progress: Progress) -> None:
        """Report new counts, as often as each reader needs them."""
        self._stopwatch.progressed(progress)
        now, shown = time.monotonic(), (progress.stage, progress.engine)
        if shown != self._shown or now - self._stored_at >= STORE_SECONDS:
            self._stored_at = now
            self._store_progress(progress)
        if shown != self._shown or now - self._logged_at >= LOG_SECONDS:
            self._logged_at = now
            self._log_info("stage.progress", progress=round(progress.percent, 1), **_speed(progress))
        self._shown = shown
        self._show(progress)

    def _store_progress(self, progress: Progress) -> None:
        # It is only shown, so the job continues if the store cannot be written.
        try:
            self._store.set_progress(self._job.id, progress.evolve(forecast=self._forecast))
        except StorageError as error:
            _log.debug("progress.not_noted", **self._job.log_context(), message=error.finding.message)

    def logged(self, stage: StageName, line: str, level: str) -> None:
        """Log a line that a tool printed."""
        log = getattr(_log, level)
        log("ffmpeg.stderr", line=f"[{stage.upper()}] {line}", **self._job.log_context())

    def command_started(self, command: str) -> None:
        """Log a command that is about to run."""
        _log.debug("ffmpeg.command", line=f"[ENCODE] {command}", **self._job.log_context())

    def warned(self, warning: Finding) -> None:
        """Log what is worth knowing and did not stop the work."""
        _log.warning("job.warning", **self._job.log_context(), **asdict(warning))

    def waiting_for(self, device: str) -> None:
        """Log that the job waits for a share of a device."""
        _log.debug("job.waits", **self._job.log_context(), device=device)

    def resumed(self, kept: int, segments: int) -> None:
        """Log that segments of an earlier attempt are kept."""
        self._stopwatch.resumed()
        self._log_info("job.resumed", kept=kept, segments=segments)

    def segment_done(self, entry: LedgerEntry, segments: int, *, made_progress: bool) -> None:
        """Log that a segment is in the ledger."""
        facts = entry.model_dump(include={"number", "frames", "upscaled", "engine"})
        self._stopwatch.segment_done(entry)
        self._log_info("segment.done", **facts, segments=segments)
        if made_progress:
            self._on_segment()

    def _log_info(self, event: str, **facts: object) -> None:
        _log.info(event, **self._job.log_context(), **facts)


def _speed(progress: Progress) -> dict[str, object]:
    return {
        "stage": progress.stage,
        "frames_done": progress.encoded,
        "frames_total": progress.total,
        "fps": progress.fps,
        "eta_seconds": progress.eta_seconds,
        "engine": progress.engine,
    }


def _log_error(job: Job, finding: Finding) -> None:
    _log.warning("sidecar.unwritable", **job.log_context(), code=finding.code, message=finding.message)
