"""What the store knows of the daemon, its folders and jobs, as one document."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from framewatch.cli.status.elsewhere import has_store, other_daemons, other_stores
from framewatch.cli.status.measured import speeds_of
from framewatch.domain import Job, JobState, Progress
from framewatch.domain.speeds import Speeds, forecast_size, preset_key
from framewatch.jobs.reporting.sidecar import progress_document
from framewatch.jobs.scheduling.pauses import FACT as PAUSES
from framewatch.jobs.store.queue_order import QueueRule, queue_rules
from framewatch.jobs.store.recovery import last_rebuild
from framewatch.jobs.store.store import Store, WaitingFiles
from framewatch.service.daemon_search import user_of
from framewatch.service.liveness import is_alive
from framewatch.settings import Settings

WORKED_ON = (JobState.RUNNING, JobState.PUBLISHING)
ENDED_WELL = (JobState.DONE, JobState.SKIPPED, JobState.CANCELLED)


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


def describe_pause(pause: dict[str, Any]) -> str:
    """Return a line about a pause, as it is in `pauses`."""
    what = "all jobs are paused" if pause["folder"] is None else f"folder {pause['folder']} is paused"
    if pause["by"] != "user":
        return f"{what}: {pause['why']}"
    since = datetime.fromtimestamp(pause["since"]).astimezone().strftime("%Y-%m-%d %H:%M")
    resume = "framewatch resume" + ("" if pause["folder"] is None else f" --folder {pause['folder']}")
    return f"{what} since {since}: `{resume}` ends it"


def read_state(settings: Settings, limit: int | None = None) -> dict[str, Any]:
    """Return the state of the daemon, its folders and jobs, as `--json` prints it.

    Args:
        settings: say where the store is.
        limit: how many jobs of each kind: of those that are worked on, held, failed, queued, and ended otherwise;
            None: all. They are in this order; queued ones in that of the queue, ended ones the last one first.
    """
    if not has_store(settings):
        folders = [{"folder": folder.name, "input": str(folder.input)} for folder in settings.folders]
        queue = _queue([], [], Speeds(), settings)
        more: dict[str, Any] = {"queue": queue, "disk": _disk([], settings), "rebuilt": None, "pauses": []}
        return _document(None, folders, {}, []) | more | _place(settings, None)
    with Store.open(settings.store_path, readonly=True) as store:
        daemon = daemon_of(store)
        facts = store.get_facts()
        folders = facts.get("folders") or []
        speeds = speeds_of(settings.state_dir, store)
        jobs = [
            _job(store, job, speeds, running=daemon is not None)
            for job in _selected(store, queue_rules(settings), limit)
        ]
        document = _document(daemon, folders, dict(store.counts()), jobs)
        queue = _queue(store.waiting(), jobs, speeds, settings)
        pauses = [pause for pause in facts.get(PAUSES, []) if daemon or pause["by"] == "user"]
        more = {"queue": queue, "disk": _disk(jobs, settings), "rebuilt": last_rebuild(store), "pauses": pauses}
        return document | more | _place(settings, daemon)


def _selected(store: Store, rules: Mapping[str, QueueRule], limit: int | None) -> Iterator[Job]:
    yield from store.find(WORKED_ON, limit=limit)
    yield from store.find((JobState.HELD,), limit=limit)
    yield from store.recently_ended((JobState.FAILED,), limit)
    yield from store.upcoming(rules, limit)
    yield from store.recently_ended(ENDED_WELL, limit)


def _place(settings: Settings, daemon: dict[str, Any] | None) -> dict[str, Any]:
    """Return which store was read and, without a daemon that uses it, where others are."""
    others = [] if daemon else [other._asdict() for other in other_daemons(settings)]
    stores = [] if daemon or others else other_stores(settings)
    return {"store": str(settings.store_path), "elsewhere": others, "other_stores": stores}


def _job(store: Store, job: Job, speeds: Speeds, *, running: bool) -> dict[str, Any]:
    """Return a job's document. One that a daemon left running when it died is marked as interrupted."""
    interrupted = not running and job.state in WORKED_ON
    progress, now = store.progress(job.id), job.ended_at or time.time()
    document = progress_document(job, progress, now)  # an ended one stays as it ended
    begun = job.started_at is not None and (job.state in WORKED_ON or job.state.ended)
    return document | {
        "interrupted": interrupted,
        "paused": job.paused and not job.state.ended,
        "priority": job.priority,
        "next": job.front > 0 and not job.state.ended,
        "size": job.identity.size,
        "elapsed_seconds": round(max(now - job.started_at, 0.0), 1) if begun and job.started_at else None,
        "ended_at": None if job.ended_at is None else datetime.fromtimestamp(job.ended_at, UTC).isoformat(),
        "expected": _expected(job, progress, speeds),
    }


