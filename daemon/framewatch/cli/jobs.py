"""`framewatch status`, `retry` and `cancel`: looking at a daemon's jobs, and asking something of it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.live import Live
from rich.table import Table

from framewatch.cli.common import ConfigOption, JsonOption, console, print_json, say, settings_of
from framewatch.domain import Job, JobState
from framewatch.errors import ConfigError
from framewatch.jobs.reporting.sidecar import progress_document
from framewatch.jobs.store.recovery import last_rebuild
from framewatch.jobs.store.store import Store
from framewatch.service.liveness import is_alive
from framewatch.settings import Settings
from framewatch.storage import files
from framewatch.storage.os_errors import shown, storage_faults
from framewatch.text import printable

WATCH_SECONDS = 1.0
SHOWN_JOBS = 20

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The job's id, or its beginning.", show_default=False)]


def status(
    config: ConfigOption = None,
    as_json: JsonOption = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Keep showing it until Ctrl-C.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many jobs, the newest first.")] = SHOWN_JOBS,
) -> None:
    """Show what the daemon does: its folders, and the newest jobs with progress and errors.

    \b
    Examples:
      framewatch status
      framewatch status --watch
      framewatch status --json | jq '.jobs[] | select(.status == "failed")'
    """
    settings = settings_of(config).settings
    if as_json:
        print_json(_state(settings, limit))
    elif watch:
        with Live(_screen(_state(settings, limit)), console=console(), auto_refresh=False) as live:
            while True:
                time.sleep(WATCH_SECONDS)
                live.update(_screen(_state(settings, limit)), refresh=True)
    else:
        console().print(_screen(_state(settings, limit)))


def retry(job_id: IdArgument, config: ConfigOption = None) -> None:
    """Try a job again that failed or was cancelled, with the preset as it is now.

    \b
    Examples:
      framewatch retry 01jd3k
    """
    _ask(
        "retry",
        job_id,
        config,
        (JobState.FAILED, JobState.CANCELLED),
        "only one that failed or was cancelled can be",
    )


def cancel(job_id: IdArgument, config: ConfigOption = None) -> None:
    """Stop a job; its source goes to failed/.

    \b
    Examples:
      framewatch cancel 01jd3k
    """
    alive = (JobState.QUEUED, JobState.RUNNING, JobState.HELD)
    _ask("cancel", job_id, config, alive, "it has ended, or its files are already being moved into place")


# --- asking --------------------------------------------------------------------------------------------------


def _ask(kind: Any, job_id: str, config: Path | None, states: tuple[JobState, ...], otherwise: str) -> None:
    settings = settings_of(config).settings
    if not has_store(settings):
        raise _unknown(job_id)
    with Store.open(settings.store_path) as store:
        job = store.get(job_id)
        if job is None:
            raise _unknown(job_id)
        if job.state not in states:
            raise ConfigError(f"job {job.id} is {job.state}", code=f"job.not_{kind}able", hint=otherwise)
        if kind == "retry":
            _require_source(job)
        store.request(kind, job.id)
        running = daemon_of(store) is not None
    when = "asked the daemon" if running else "noted; no daemon is running, so it is done at the next start"
    say(f"{kind} {job.id} ({job.relative}): {when}")


def has_store(settings: Settings) -> bool:
    """Whether a daemon has made a job store yet."""
    with storage_faults(settings.store_path):
        return files.exists(settings.store_path)


def _require_source(job: Job) -> None:
    """A retry needs the source where the job left it."""
    source = job.journal.source_to or job.source
    if not files.exists(source):
        hint = "put it back there, or drop it into the watched folder anew"
        raise ConfigError("its source is gone", code="source.vanished", hint=hint, where=shown(source))


def _unknown(job_id: str) -> ConfigError:
    hint = "`framewatch status` lists the jobs"
    return ConfigError(f'there is no job "{printable(job_id)}"', code="job.not_found", hint=hint)


# --- looking -------------------------------------------------------------------------------------------------


def daemon_of(store: Store) -> dict[str, Any] | None:
    """What the running daemon says of itself; None where none runs (any more)."""
    facts: dict[str, Any] | None = store.get_facts().get("daemon")
    return facts if facts is not None and is_alive(facts) else None


def said_rebuilt(told: dict[str, Any]) -> str:
    """That the store was rebuilt, and where what was damaged lies."""
    when = datetime.fromtimestamp(told["at"], UTC).isoformat(sep=" ", timespec="seconds")
    aside = ", ".join(path for path in (told["kept_aside"], *told["lost"]) if path)
    return f"{told['message']}; rebuilt at {when}, {told['jobs']} begun jobs came back; kept aside: {aside}"


def _state(settings: Settings, limit: int) -> dict[str, Any]:
    if not has_store(settings):
        folders = [{"folder": folder.name, "input": str(folder.input)} for folder in settings.folders]
        return _described(None, folders, {}, []) | {"rebuilt": None}
    with Store.open(settings.store_path, readonly=True) as store:
        daemon = daemon_of(store)
        folders = store.get_facts().get("folders") or []
        jobs = [progress_document(job, store.progress(job.id), _moment(job)) for job in store.list(limit=limit)]
        return _described(daemon, folders, dict(store.counts()), jobs) | {"rebuilt": last_rebuild(store)}


def _moment(job: Job) -> float:
    return job.ended_at or time.time()


def _described(
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
        *([printable(said_rebuilt(state["rebuilt"]))] if state["rebuilt"] else []),
        _folder_table(state["folders"], running=daemon is not None),
        counts or "no jobs yet",
        _job_table(state["jobs"]),
    )


def _folder_table(folders: list[dict[str, Any]], *, running: bool) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("folder", "input", "watched by", "waiting", "state"):
        table.add_column(heading)
    for folder in folders:
        mode = f"{folder.get('mode', '')} {folder.get('reason', '')}".strip() if running else ""
        problem = folder.get("problem") or folder.get("state", "") if running else "not watched"
        waiting = str(folder.get("waiting", "")) if running else ""
        cells = (folder["name"], folder.get("input", ""), mode, waiting, problem)
        table.add_row(*map(printable, cells))
    return table


def _job_table(jobs: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("id", "file", "status", "progress", "fps", "left", "what"):
        table.add_column(heading, overflow="fold")
    for job in jobs:
        eta = "" if job["eta_seconds"] is None else _clock(job["eta_seconds"])
        fps = f"{job['fps']:.1f}" if job["fps"] else ""
        name = printable(Path(job["source"]).name)
        table.add_row(job["job_id"], name, job["status"], f"{job['progress']:.1f}%", fps, eta, _what(job))
    return table


def _what(job: dict[str, Any]) -> str:
    error = job["error"]
    if error:
        return printable(f"[{error['code']}] {error['message']}")
    return printable(job["engine"] or job["preset"])


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
