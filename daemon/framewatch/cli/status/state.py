"""What the store knows of the daemon, its folders and jobs, as one document."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from framewatch.cli.status.elsewhere import has_store, other_daemons, other_stores
from framewatch.domain import Job, JobState
from framewatch.jobs.reporting.sidecar import progress_document
from framewatch.jobs.scheduling.pauses import FACT as PAUSES
from framewatch.jobs.store.recovery import last_rebuild
from framewatch.jobs.store.store import Store
from framewatch.service.daemon_search import user_of
from framewatch.service.liveness import is_alive
from framewatch.settings import Settings


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


def read_state(settings: Settings, limit: int) -> dict[str, Any]:
    """Return the state of the daemon, its folders, and the newest `limit` jobs, as `--json` prints it."""
    if not has_store(settings):
        folders = [{"folder": folder.name, "input": str(folder.input)} for folder in settings.folders]
        return _document(None, folders, {}, []) | {"rebuilt": None, "pauses": []} | _place(settings, None)
    with Store.open(settings.store_path, readonly=True) as store:
        daemon = daemon_of(store)
        facts = store.get_facts()
        folders = facts.get("folders") or []
        jobs = [_job(store, job, running=daemon is not None) for job in store.find(limit=limit)]
        document = _document(daemon, folders, dict(store.counts()), jobs)
        pauses = [pause for pause in facts.get(PAUSES, []) if daemon or pause["by"] == "user"]
        return document | {"rebuilt": last_rebuild(store), "pauses": pauses} | _place(settings, daemon)


def describe_pause(pause: dict[str, Any]) -> str:
    """Return a line about a pause, as it is in `pauses`."""
    what = "all jobs are paused" if pause["folder"] is None else f"folder {pause['folder']} is paused"
    if pause["by"] != "user":
        return f"{what}: {pause['why']}"
    since = datetime.fromtimestamp(pause["since"]).astimezone().strftime("%Y-%m-%d %H:%M")
    resume = "framewatch resume" + ("" if pause["folder"] is None else f" --folder {pause['folder']}")
    return f"{what} since {since}: `{resume}` ends it"


def _place(settings: Settings, daemon: dict[str, Any] | None) -> dict[str, Any]:
    """Return which store was read and, without a daemon that uses it, where others are."""
    others = [] if daemon else [other._asdict() for other in other_daemons(settings)]
    stores = [] if daemon or others else other_stores(settings)
    return {"store": str(settings.store_path), "elsewhere": others, "other_stores": stores}


def _job(store: Store, job: Job, *, running: bool) -> dict[str, Any]:
    """Return a job's document. One that a daemon left running when it died is marked as interrupted."""
    interrupted = not running and job.state in (JobState.RUNNING, JobState.PUBLISHING)
    return progress_document(job, store.progress(job.id), _as_of(job)) | {
        "interrupted": interrupted,
        "paused": job.paused and not job.state.ended,
        "priority": job.priority,
        "next": job.front > 0 and not job.state.ended,
    }


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
    user = {"user": user_of(daemon["pid"])} if daemon else {}
    return {"daemon": daemon and daemon | user, "folders": named, "counts": counts, "jobs": jobs}
