"""The progress file beside an output, called the sidecar. Its schema is public."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from framewatch.domain import Job, JobState, Progress, StageName
from framewatch.errors import Finding, StorageError
from framewatch.jobs.progress_file import SCHEMA, is_own, require_replaceable
from framewatch.storage import files
from framewatch.storage.os_errors import shown, storage_faults
from framewatch.storage.root import Root

SECONDS_BETWEEN = 1.0

Clock = Callable[[], float]


class Problem(BaseModel):
    """A problem."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(description="stable, for scripts")
    message: str = Field(description="what is wrong")
    hint: str = Field(description="what to do about it; may be empty")


class LocatedProblem(Problem):
    """A problem and its location."""

    where: str = Field(description="key path, file and line, or stream; may be empty")


class ErrorReport(Problem):
    """The first problem, and the list of all of them."""

    findings: list[LocatedProblem]


class ProgressDocument(BaseModel):
    """The content of a progress file, `<name>.progress.json`."""

    model_config = ConfigDict(extra="forbid", title="framewatch progress file")

    schema_: Literal["framewatch.progress/1"] = Field(SCHEMA, alias="schema")
    job_id: str
    folder: str = Field(description="the watch folder's name")
    source: str = Field(description="where the source was found; bytes that are not UTF-8 are replaced")
    output: str = Field(description="where the output is or will be")
    preset: str
    status: JobState
    stage: StageName | None
    progress: float = Field(ge=0, le=100, description="percent; 100 only when done")
    frames_done: int = Field(ge=0)
    frames_total: int = Field(ge=0)
    fps: float = Field(ge=0)
    eta_seconds: float | None
    attempt: int = Field(ge=0)
    engine: str | None
    started_at: datetime | None
    updated_at: datetime
    error: ErrorReport | None


PROGRESS_SCHEMA: dict[str, Any] = ProgressDocument.model_json_schema(by_alias=True, mode="serialization")


def progress_document(job: Job, progress: Progress, now: float, at_least: float = 0.0) -> dict[str, Any]:
    """Return the content of the progress file at Unix time `now`; it shows at least `at_least` percent."""
    running = job.state == JobState.RUNNING
    eta = progress.eta_seconds
    document = ProgressDocument(
        job_id=job.id,
        folder=_text(job.folder),
        source=shown(job.source),
        output=shown(job.journal.output or job.output),
        preset=_text(job.preset_name),
        status=job.state,
        stage=progress.stage if running else None,
        progress=round(max(_percent(job, progress), at_least), 1),
        frames_done=job.frames if _is_complete(job) else progress.encoded,
        frames_total=progress.total or job.frames,
        fps=round(progress.fps, 2) if running else 0.0,
        eta_seconds=round(eta, 1) if running and eta is not None and 0 <= eta < float("inf") else None,
        attempt=job.attempt,
        engine=job.engine or progress.engine,
        started_at=None if job.started_at is None else _time(job.started_at),
        updated_at=_time(now),
        error=_error(job.findings),
    )
    values = document.model_dump(mode="json", by_alias=True)
    return values | {key: _rfc3339(getattr(document, key)) for key in ("started_at", "updated_at")}


