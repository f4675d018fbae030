"""Which jobs the arguments of a command name: by id, by the first characters of an id, by file, or by pattern."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

import typer

from framewatch.cli import completion
from framewatch.domain import Job, JobState
from framewatch.errors import ConfigError, Finding, FramewatchError
from framewatch.jobs.lifecycle.errors import ImpossibleTransitionError
from framewatch.jobs.store.store import Store, StoreError
from framewatch.text import printable

_LISTED = 3  # jobs that an error names

Check = Callable[[Job], object]
"""Raises an error where a command cannot do what it does with this job."""

_JOB = "a job's id or its first characters, a file's name or path, or a pattern such as '*S01*'"
_EACH: Any = typer.Argument(
    metavar="JOB...", help=f"Each {_JOB}.", show_default=False, autocompletion=completion.jobs
)
_ONE: Any = typer.Argument(
    metavar="JOB", help=f"{_JOB[0].upper()}{_JOB[1:]}.", show_default=False, autocompletion=completion.jobs
)
JobsArgument = Annotated[list[str] | None, _EACH]
SomeJobsArgument = Annotated[list[str], _EACH]
JobArgument = Annotated[str, _ONE]


def find_jobs(store: Store, arguments: Sequence[str], states: Collection[JobState], check: Check) -> list[Job]:
    """Return the jobs that the arguments name, each once, in that order.

    Args:
        store: the jobs.
        arguments: as the user wrote them.
        states: in which a job can be meant by its file; of a file that was processed several times, the newest job.
        check: of each job. A pattern leaves out those that it refuses, if it takes any.

    Raises:
        StoreError: with a finding for each argument that names no job, or one that `check` refuses.
    """
    found: dict[str, Job] = {}
    wrong: list[Finding] = []
    for argument in arguments:
        try:
            for job in _jobs_of(store, argument, states, check):
                found.setdefault(job.id, job)
        except (ConfigError, ImpossibleTransitionError, StoreError) as error:
            wrong.extend(finding for finding in error.findings if finding not in wrong)
    if wrong:
        raise StoreError.of(wrong)
    return list(found.values())


def _jobs_of(store: Store, argument: str, states: Collection[JobState], check: Check) -> list[Job]:
    if argument.strip().isalnum() and (job := store.get(argument)):
        check(job)
        return [job]
    jobs = store.find(states, limit=None)
    if named := _newest(job for job in jobs if _is_named(job, argument)):
        return _one(argument, named, check)
    matching = _newest(job for job in jobs if _matches(job, argument))
    if usable := [job for job in matching if _refusal(job, check) is None]:
        return usable
    others = matching or _newest(job for job in store.find(limit=None) if _is_named(job, argument))
    for job in others:
        check(job)  # says why not
    raise StoreError(f'there is no job "{printable(argument)}"')


def _newest(jobs: Iterable[Job]) -> list[Job]:
    """Return the newest job of each file; the newest come first."""
    newest: dict[tuple[str, Path], Job] = {}
    for job in jobs:
        newest.setdefault((job.folder, job.relative), job)
    return list(newest.values())


def _one(argument: str, named: list[Job], check: Check) -> list[Job]:
    """Return the only job of a file; a name alone may stand for files in several folders."""
    if len(named) > 1:
        shown = ", ".join(f"{job.id} ({printable(job.source)})" for job in named[:_LISTED])
        message = f'"{printable(argument)}" is the name of {len(named)} files: {shown}'
        raise StoreError(message, code="job.ambiguous", hint="give the path, or the id")
    check(named[0])
    return named


def _is_named(job: Job, argument: str) -> bool:
    """Return whether this is the job's file, wherever it lies by now, or its output."""
    files = [path for path in (job.source, job.journal.source_to, job.output, job.journal.output) if path is not None]
    if "/" not in argument:
        return argument in (job.relative.name, *(path.name for path in files))
    return Path(argument) == job.relative or Path(os.path.abspath(argument)) in files  # noqa: PTH100 - keeps links


def _matches(job: Job, argument: str) -> bool:
    """Return whether a pattern fits the name of a job's file or, with a slash, its path; case does not matter."""
    pattern = argument.lower()
    paths = (job.relative, job.source) if "/" in argument else (Path(job.relative.name),)
    return any(fnmatchcase(path.as_posix().lower(), pattern) for path in paths)


def _refusal(job: Job, check: Check) -> FramewatchError | None:
    try:
        check(job)
    except (ConfigError, ImpossibleTransitionError) as error:
        return error
    return None