def _expected(job: Job, progress: Progress, speeds: Speeds) -> dict[str, Any]:
    """Return what a job will take as far as that is known: from its plan, or from others with its preset."""
    if job.state.ended:
        return {"seconds": None, "output_size": job.journal.output_size, "disk": None}
    if (planned := progress.forecast) is not None:
        return planned.model_dump(include={"seconds", "output_size", "disk"})
    seconds, size = forecast_size(job.identity.size, preset_key(job.folder, job.preset_name), speeds)
    return {
        "seconds": None if seconds is None else round(seconds, 1),
        "output_size": None if size is None else round(size),
        "disk": None,
    }


def _queue(
    waiting: list[WaitingFiles], jobs: list[dict[str, Any]], speeds: Speeds, settings: Settings
) -> dict[str, Any]:
    """Return what waits, and how long it will all take, with the jobs that are worked on.

    Jobs that need a GPU have `gpu.slots` slots, all others share one.
    """
    known = [(each, *forecast_size(each.size, preset_key(each.folder, each.preset_name), speeds)) for each in waiting]
    unknown = sum(each.files for each, seconds, _ in known if seconds is None)
    running = [job for job in jobs if job["status"] in WORKED_ON and not job["interrupted"]]
    left = [_left(job) for job in running]
    unknown += left.count(None)

    def total(wanted: Callable[[WaitingFiles], bool], slots: int) -> float:
        return sum(seconds or 0.0 for each, seconds, _ in known if wanted(each)) / slots

    eta = max(total(lambda each: bool(each.gpu), settings.gpu.jobs), total(lambda each: not each.gpu, 1))
    eta += max((each for each in left if each is not None), default=0.0)
    sizes = [size for _, _, size in known]
    return {
        "jobs": sum(each.files for each in waiting),
        "size": sum(each.size for each in waiting),
        "eta_seconds": None if unknown or not (waiting or running) else round(eta, 1),
        "unknown": unknown,
        "output_size": None if None in sizes or not sizes else round(sum(size or 0.0 for size in sizes)),
    }


def _disk(jobs: list[dict[str, Any]], settings: Settings) -> dict[str, Any]:
    """Return the bytes that running jobs take in the work folder, as far as they are planned, and what is free."""
    needed = [job["expected"]["disk"] for job in jobs if job["status"] in WORKED_ON and job["expected"]["disk"]]
    try:
        free: int | None = shutil.disk_usage(settings.work_dir).free
    except OSError:  # not made yet, or another user's
        free = None
    return {"work_dir": str(settings.work_dir), "needed": sum(needed) if needed else None, "free": free}


def _left(job: dict[str, Any]) -> float | None:
    """Return the seconds that a running job still takes: by its own speed or, at its beginning, by the forecast."""
    if job["eta_seconds"] is not None:
        return float(job["eta_seconds"])
    if job["status"] == JobState.PUBLISHING:
        return 0.0
    expected = job["expected"]["seconds"]
    return None if expected is None else max(float(expected) - (job["elapsed_seconds"] or 0.0), 0.0)


def _document(
    daemon: dict[str, Any] | None,
    folders: list[dict[str, Any]],
    counts: dict[Any, int],
    jobs: list[dict[str, Any]],
) -> dict[str, Any]:
    named = [{"name": folder.pop("folder")} | folder for folder in folders]
    user = {"user": user_of(daemon["pid"])} if daemon else {}
    return {"daemon": daemon and daemon | user, "folders": named, "counts": counts, "jobs": jobs}
