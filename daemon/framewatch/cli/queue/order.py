"""`framewatch next` and `priority`: which of the waiting jobs runs first."""

from __future__ import annotations

from typing import Annotated

import typer

from framewatch.cli.options import ConfigOption, JsonOption
from framewatch.cli.queue.outbox import outbox
from framewatch.cli.queue.targets import JobArgument, SomeJobsArgument, find_jobs
from framewatch.domain import JobState
from framewatch.jobs.lifecycle.transitions import require_arrangeable

WAITING = (JobState.QUEUED, JobState.RUNNING, JobState.HELD)
_MOST = 1000


def next_jobs(jobs: SomeJobsArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Put jobs in front of all others, in the order in which they are named.

    They come before the priorities of folders and jobs. A job that was paused alone is resumed.
    Exits with 1 if no daemon runs; its next start takes the request.

    \b
    Examples:
      framewatch next film.mkv
      framewatch next k3f 9qa
    """
    with outbox("next", config, as_json=as_json) as box:
        found = find_jobs(box.store, jobs, WAITING, require_arrangeable)
        names = ", ".join(f"{job.id} ({job.relative})" for job in found)
        box.send("next", None, names, {"jobs": [job.id for job in found]})


def priority(
    job: JobArgument,
    number: Annotated[int, typer.Argument(metavar="N", min=-_MOST, max=_MOST, help="0 is usual; higher goes first.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set the priority of a job, or of those that a pattern fits.

    The priority of the folder counts before it, and `order` after it.
    Exits with 1 if no daemon runs; its next start takes the request.

    \b
    Examples:
      framewatch priority k3f 10
      framewatch priority '*S01*' -5
    """
    with outbox("priority", config, as_json=as_json) as box:
        for found in find_jobs(box.store, [job], WAITING, require_arrangeable):
            about = f"{found.id} ({found.relative}) to {number}"
            box.send("priority", found.id, about, {"priority": number}, found)
