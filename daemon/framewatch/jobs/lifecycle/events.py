"""What can happen to a job. Events are data; `transitions` says what each makes of a job.

The name of an event's class is stored in the history of jobs, so these names never change.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from framewatch.domain import FileIdentity, KnownFile, Length
from framewatch.errors import ErrorRecord, Finding, FramewatchError


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a job."""

    @property
    def name(self) -> str:
        """Its stable name in the job's history, such as "Claimed" or "OutputPlaced"."""
        return type(self).__name__


# --- an attempt ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Claimed(Event):
    """A slot took the job: an attempt begins."""


@dataclass(frozen=True, slots=True)
class SegmentDone(Event):
    """A segment is complete and in the ledger: the attempt makes progress."""


@dataclass(frozen=True, slots=True)
class Rendered(Event):
    """The output is complete and verified, and is in the work folder."""

    result: Path
    frames: int
    engine: str | None = None
    warnings: tuple[Finding, ...] = ()
    container: str | None = None  # of the result, if it differs from the one that the output's name was planned for


@dataclass(frozen=True, slots=True)
class Skipped(Event):
    """The preset does not apply to this file: there will be no output.

    `other_than` has the kinds of files that the preset is for, if the file is of none of them: it is left alone.
    """

    reasons: tuple[Finding, ...]
    other_than: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Broke(Event):
    """Something failed; the remedy of `error` says what can be done about it."""

    error: ErrorRecord

    @classmethod
    def of(cls, error: FramewatchError) -> Broke:
        """The event for an error."""
        return cls(error.record)


@dataclass(frozen=True, slots=True)
class Interrupted(Event):
    """The daemon stops cleanly and takes the job from its worker."""


# --- publishing ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OutputChosen(Event):
    """A free final name was found for the result, which is `size` bytes long."""

    path: Path
    size: int


@dataclass(frozen=True, slots=True)
class OutputPlaced(Event):
    """The output has its final name, and is on the disk. If it is in the input, it is known from now on."""

    made: KnownFile | None = None


@dataclass(frozen=True, slots=True)
class SourceChosen(Event):
    """A free name was found for the source in done/ or failed/."""

    path: Path


@dataclass(frozen=True, slots=True)
class SourceSecured(Event):
    """The source is in done/, and still in its place, which the output will take."""


@dataclass(frozen=True, slots=True)
class SourceMoved(Event):
    """The source is in done/ or failed/, and on the disk."""


@dataclass(frozen=True, slots=True)
class SourceKept(Event):
    """The source stays where it is, and is known from now on."""

    known: KnownFile


@dataclass(frozen=True, slots=True)
class SourceLost(Event):
    """The source is no longer the file that was queued: it stays where it is, or it is gone."""

    finding: Finding


@dataclass(frozen=True, slots=True)
class Published(Event):
    """All files are in place."""


# --- from outside -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CancelAsked(Event):
    """The user cancels this job."""


@dataclass(frozen=True, slots=True)
class RetryAsked(Event):
    """The user retries an ended job, with the source where it is now and a newly planned output.

    `preset` (as JSON) and `preset_name` replace the job's own if they are given: often a corrected preset is the
    reason for the retry.
    """

    source: Path
    identity: FileIdentity
    output: Path
    preset_name: str | None = None
    preset: str | None = None
    gpu: bool = True


@dataclass(frozen=True, slots=True)
class Requeued(Event):
    """The user gives a waiting job the folder's preset as it is now."""

    output: Path
    preset_name: str
    preset: str  # JSON
    gpu: bool


@dataclass(frozen=True, slots=True)
class SourceRenewed(Event):
    """Before its work began, the source became another version, which has settled by now."""

    identity: FileIdentity


@dataclass(frozen=True, slots=True)
class Measured(Event):
    """The source's length was read, as far as it can be told: the order of the queue goes by it."""

    length: Length


@dataclass(frozen=True, slots=True)
class Arranged(Event):
    """The user changes when a job runs; what is None stays."""

    priority: int | None = None
    front: int | None = None
    paused: bool | None = None


@dataclass(frozen=True, slots=True)
class Recovered(Event):
    """The daemon starts, and finds this job as an earlier daemon left it."""


@dataclass(frozen=True, slots=True)
class Replanned(Event):
    """The configuration moved the folder's output, and the job's planned output with it."""

    output: Path


@dataclass(frozen=True, slots=True)
class HoldOver(Event):
    """The cause of the hold is gone, as far as it can be checked."""
