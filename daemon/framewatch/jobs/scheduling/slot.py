"""A place where one attempt at a time runs: a worker process, and the pipeline around it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import structlog

from framewatch.domain import InputFile, Job, Length
from framewatch.errors import (
    CancelledError,
    FramewatchError,
    MediaError,
    Remedy,
    RuleError,
    StorageError,
    VerificationError,
    WorkerError,
    limited,
)
from framewatch.jobs.attempt.context import Gate, Share
from framewatch.jobs.attempt.forecast.memory import reading_bounds
from framewatch.jobs.attempt.pipeline import Pipeline
from framewatch.jobs.attempt.request import AttemptRequest, AttemptResult, NotForThisFile, Tools
from framewatch.jobs.lifecycle import events as ev
from framewatch.jobs.main_title import main_title
from framewatch.jobs.scheduling.job_manager import JobManager
from framewatch.jobs.scheduling.joined_title import join_title
from framewatch.jobs.scheduling.stop_request import StopRequest
from framewatch.jobs.source_check import (
    CHANGED,
    INCOMPLETE,
    require_publishable,
    require_source,
    seconds_left,
    source_root,
)
from framewatch.jobs.stored_preset import stored_preset
from framewatch.jobs.work_folder import cleaned_up, make_work_folder
from framewatch.library.discs import disc_kind
from framewatch.library.kinds import claims_kind
from framewatch.media.preset.preset import Preset
from framewatch.media.preset.selection import wanted_kinds
from framewatch.render.tasks import LengthReport, LengthTask
from framewatch.render.worker_client import Worker
from framewatch.storage.folder_places import FolderPlaces
from framewatch.storage.os_errors import NO_ANSWER_SECONDS, no_answer
from framewatch.storage.root import UNGUARDED
from framewatch.storage.writers.leases import knows_writers
from framewatch.threads import FolderCalls, NoAnswerError

# What may be reported of a source that was changed, exchanged or removed while it was read.
_PERHAPS_THE_SOURCES = (MediaError, RuleError, StorageError, VerificationError, WorkerError)

MEASURE_SECONDS = 10.0  # the longest time without progress while the length of a file is read

# What is reported of a file that is of another kind than the preset is for.
_OTHER_KIND = frozenset(
    ("media.not_media", "media.empty", "media.picture", "media.no_video", "media.no_audio", "media.not_a_picture")
)

Answer = TypeVar("Answer")

_log = structlog.get_logger("framewatch.worker")


class _FolderShare(Share):
    """Reaches a job's share on a thread of its folder: if the share is dead, the slot is free for other folders."""

    def __init__(self, calls: FolderCalls, job: Job, places: FolderPlaces | None, stop: threading.Event) -> None:
        self._calls = calls
        self._job = job
        self._places = places
        self._guard = places.guard if places else UNGUARDED
        self._stop = stop

    def admit(self) -> tuple[InputFile, ...]:
        """Return the source as another process opens it, after all checks of its folder; of a DVD, its files.

        Raises:
            MediaError: the source was changed, or is a disc that is not read.
            StorageError: its folder cannot be used now.
        """
        return self.ask(self._admitted)

    def check_source(self) -> None:
        self.ask(partial(require_source, self._job, self._guard))

    def ask(self, question: Callable[[], Answer]) -> Answer:
        """Return what `question` returns.

        Raises:
            StorageError: `storage.no_answer`: it has not come back in time.
            CancelledError: the attempt was stopped meanwhile.
        """
        try:
            return self._calls.call(
                self._job.folder, question, NO_ANSWER_SECONDS, wanted=lambda: not self._stop.is_set()
            )
        except NoAnswerError:
            if self._stop.is_set():
                raise CancelledError("the work was stopped") from None
            raise StorageError.of([no_answer(source_root(self._job, self._guard).path)]) from None

    def seconds_left(self) -> float:
        """Return for how long another machine may still be writing the source; 0 where this kernel would know."""
        left = seconds_left(self._job, self._places, time.time()) if self._places else 0.0
        return 0.0 if left and knows_writers(source_root(self._job, self._guard).real_path()) else left

    def _admitted(self) -> tuple[InputFile, ...]:
        if self._places is not None:
            self._places.require_no_links()
        require_source(self._job, self._guard)
        if self._places is not None:
            require_publishable(self._job, self._places)
        root = source_root(self._job, self._guard)
        if disc_kind(self._job.source.name):
            return main_title(root, self._job.source)
        return (root.input_file(self._job.source, self._job.identity),)


