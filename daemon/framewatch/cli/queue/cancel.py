"""`framewatch cancel`."""

from __future__ import annotations

from framewatch.cli.options import ConfigOption, JsonOption
from framewatch.cli.queue.outbox import each_job, outbox
from framewatch.cli.queue.targets import SomeJobsArgument, find_jobs
from framewatch.domain import JobState
from framewatch.jobs.lifecycle.transitions import require_cancellable

_UNFINISHED = (JobState.QUEUED, JobState.RUNNING, JobState.HELD, JobState.PUBLISHING)


def cancel(jobs: SomeJobsArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Cancel jobs. Their sources are moved to failed/, or stay with `done: keep`.

    Exits with 1 if no daemon runs; its next start takes the request.

    \b
    Examples:
      framewatch cancel k3f
      framewatch cancel film.mkv '*S02*'
    """
    with outbox("cancel", config, as_json=as_json) as box:
        each_job(box, "cancel", find_jobs(box.store, jobs, _UNFINISHED, require_cancellable))
