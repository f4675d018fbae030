"""A job: one source file on its way through framewatch, and what is stored about it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any

from framewatch.domain.input_file import FileIdentity, KnownFile
from framewatch.domain.record import Record
from framewatch.errors import Finding, Need


class JobState(StrEnum):
    """Where a job is in its life."""

    QUEUED = "queued"  # waits for a slot
    RUNNING = "running"  # a slot works on it
    PUBLISHING = "publishing"  # its files are being moved into place, step by journaled step
    HELD = "held"  # waits for an outside cause to go away, and continues by itself
    DONE = "done"  # output in place, source in done/, or where it was with `done: keep`
    SKIPPED = "skipped"  # the preset does not apply to this file: no output, the source unchanged in done/
    FAILED = "failed"  # source in failed/, with the reason beside it
    CANCELLED = "cancelled"  # stopped by the user; the source in failed/

    @property
    def ended(self) -> bool:
        """Whether nothing more happens by itself."""
        return self in (JobState.DONE, JobState.SKIPPED, JobState.FAILED, JobState.CANCELLED)

    @property
    def ends_in_done_folder(self) -> bool:
        """Whether its source goes to done/, since nothing is wrong with it; otherwise it goes to failed/."""
        return self in (JobState.DONE, JobState.SKIPPED)


class Length(Record):
    """How long a source was found to be, before its job began."""

    seconds: float | None  # None: it could not be told


class Journal(Record):
    """How far publishing has come. Each path is chosen and stored before the step that uses it."""

    result: Path | None = None  # the verified file in the work folder; None without an output
    output: Path | None = None  # the final name that was chosen
    output_size: int | None = None  # bytes; distinguishes our file from another of the same name
    output_done: bool = False
    made: KnownFile | None = None  # the output, if it is in the input: it took its source's place
    source_to: Path | None = None  # the name that was chosen in done/ or failed/
    source_secured: bool = False  # it is under the chosen name, too, since the output will replace it
    source_done: bool = False
    kept: KnownFile | None = None  # the source, if it stays where it is


class Job(Record):
    """One source file on its way through framewatch."""

    id: str
    folder: str  # the watch folder's name
    relative: Path  # path below the folder's input; mirrored into output, done and failed
    source: Path  # absolute; where the file is until publishing moves it
    identity: FileIdentity
    preset_name: str
    preset: str  # JSON, as it was when the file was queued; "" (stored, so it stays) if it could not be read
    output: Path  # the planned final name
    gpu: bool = True  # takes a share of a GPU, to upscale or to encode
    priority: int = 0  # its own, within its folder; a higher one goes first
    front: int = 0  # above 0: the user put it in front of all others; the highest goes first
    paused: bool = False  # by the user; it is not claimed
    length: Length | None = None  # None: not measured, since only one order of the queue goes by it
    state: JobState = JobState.QUEUED
    attempt: int = 0  # attempts begun, without those that were interrupted or ended in a hold
    stuck: int = 0  # failed attempts in a row without a finished segment
    holds: int = 0  # holds in a row
    worker_crashes: int = 0  # deaths of its worker or ffmpeg from a signal for what they did themselves
    crashes: int = 0  # deaths of the daemon in a row while it ran
    held_state: JobState | None = None  # the state in which a HELD job continues: QUEUED or PUBLISHING
    not_before: float = 0.0  # Unix time before which it is not attempted or checked again
    outcome: JobState | None = None  # what PUBLISHING ends in: DONE, SKIPPED, FAILED or CANCELLED
    journal: Journal = Journal()
    findings: tuple[Finding, ...] = ()  # why it failed, is held or was skipped
    needs: tuple[Need, ...] = ()  # the free space that a HELD job waits for, if known
    parked: tuple[Finding, ...] = ()  # why it failed, while `findings` say why its publishing is held
    warnings: tuple[Finding, ...] = ()
    other_than: tuple[str, ...] = ()  # the kinds of files that its source is none of: it is left alone
    engine: str | None = None
    frames: int = 0  # of the output
    created_at: float = 0.0  # Unix time
    started_at: float | None = None
    ended_at: float | None = None
    revision: int = 0  # grows with each stored change

    def log_context(self) -> dict[str, Any]:
        """Return the keys of each log line about this job."""
        return {"job_id": self.id, "folder": self.folder, "source": str(self.source)}