class Slot:
    """Makes attempts, one at a time, with a worker process that stays warm between them."""

    def __init__(
        self,
        name: str,
        manager: JobManager,
        tools: Callable[[], Tools],
        gate: Gate,
        places_of: Callable[[str], FolderPlaces | None],
        *,
        gpu: bool,
    ) -> None:
        """Prepare; the worker process starts with the first attempt.

        Args:
            name: shown in the name of the slot's thread.
            manager: where jobs are changed and reported.
            tools: gives programs and engine; asked before each attempt, since a reload may change them.
            gate: hands out shares of the GPUs.
            places_of: gives a watch folder's places by its name; asked before each attempt, too.
            gpu: whether the slot takes jobs that need a GPU, or those that do not.
        """
        self.name = name
        self.gpu = gpu
        self._manager = manager
        self._tools = tools
        self._gate = gate
        self._places_of = places_of
        self._log_context: dict[str, Any] = {}  # of the job that the worker has
        self._worker = Worker(on_stderr=self._log_stderr)
        self._calls = FolderCalls(f"share-{name}")

    def attempt(self, job: Job, stop: StopRequest) -> ev.Event:
        """Make one attempt at a job; gives the event that it ended with.

        Raises:
            CancelledError: it was stopped, at once or after a segment.
            FramewatchError: the attempt failed.
        """
        self._log_context = job.log_context()
        places = self._places_of(job.folder)
        share = _FolderShare(self._calls, job, places, stop.event)
        parts, work = _admitted(share), make_work_folder(self._manager.work_folder(job))
        observer = self._manager.reporter.observer(job, partial(self._reset_counts, job.id))
        reserve = places.reserve if places else 0
        with cleaned_up(work, reserve, self._worker.kill_orphans):
            source = parts[0] if len(parts) == 1 else join_title(parts, work, share, stop.event, reserve)
            request = AttemptRequest(
                source=source,
                preset=stored_preset(job),
                preset_name=job.preset_name,
                work=work,
                places=places,
                last_segments=stop.after_segment,
            )
            try:
                pipeline = Pipeline(self._worker, self._tools(), self._gate, observer, stop.event, share)
                result = pipeline.run(request)
            except _PERHAPS_THE_SOURCES as error:
                share.check_source()  # if the source was changed meanwhile, that is the reason
                if left_alone := _left_alone(job, request.preset, error):
                    return left_alone
                if error.finding.code in INCOMPLETE and (left := share.ask(share.seconds_left)):
                    raise _checked_again(error, left) from error
                raise
        if isinstance(result, NotForThisFile):
            return ev.Skipped(limited(result.reasons))
        return _rendered(request, job, result)

    def measure(self, job: Job, stop: threading.Event) -> Length | None:
        """Return how long the source of a queued job is, from its headers; None where it cannot be read now.

        The worker reads it, as it reads everything of a file. One that takes long is a file without a known length.

        Raises:
            CancelledError: `stop` was set.
        """
        self._log_context = job.log_context()
        share, limits = _FolderShare(self._calls, job, self._places_of(job.folder), stop), self._tools().limits
        try:
            source, *others = share.admit()
            if others:
                return Length(seconds=None)
            task = LengthTask(source=source, limits=limits, bounds=reading_bounds(limits))
            report: LengthReport = self._worker.run(task, _ignore, stop, stall_seconds=MEASURE_SECONDS)
        except CancelledError:
            raise
        except StorageError:
            return None
        except FramewatchError:
            return Length(seconds=None)
        return Length(seconds=report.seconds)

    def close(self) -> None:
        """End the worker process, from any thread."""
        self._worker.kill()

    def _reset_counts(self, job_id: str) -> None:
        """After a finished segment. Stored only if there was trouble before, since each change is a durable write."""
        self._manager.change(job_id, lambda job: ev.SegmentDone() if job.stuck or job.holds or job.crashes else None)

    def _log_stderr(self, line: str) -> None:
        _log.warning("worker.stderr", line=line, **self._log_context)


def _ignore(_: object) -> None:
    """Take what a worker says while it reads a length."""


def _left_alone(job: Job, preset: Preset, error: FramewatchError) -> ev.Skipped | None:
    """Return the event for a file of another kind, unless its name claims the right one: then it fails."""
    wanted = wanted_kinds(preset)
    name = job.source.name
    if error.finding.code not in _OTHER_KIND or claims_kind(name, wanted) or disc_kind(name):
        return None
    return ev.Skipped(limited(error.findings), tuple(sorted(wanted)))


def _admitted(share: _FolderShare) -> tuple[InputFile, ...]:
    """Return the source. If it has changed since it was queued, the job waits until the new version has settled."""
    try:
        return share.admit()
    except MediaError as error:
        if error.finding.code == CHANGED:
            error.remedy = Remedy.WAIT
        raise


def _checked_again(error: FramewatchError, left: float) -> FramewatchError:
    """Return the error for a file that may still be being written: its job waits, and reads it once more."""
    hint = f"it may still be being written, so it is read once more, in {left:.0f} s at the latest"
    waiting = type(error).of([replace(error.finding, hint=hint), *error.findings[1:]])
    waiting.remedy = Remedy.WAIT
    return waiting


def _rendered(request: AttemptRequest, job: Job, result: AttemptResult) -> ev.Rendered:
    planned, used = request.preset.container, result.plan.container
    # If `else` of `only_if` chose another preset, the output's name may need another ending.
    other_ending = used != planned and job.output.suffix == f".{planned}"
    return ev.Rendered(
        result=result.result,
        frames=result.frames,
        engine=result.engine,
        warnings=limited(result.warnings),
        container=used if other_ending else None,
    )
