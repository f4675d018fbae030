"""The steps in which a job is published, and which of them is next. Pure.

    choose the output's name -> place the output -> choose the source's name -> move the source -> conclude

An output that takes the place of its source, under the same name, comes after the source was secured in done/:

    choose the output's name -> choose the source's name -> secure the source -> place the output -> conclude

The journal of a job says how far publishing has come, so the next step follows from the job alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from framewatch.domain import Job, JobState
from framewatch.errors import Place
from framewatch.jobs.lifecycle.errors import ImpossibleTransitionError, describe


@dataclass(frozen=True, slots=True)
class ChooseOutput:
    """Find a free final name for the result. Ends in OutputChosen."""

    result: Path


@dataclass(frozen=True, slots=True)
class PlaceOutput:
    """Move the result to its final name. Ends in OutputPlaced."""

    result: Path
    output: Path


@dataclass(frozen=True, slots=True)
class ChooseSource:
    """Find a free name for the source. Ends in SourceChosen, SourceLost or, if it is to stay, SourceKept."""


@dataclass(frozen=True, slots=True)
class SecureSource:
    """Give the source that name as well, since the output will replace it. Ends in SourceSecured or SourceLost."""

    source: Path
    destination: Path


@dataclass(frozen=True, slots=True)
class MoveSource:
    """Move the source to that name. Ends in SourceMoved or SourceLost."""

    source: Path
    destination: Path


@dataclass(frozen=True, slots=True)
class Conclude:
    """Write the final progress file. Ends in Published."""


PublishingStep = ChooseOutput | PlaceOutput | ChooseSource | SecureSource | MoveSource | Conclude


def publishes_output(job: Job) -> bool:
    """Return whether the output is still to be placed: it comes before the source."""
    return job.outcome == JobState.DONE and not job.journal.output_done


def secures_source(job: Job) -> bool:
    """Return whether the source has to be secured before the output replaces it."""
    journal = job.journal
    waits = job.state == JobState.PUBLISHING and publishes_output(job) and not journal.source_secured
    return waits and journal.output == job.source


def source_place(job: Job) -> Place:
    """Return where publishing moves the source: done/ or failed/."""
    return "done" if job.outcome and job.outcome.ends_in_done_folder else "failed"


def publishing_step(job: Job) -> PublishingStep:
    """Return the next step of a job in PUBLISHING.

    Raises:
        ImpossibleTransitionError: the job has no result, though its output is to be published.
    """
    journal = job.journal
    if publishes_output(job):
        if journal.result is None:
            raise ImpossibleTransitionError(f"there is no result to publish: {describe(job)}")
        if journal.output is None:
            return ChooseOutput(journal.result)
        if secures_source(job):
            return ChooseSource() if journal.source_to is None else SecureSource(job.source, journal.source_to)
        return PlaceOutput(journal.result, journal.output)
    if not journal.source_done:
        if journal.source_to is None:
            return ChooseSource()
        return MoveSource(job.source, journal.source_to)
    return Conclude()
