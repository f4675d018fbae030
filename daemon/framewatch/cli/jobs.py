"""`framewatch status`, `retry` and `cancel`: show the jobs, and send requests about them to the daemon."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Group
from rich.live import Live
from rich.table import Table

from framewatch.cli.options import ConfigOption, JsonOption, load_configuration
from framewatch.cli.output import console, plain_table, print_json, print_line
from framewatch.domain import Job
from framewatch.jobs.lifecycle.transitions import require_cancellable, require_retryable
from framewatch.jobs.reporting.sidecar import progress_document
from framewatch.jobs.source_check import retry_source
from framewatch.jobs.store.recovery import last_rebuild
from framewatch.jobs.store.store import Store, StoreError
from framewatch.service.liveness import is_alive
from framewatch.settings import Settings
from framewatch.storage.os_errors import storage_faults
from framewatch.text import printable

_REFRESH_SECONDS = 1.0
_DEFAULT_LIMIT = 20
_MOST_SHOWN = 100_000

IdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="The job's id, or its first characters.", show_default=False)
]


def status(
    config: ConfigOption = None,
    as_json: JsonOption = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Refresh until Ctrl-C.")] = False,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=_MOST_SHOWN, help="How many jobs to show.")
    ] = _DEFAULT_LIMIT,
) -> None:
    """Show the daemon, its folders and the newest jobs.

    \b
    Examples:
      framewatch status
      framewatch status --watch
      framewatch status --json | jq '.jobs[] | select(.status == "failed")'
    """
    settings = load_configuration(config).settings
    if as_json:
        print_json(_state(settings, limit))
    elif watch:
        with Live(_screen(_state(settings, limit)), console=console(), auto_refresh=False) as live:
            while True:
                time.sleep(_REFRESH_SECONDS)
                live.update(_screen(_state(settings, limit)), refresh=True)
    else:
        console().print(_screen(_state(settings, limit)))


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


def has_store(settings: Settings) -> bool:
    """Return whether a daemon has created a job store yet."""
    with storage_faults(settings.store_path):
        return settings.store_path.exists()


def _unknown(job_id: str) -> StoreError:
    return StoreError(f'there is no job "{printable(job_id)}"', hint="`framewatch status` lists the jobs")


# --- status --------------------------------------------------------------------------------------------------


def daemon_of(store: Store) -> dict[str, Any] | None:
    """Return what the running daemon reports about itself; None where none is running."""
    facts: dict[str, Any] | None = store.get_facts().get("daemon")
    return facts if facts is not None and is_alive(facts) else None


def describe_rebuild(rebuild: dict[str, Any]) -> str:
    """Return a sentence about a store that was rebuilt, with the places of the damaged files."""
    when = datetime.fromtimestamp(rebuild["at"], UTC).isoformat(sep=" ", timespec="seconds")
    aside = ", ".join(path for path in (rebuild["kept_aside"], *rebuild["lost"]) if path)
    jobs = rebuild["jobs"]
    return f"{rebuild['message']}; rebuilt at {when} with {jobs} unfinished jobs; damaged files are kept in: {aside}"


def _state(settings: Settings, limit: int) -> dict[str, Any]:
    if not has_store(settings):
        folders = [{"folder": folder.name, "input": str(folder.input)} for folder in settings.folders]
        return _document(None, folders, {}, []) | {"rebuilt": None}
    with Store.open(settings.store_path, readonly=True) as store:
        daemon = daemon_of(store)
        folders = store.get_facts().get("folders") or []
        jobs = [progress_document(job, store.progress(job.id), _as_of(job)) for job in store.find(limit=limit)]
        return _document(daemon, folders, dict(store.counts()), jobs) | {"rebuilt": last_rebuild(store)}


def _as_of(job: Job) -> float:
    """Return the time, in seconds since the epoch, at which the job is described: an ended one stays as it ended."""
    return job.ended_at or time.time()


def _document(
    daemon: dict[str, Any] | None,
    folders: list[dict[str, Any]],
    counts: dict[Any, int],
    jobs: list[dict[str, Any]],
) -> dict[str, Any]:
    named = [{"name": folder.pop("folder")} | folder for folder in folders]
    return {"daemon": daemon, "folders": named, "counts": counts, "jobs": jobs}


def _screen(state: dict[str, Any]) -> Group:
    daemon = state["daemon"]
    head = f"daemon: running, pid {daemon['pid']}" if daemon else "daemon: not running"
    counts = "  ".join(f"{name} {count}" for name, count in state["counts"].items() if count)
    return Group(
        head,
        *([printable(describe_rebuild(state["rebuilt"]))] if state["rebuilt"] else []),
        _folder_table(state["folders"], running=daemon is not None),
        counts or "no jobs yet",
        _job_table(state["jobs"]),
    )


def _folder_table(folders: list[dict[str, Any]], *, running: bool) -> Table:
    rows = []
    for folder in folders:
        # Without a daemon, what the last one reported is out of date.
        reason = f" ({folder['reason']})" if folder.get("reason") else ""
        mode = f"{folder.get('mode', '')}{reason}" if running else ""
        state = folder.get("problem") or folder.get("state", "") if running else "not watched"
        waiting = folder.get("waiting", "") if running else ""
        rows.append((folder["name"], folder.get("input", ""), mode, waiting, state))
    return plain_table(("folder", "input", "watched by", "waiting", "state"), rows)


def _job_table(jobs: list[dict[str, Any]]) -> Table:
    rows = []
    for job in jobs:
        eta = "" if job["eta_seconds"] is None else _clock(job["eta_seconds"])
        fps = f"{job['fps']:.1f}" if job["fps"] else ""
        name, progress = Path(job["source"]).name, f"{job['progress']:.1f}%"
        rows.append((job["job_id"], name, job["status"], progress, fps, eta, _details(job)))
    return plain_table(("id", "file", "status", "progress", "fps", "time left", "details"), rows)


def _details(job: dict[str, Any]) -> str:
    error = job["error"]
    return f"[{error['code']}] {error['message']}" if error else job["engine"] or job["preset"]


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
