"""What can happen to a job (events), and what is then to be done (actions). Both are data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from framewatch.domain import FileIdentity
from framewatch.errors import ErrorRecord, Finding, FramewatchError


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a job."""

    @property
    def name(self) -> str:
        """Its stable name in the job's history, such as "Claimed" or "OutputPlaced"."""
        return type(self).__name__


@dataclass(frozen=True, slots=True)
class Claimed(Event):
    """A worker takes the job: one more try begins."""


@dataclass(frozen=True, slots=True)
class SegmentDone(Event):
    """A piece of the output is whole and in the ledger: this try gets somewhere."""


@dataclass(frozen=True, slots=True)
class Rendered(Event):
    """The output lies in the work folder, complete and verified."""

    result: Path
    frames: int
    engine: str | None = None
    warnings: tuple[Finding, ...] = ()
    container: str = ""  # of the result, where it is not the one that the output's name was planned for


@dataclass(frozen=True, slots=True)
class Skipped(Event):
    """The preset is not for this file: nothing is made of it."""

    reasons: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Broke(Event):
    """Something failed; the remedy of `error` says what can be done about it."""

    error: ErrorRecord

    @classmethod
    def of(cls, error: FramewatchError) -> Broke:
        """The event that an error means for its job."""
        return cls(error.record)


@dataclass(frozen=True, slots=True)
class OutputChosen(Event):
    """A free final name was found for the result, which is `size` bytes long."""

    path: Path
    size: int


@dataclass(frozen=True, slots=True)
class OutputPlaced(Event):
    """The output lies under its final name, and is on the disk."""


@dataclass(frozen=True, slots=True)
class SourceChosen(Event):
    """A free name was found for the source in done/ or failed/."""

    path: Path


@dataclass(frozen=True, slots=True)
class SourceMoved(Event):
    """The source lies in done/ or failed/, and is on the disk."""


@dataclass(frozen=True, slots=True)
class SourceLost(Event):
    """The source is no longer the file that was taken in: it stays where it is, or it is gone."""

    finding: Finding


@dataclass(frozen=True, slots=True)
class Published(Event):
    """Everything is in its place."""


@dataclass(frozen=True, slots=True)
class CancelAsked(Event):
    """The user wants this job to stop."""


@dataclass(frozen=True, slots=True)
class Recovered(Event):
    """The daemon starts anew and finds this job as the one before left it."""


@dataclass(frozen=True, slots=True)
class Replanned(Event):
    """The folder's output was moved in the configuration: the job's is planned there now."""

    output: Path


@dataclass(frozen=True, slots=True)
class Interrupted(Event):
    """The daemon ends in good order and takes the job from its worker."""


@dataclass(frozen=True, slots=True)
class HoldOver(Event):
    """It is time to look whether the cause of the hold is gone."""


@dataclass(frozen=True, slots=True)
class RetryAsked(Event):
    """The user wants another go at an ended job, with the source as it lies now and an output planned anew.

    `preset` (as JSON) and `preset_name` replace the job's own where they are given: often a mended preset is
    the reason for the retry.
    """

    source: Path
    identity: FileIdentity
    output: Path
    preset_name: str | None = None
    preset: str | None = None
    gpu: bool = True


@dataclass(frozen=True, slots=True)
class Action:
    """Something that the runner is to do."""


@dataclass(frozen=True, slots=True)
class Render(Action):
    """Let a worker make the output."""


@dataclass(frozen=True, slots=True)
class StopWorker(Action):
    """Stop the worker that has the job, and its children."""


@dataclass(frozen=True, slots=True)
class DiscardWork(Action):
    """Remove the job's work folder, if it is there."""


@dataclass(frozen=True, slots=True)
class WriteSidecar(Action):
    """Show the job's new state in its progress file."""


@dataclass(frozen=True, slots=True)
class RemoveSidecar(Action):
    """Remove the progress file of an earlier end, if it is there."""

    path: Path


@dataclass(frozen=True, slots=True)
class Wake(Action):
    """Look at the job again at this Unix time."""

    at: float


@dataclass(frozen=True, slots=True)
class PublishingStep(Action):
    """The next thing to do while a job is published. Each ends in the event that goes into the journal."""


@dataclass(frozen=True, slots=True)
class ChooseOutput(PublishingStep):
    """Find a free name for the result: ends in OutputChosen."""

    result: Path


@dataclass(frozen=True, slots=True)
class PlaceOutput(PublishingStep):
    """Move the result to its final name: ends in OutputPlaced."""

    result: Path
    output: Path


@dataclass(frozen=True, slots=True)
class ChooseSource(PublishingStep):
    """Find a free name for the source: ends in SourceChosen, or SourceLost."""


@dataclass(frozen=True, slots=True)
class MoveSource(PublishingStep):
    """Move the source there: ends in SourceMoved, or SourceLost."""

    source: Path
    destination: Path


@dataclass(frozen=True, slots=True)
class Conclude(PublishingStep):
    """Leave the last sidecar: ends in Published."""
