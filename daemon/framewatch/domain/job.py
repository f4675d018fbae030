"""A job: one source file on its way through framewatch, and what is stored about it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any

from framewatch.domain.record import Record
from framewatch.errors import Finding, Need


class JobState(StrEnum):
    """Where a job is in its life."""

    QUEUED = "queued"  # waits for its turn
    RUNNING = "running"  # a worker has it
    PUBLISHING = "publishing"  # verified; being moved to its place, step by journaled step
    HELD = "held"  # waits for a cause outside to go away; released by itself
    DONE = "done"  # output in place, source in done/
    SKIPPED = "skipped"  # the preset is not for this file: no output, source in done/ as it was
    FAILED = "failed"  # source in failed/, the reason beside it
    CANCELLED = "cancelled"  # stopped by the user; the source in failed/

    @property
    def ended(self) -> bool:
        """True where nothing more happens by itself."""
        return self in (JobState.DONE, JobState.SKIPPED, JobState.FAILED, JobState.CANCELLED)

    @property
    def keeps_source(self) -> bool:
        """True where the source goes to done/: nothing is wrong with it."""
        return self in (JobState.DONE, JobState.SKIPPED)


class FileIdentity(Record):
    """What tells one version of a file from another."""

    device: int
    inode: int
    size: int
    mtime_ns: int


class Journal(Record):
    """How far publishing has come. Each path is decided and stored before the step that uses it."""

    result: Path | None = None  # the verified file in the work folder; None where there is no output
    output: Path | None = None  # the final name that was chosen for it
    output_size: int | None = None  # bytes: tells our file from another one under the same name
    output_done: bool = False
    source_to: Path | None = None  # the name that was chosen in done/ or failed/
    source_done: bool = False


class Job(Record):
    """One source file on its way through framewatch."""

    id: str
    folder: str  # the watch folder's name
    relative: Path  # its path below the folder's input; mirrored into output, done and failed
    source: Path  # absolute: where it lies until publishing moves it
    identity: FileIdentity
    preset_name: str
    preset: str  # the preset as JSON, as it was when the file was taken in; "" where it could not be read
    output: Path  # the planned final name
    gpu: bool = True  # takes a share of a GPU: to upscale, or for an encoder that runs there
    priority: int = 0
    state: JobState = JobState.QUEUED
    attempt: int = 0  # tries begun; those that were interrupted or put on hold do not count
    stuck: int = 0  # tries in a row that failed before a segment more was done
    holds: int = 0  # how often in a row it was put on hold
    crashes: int = 0  # how often in a row the daemon died while it ran
    held_state: JobState | None = None  # where a HELD job goes on: QUEUED or PUBLISHING
    not_before: float = 0.0  # Unix time before which it is not tried again
    outcome: JobState | None = None  # what PUBLISHING ends in: DONE, SKIPPED, FAILED or CANCELLED
    journal: Journal = Journal()
    findings: tuple[Finding, ...] = ()  # why it failed, is held or was skipped
    needs: tuple[Need, ...] = ()  # the room that a HELD job waits for, where it is known
    parked: tuple[Finding, ...] = ()  # why it failed, while `findings` tell why putting it away is held
    warnings: tuple[Finding, ...] = ()
    engine: str | None = None
    frames: int = 0  # of the output
    created_at: float = 0.0  # Unix time
    started_at: float | None = None
    ended_at: float | None = None
    revision: int = 0  # counted up with each change that is stored

    def log_context(self) -> dict[str, Any]:
        """What each log line about this job carries."""
        return {"job_id": self.id, "folder": self.folder, "source": str(self.source)}
