"""`framewatch retry` and `cancel`: send requests about jobs to the daemon."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer

from framewatch.cli.options import ConfigOption, load_configuration
from framewatch.cli.output import print_line, print_note
from framewatch.cli.status.elsewhere import (
    foreign_daemon,
    has_store,
    missing_daemon,
    other_daemons,
    other_stores,
)
from framewatch.cli.status.state import daemon_of
from framewatch.domain import Job
from framewatch.jobs.lifecycle.transitions import require_cancellable, require_retryable
from framewatch.jobs.source_check import retry_source
from framewatch.jobs.store.store import Store, StoreError
from framewatch.settings import Settings
from framewatch.text import printable

IdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="The job's id, or its first characters.", show_default=False)
]


def retry(job_id: IdArgument, config: ConfigOption = None) -> None:
    """Try a failed or cancelled job again. Exits with 1 if no daemon runs; its next start takes the request.

    It uses the preset as it is now.

    \b
    Examples:
      framewatch retry 01jd3k
    """

    def check(job: Job) -> None:
        require_retryable(job)
        retry_source(job)

    _request("retry", job_id, config, check)


def cancel(job_id: IdArgument, config: ConfigOption = None) -> None:
    """Cancel a job. Its source is moved to failed/. Exits with 1 if no daemon runs; its next start takes the request.

    \b
    Examples:
      framewatch cancel 01jd3k
    """
    _request("cancel", job_id, config, require_cancellable)


# --- requests ------------------------------------------------------------------------------------------------


def _request(
    kind: Literal["retry", "cancel"], job_id: str, config: Path | None, check: Callable[[Job], None]
) -> None:
    """Leave a request for the daemon, unless `check` raises an error, since the daemon would refuse it."""
    settings = load_configuration(config).settings
    print_note(f"the store is {settings.store_path}")
    if not has_store(settings):
        raise _unknown(job_id, settings)
    with Store.open(settings.store_path) as store:
        job = store.get(job_id)
        if job is None:
            raise _unknown(job_id, settings)
        check(job)
        store.request(kind, job.id)
        daemon = daemon_of(store)
    if daemon is None:
        print_line(f"{kind} {job.id} ({job.relative}): no daemon is running; the request is kept for its next start")
        for note in missing_daemon(other_daemons(settings), ()):
            print_note(note)
        raise typer.Exit(1)
    if foreign := foreign_daemon(daemon["pid"]):
        print_note(foreign)
    print_line(f"{kind} {job.id} ({job.relative}): sent to the daemon")


def _unknown(job_id: str, settings: Settings) -> StoreError:
    elsewhere = missing_daemon(other_daemons(settings), other_stores(settings))
    hint = "; ".join(("`framewatch status` lists the jobs", *elsewhere))
    return StoreError(f'there is no job "{printable(job_id)}" in {settings.store_path}', hint=hint)
