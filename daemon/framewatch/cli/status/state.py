"""What the store knows of the daemon, its folders and jobs, as one document."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from framewatch.domain import Job
from framewatch.jobs.reporting.sidecar import progress_document
from framewatch.jobs.store.recovery import last_rebuild
from framewatch.jobs.store.store import Store
from framewatch.service.liveness import is_alive
from framewatch.settings import Settings
from framewatch.storage.os_errors import storage_faults


def has_store(settings: Settings) -> bool:
    """Return whether a daemon has created a job store yet."""
    with storage_faults(settings.store_path):
        return settings.store_path.exists()


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
