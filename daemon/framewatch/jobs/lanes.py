"""What a lane works with: a worker process, the pipeline around it, and the rules of which jobs it takes."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import structlog

from framewatch.domain import Job
from framewatch.errors import MediaError, StorageError
from framewatch.jobs import events as ev
from framewatch.jobs import files
from framewatch.jobs.desk import Desk
from framewatch.jobs.faults import shown, storage_faults
from framewatch.jobs.pipeline import Gate, Order, Pipeline, Tools
from framewatch.jobs.runner import Lane
from framewatch.media.preset import Preset
from framewatch.render.client import Worker

_log = structlog.get_logger("framewatch.worker")


def make_lane(name: str, desk: Desk, tools: Callable[[], Tools], gate: Gate, accepts: Callable[[Job], bool]) -> Lane:
    """A lane with a worker of its own; `tools` is asked before each job, since a reload may change them."""
    worker = Worker(on_stderr=lambda line: _log.warning("worker.said", line=line))

    def render(job: Job, stop: threading.Event) -> ev.Rendered:
        _require_source(job)
        order = Order(
            source=job.source,
            preset=preset_of(job.preset),
            preset_name=job.preset_name,
            work=_empty_work(desk, job),
        )
        made = Pipeline(worker, tools(), gate, desk.board.observer(job), stop).run(order)
        return ev.Rendered(result=made.result, frames=made.frames, engine=made.engine, warnings=made.warnings)

    return Lane(name, accepts, render, worker.kill)


@lru_cache(maxsize=256)
def preset_of(text: str) -> Preset:
    """The preset that a job was taken in with."""
    return Preset.model_validate(json.loads(text))


def needs_gpu(job: Job) -> bool:
    """Whether a job takes a share of a GPU: to upscale, or for an encoder that runs there."""
    preset = preset_of(job.preset)
    return preset.upscales or preset.video_codec.endswith("_nvenc")


def _empty_work(desk: Desk, job: Job) -> Path:
    work = desk.work_of(job)
    with storage_faults(work):
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
    return work


def _require_source(job: Job) -> None:
    """The file is still the one that was taken in: nothing is spent on one that is gone or has changed."""
    found = files.identity(job.source)
    if found is not None and files.unchanged(job.identity, found):
        return
    if found is not None:
        raise MediaError(
            "the file was changed after it was taken in",
            code="source.changed",
            hint="it is taken in again when it has settled",
            where=shown(job.source),
        )
    with storage_faults(job.source.parent):
        empty = not any(job.source.parent.iterdir())
    if empty and job.source.parent.stat().st_dev != job.identity.device:
        raise StorageError("nothing is mounted here", hint="mount it again", where=shown(job.source.parent))
    raise MediaError("the file was taken away before its turn", code="source.vanished", where=shown(job.source))
