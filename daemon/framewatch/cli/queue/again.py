"""`framewatch retry`, `redo` and `requeue`: what is done again, or with another preset."""

from __future__ import annotations

from typing import Annotated

import typer

from framewatch.cli.options import ConfigOption, JsonOption
from framewatch.cli.queue.outbox import Outbox, each_job, only_if, outbox
from framewatch.cli.queue.pause import FolderOption
from framewatch.cli.queue.targets import JobsArgument, SomeJobsArgument, find_jobs
from framewatch.domain import Job, JobState
from framewatch.jobs.lifecycle.transitions import require_redoable, require_requeueable, require_retryable
from framewatch.jobs.scheduling.bug_guard import is_held_for_bugs
from framewatch.jobs.source_check import retry_source

_WAITING = (JobState.QUEUED, JobState.HELD)
_ENDED_BADLY = (JobState.FAILED, JobState.CANCELLED)


SamePresetOption = Annotated[
    bool, typer.Option("--same-preset", help="Use the preset that the job had, not the folder's present one.")
]


def retry(  # one parameter per option: see options.py
    jobs: JobsArgument = None,
    failed: Annotated[bool, typer.Option("--failed", help="All failed jobs, and no cancelled ones.")] = False,
    folder: FolderOption = None,
    same_preset: SamePresetOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try failed or cancelled jobs again, with the folder's preset as it is now.

    A folder that is held, since two jobs in a row ended in a bug, goes on when one of its jobs is tried again.
    Exits with 1 if no daemon runs; its next start takes the request.

    \b
    Examples:
      framewatch retry k3f
      framewatch retry film.mkv '*S02*'
      framewatch retry --failed --folder anime
    """
    if bool(jobs) == failed:
        raise typer.BadParameter("name the jobs, or give --failed")
    if folder is not None and not failed:
        raise typer.BadParameter("--folder goes with --failed")
    with outbox("retry", config, as_json=as_json) as box:
        if folder is not None:
            box.require_folder(folder)
        found = _failed(box, folder) if failed else find_jobs(box.store, jobs or [], _ENDED_BADLY, _check_retry)
        each_job(box, "retry", found, {"same_preset": True} if same_preset else None)


def redo(
    jobs: SomeJobsArgument,
    same_preset: SamePresetOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Process the sources of finished jobs once more, with the folder's preset as it is now.

    The source is taken from where it lies now, such as done/, and goes back there. The earlier output stays; the new
    one gets a free name, unless the folder says `overwrite`.
    Exits with 1 if no daemon runs; its next start takes the request.

    \b
    Examples:
      framewatch redo film.mkv
      framewatch redo '*S01*' --same-preset
    """
    with outbox("redo", config, as_json=as_json) as box:
        found = find_jobs(box.store, jobs, (JobState.DONE, JobState.SKIPPED), _check_redo)
        each_job(box, "redo", found, {"same_preset": same_preset})


def requeue(
    jobs: JobsArgument = None,
    folder: FolderOption = None,
    everything: Annotated[bool, typer.Option("--all", help="All waiting jobs.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give waiting jobs the folder's preset as it is now; they keep their places in the queue.

    A file is queued with a copy of its preset. Without this, a change of the preset concerns only later files.
    Exits with 1 if no daemon runs; its next start takes the request.

    \b
    Examples:
      framewatch requeue --folder anime
      framewatch requeue film.mkv
    """
    if bool(jobs) + (folder is not None) + everything != 1:
        raise typer.BadParameter("name the jobs, or give --folder or --all")
    with outbox("requeue", config, as_json=as_json) as box:
        if folder is not None:
            box.require_folder(folder)
        if jobs:
            found = find_jobs(box.store, jobs, _WAITING, require_requeueable)
        else:
            waiting = reversed(box.store.find(_WAITING, folder=folder, limit=None))
            found = [job for job in waiting if only_if(require_requeueable, job)]
        each_job(box, "requeue", found)


def _failed(box: Outbox, folder: str | None) -> list[Job]:
    """Return all failed jobs that can be tried again, the oldest first, so that they arrive in the same order."""
    jobs = box.store.find((JobState.FAILED,), folder=folder, limit=None)
    return [job for job in reversed(jobs) if only_if(_check_retry, job)]


def _check_redo(job: Job) -> None:
    require_redoable(job)
    retry_source(job)


def _check_retry(job: Job) -> None:
    if is_held_for_bugs(job):
        return  # its folder goes on then
    require_retryable(job)
    retry_source(job)
