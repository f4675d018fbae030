"""What a lane works with: a worker process, and the pipeline around it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from framewatch.domain import Job
from framewatch.errors import ConfigError, MediaError, StorageError, VerificationError, WorkerError
from framewatch.jobs.attempt.context import Gate
from framewatch.jobs.attempt.disk_forecast import DiskLocations
from framewatch.jobs.attempt.pipeline import Pipeline
from framewatch.jobs.attempt.request import AttemptRequest, Rendered, Skipped, Tools
from framewatch.jobs.lifecycle import events as ev
from framewatch.jobs.publishing.publish import Places
from framewatch.jobs.scheduling.job_manager import JobManager
from framewatch.jobs.source_check import require_source, source_root
from framewatch.jobs.work_folder import tidied, work_folder
from framewatch.media.preset.preset import Preset
from framewatch.render.worker_client import Worker
from framewatch.storage.mount_guard import UNGUARDED

_log = structlog.get_logger("framewatch.worker")


def make_slot(
    name: str,
    manager: JobManager,
    tools: Callable[[], Tools],
    gate: Gate,
    places_of: Callable[[str], Places | None],
    *,
    gpu: bool,
) -> Slot:
    """A lane with a worker of its own.

    `tools` and `places_of`, which tells a folder's places by its name, are asked before each job, since a reload may
    change them.
    """
    context: dict[str, Any] = {}  # of the job that the worker has
    worker = Worker(on_stderr=lambda line: _log.warning("worker.said", line=line, **context))

    def render(job: Job, stop: threading.Event) -> ev.Event:
        context.clear()
        context.update(job.log_context())
        places = places_of(job.folder)
        look = partial(require_source, job, places.guard if places else UNGUARDED)
        look()
        order = AttemptRequest(
            source=job.source,
            preset=_preset(job),
            preset_name=job.preset_name,
            work=work_folder(manager.work_of(job)),
            spots=_spots(manager, job, places) if places else None,
        )
        observer = manager.reporter.observer(job, lambda: _got_on(manager, job.id))
        with tidied(order.work, places.reserve if places else 0, worker.tidy):
            try:
                made = Pipeline(worker, tools(), gate, observer, stop, look).run(order)
            except (MediaError, WorkerError, VerificationError):
                look()  # a source that was changed meanwhile is the reason for whatever went wrong
                raise
        return ev.Skipped(made.reasons) if isinstance(made, Skipped) else _rendered(order, job, made)

    return Slot(name, gpu=gpu, render=render, close=worker.kill)


def _got_on(manager: JobManager, job_id: str) -> None:
    """A segment is done. It is stored only where there was trouble before, which is over now."""
    with manager.lock:
        job = manager.store.get(job_id)
        if job is None or not (job.stuck or job.holds or job.crashes):
            return
        decision = manager.decide(job, ev.SegmentDone())
    manager.carry_out(decision)


def _rendered(order: AttemptRequest, job: Job, made: Rendered) -> ev.Rendered:
    """What the lifecycle is told; where another preset's turn came, the output's name may need another ending."""
    planned, used = order.preset.container, made.plan.container
    renamed = used != planned and job.output.suffix == f".{planned}"
    return ev.Rendered(
        result=made.result,
        frames=made.frames,
        engine=made.engine,
        warnings=made.warnings,
        container=used if renamed else "",
    )


def _spots(manager: JobManager, job: Job, places: Places) -> DiskLocations:
    """Whose disks need room. One that is not mounted now is looked at when it is written to."""
    output, done = (root if _mounted(places, root) else None for root in (places.output, places.done))
    return DiskLocations(
        work=manager.work_dir, output=output, done=done, source=source_root(job), reserve=places.reserve
    )


def _mounted(places: Places, root: Path) -> bool:
    try:
        places.guard.require(root)
    except StorageError:
        return False
    return True


def _preset(job: Job) -> Preset:
    """The preset that a job was taken in with; another version of framewatch may have stored it."""
    try:
        return Preset.model_validate(json.loads(job.preset))
    except ValueError:
        hint = "`framewatch retry` takes the preset as it is now"
        message = "the preset that this job was taken in with cannot be read by this version"
        raise ConfigError(message, code="preset.outdated", hint=hint) from None


Render = Callable[[Job, threading.Event], ev.Event]


class Slot:
    """What a lane takes, and with what it works."""

    def __init__(self, name: str, *, gpu: bool, render: Render, close: Callable[[], None]) -> None:
        """`gpu`: which jobs it takes; `render` makes a result; `close` ends the worker process, from any thread."""
        self.name = name
        self.gpu = gpu
        self.render = render
        self.close = close