class Sidecar:
    """Keeps one job's progress file up to date: at most once a second, and at each change of stage or status.

    A folder that cannot be written to never stops the job, nor does a file of somebody else or another job in the
    place of the progress file, which stays: `on_error` is called once, until a write succeeds again.
    Safe for use from several threads.
    """

    def __init__(
        self,
        path: Path,
        root: Root,
        *,
        overwrite: bool = False,
        on_error: Callable[[StorageError], None] = lambda _: None,
        on_written: Callable[[], None] = lambda: None,
        clock: Clock = time.monotonic,
        wall_clock: Clock = time.time,
    ) -> None:
        """Prepare; nothing is written yet.

        Args:
            path: of the file, below `root`, which must exist; folders between are made.
            root: the folder.
            overwrite: the job's output will replace an older one, and so this file that of the older one.
            on_error: hears why the file is not written.
            on_written: hears that it was.
            clock: gives monotonic seconds.
            wall_clock: gives Unix time.
        """
        self.path = path
        self._overwrite = overwrite
        self._root = root
        self._on_error = on_error
        self._on_written = on_written
        self._clock = clock
        self._wall_clock = wall_clock
        self._written_at: float | None = None
        self._shown: tuple[Any, ...] = ()
        self._run: tuple[Any, ...] = ()
        self._reached = 0.0
        self._failing = False
        self._lock = threading.RLock()

    def update(self, job: Job, progress: Progress, still_true: Callable[[], bool] = lambda: True) -> None:
        """Write the job's state and progress, if the last write is long enough ago and `still_true`."""
        with self._lock:
            if not still_true():
                return
            document = self._document(job, progress)
            state = (*self._run, document["status"], document["stage"])
            now = self._clock()
            recent = self._written_at is not None and now - self._written_at < SECONDS_BETWEEN
            if state == self._shown and recent:
                return
            self._shown, self._written_at = state, now
            self._write(self.path, self._root, job, document, lambda: self._has_output(job))

    def finish(self, job: Job, progress: Progress, path: Path, root: Root) -> None:
        """Write the final content, durably, at `path` below `root`; a file elsewhere is removed."""
        with self._lock:
            self._write(path, root, job, self._document(job, progress), lambda: False, durable=True)
            if path != self.path:
                self.remove(job.id)

    def remove(self, job_id: str) -> None:
        """Remove the file, if it is this job's."""
        with self._lock:
            try:
                remove_sidecar(self.path, self._root, job_id)
            except StorageError as error:
                self._failed(error)

    def _has_output(self, job: Job) -> bool:
        """Return whether another job's output is there, with a name that this job may not take."""
        return not self._overwrite and self._root.exists(job.output)

    def _document(self, job: Job, progress: Progress) -> dict[str, Any]:
        """Return the content to write: progress does not decrease until another attempt begins."""
        run = (job.attempt, job.started_at)
        if run != self._run or job.state == JobState.QUEUED:
            self._run, self._reached = run, 0.0
        document = progress_document(job, progress, self._wall_clock(), self._reached)
        self._reached = document["progress"]
        return document

    def _write(
        self,
        path: Path,
        root: Root,
        job: Job,
        document: dict[str, Any],
        is_needed: Callable[[], bool],
        *,
        durable: bool = False,
    ) -> None:
        data = json.dumps(document, indent=1, allow_nan=False).encode() + b"\n"
        try:
            with storage_faults(path), root.open_folder(path.parent, create=True) as folder:
                require_replaceable(folder, path.name, job, is_needed=is_needed)
                files.write_name(folder, path.name, data, durable=durable, mode=root.mode)
            self._failing = False
            self._on_written()
        except StorageError as error:
            self._failed(error)

    def _failed(self, error: StorageError) -> None:
        if not self._failing:
            self._failing = True
            self._on_error(error)


def remove_sidecar(path: Path, root: Root, job_id: str) -> None:
    """Remove a progress file below `root`, if there is one, and it is this job's.

    Raises:
        StorageError: it cannot be removed, or framewatch did not write it (`sidecar.foreign`).
    """
    with storage_faults(path), suppress(FileNotFoundError), root.open_folder(path.parent) as folder:
        if is_own(folder, path.name, job_id):
            files.remove_name(folder, path.name)


def _is_complete(job: Job) -> bool:
    """Return whether all frames are made: the output only has to be moved into place, or is there."""
    return job.outcome == JobState.DONE


def _percent(job: Job, progress: Progress) -> float:
    if job.state == JobState.DONE:
        return 100.0
    if job.state == JobState.QUEUED:
        return 0.0
    return 99.0 if _is_complete(job) else progress.percent


def _error(findings: tuple[Finding, ...]) -> ErrorReport | None:
    if not findings:
        return None
    problems = [
        LocatedProblem(**{key: _text(value) for key, value in asdict(finding).items()}) for finding in findings
    ]
    first = problems[0]
    return ErrorReport(code=first.code, message=first.message, hint=first.hint, findings=problems)


def _text(text: str) -> str:
    """Text that any JSON reader accepts: what is not UTF-8 is replaced."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _rfc3339(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
