"""`framewatch retry` and `cancel`: send requests about jobs to the daemon."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer

from framewatch.cli.options import ConfigOption, load_configuration
from framewatch.cli.output import print_line
from framewatch.cli.status.state import daemon_of, has_store
from framewatch.domain import Job
from framewatch.jobs.lifecycle.transitions import require_cancellable, require_retryable
from framewatch.jobs.source_check import retry_source
from framewatch.jobs.store.store import Store, StoreError
from framewatch.text import printable

IdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="The job's id, or its first characters.", show_default=False)
]


def retry(job_id: IdArgument, config: ConfigOption = None) -> None:
    """Try a failed or cancelled job again.

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
    """Cancel a job. Its source is moved to failed/.

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
    if not has_store(settings):
        raise _unknown(job_id)
    with Store.open(settings.store_path) as store:
        job = store.get(job_id)
        if job is None:
            raise _unknown(job_id)
        check(job)
        store.request(kind, job.id)
        running = daemon_of(store) is not None
    when = "sent to the daemon" if running else "no daemon is running; the request is kept for its next start"
    print_line(f"{kind} {job.id} ({job.relative}): {when}")


def _unknown(job_id: str) -> StoreError:
    return StoreError(f'there is no job "{printable(job_id)}"', hint="`framewatch status` lists the jobs")
