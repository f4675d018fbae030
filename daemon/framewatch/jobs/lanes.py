"""What a lane works with: a worker process, and the pipeline around it."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from framewatch.domain import Job
from framewatch.errors import ConfigError
from framewatch.jobs import events as ev
from framewatch.jobs.desk import Desk
from framewatch.jobs.faults import storage_faults
from framewatch.jobs.order import Order, Rendered, Skipped, Tools
from framewatch.jobs.pipeline import Gate, Pipeline
from framewatch.jobs.runner import Lane
from framewatch.jobs.source import require_source
from framewatch.media.preset import Preset
from framewatch.render.client import Worker

_log = structlog.get_logger("framewatch.worker")


def make_lane(name: str, desk: Desk, tools: Callable[[], Tools], gate: Gate, *, gpu: bool) -> Lane:
    """A lane with a worker of its own; `tools` is asked before each job, since a reload may change them."""
    context: dict[str, Any] = {}  # of the job that the worker has
    worker = Worker(on_stderr=lambda line: _log.warning("worker.said", line=line, **context))

    def render(job: Job, stop: threading.Event) -> ev.Event:
        context.clear()
        context.update(job.log_context())
        require_source(job)
        order = Order(
            source=job.source, preset=_preset(job), preset_name=job.preset_name, work=_empty_work(desk, job)
        )
        made = Pipeline(worker, tools(), gate, desk.board.observer(job), stop).run(order)
        return ev.Skipped(made.reasons) if isinstance(made, Skipped) else _rendered(order, job, made)

    return Lane(name, gpu=gpu, render=render, close=worker.kill)


def _rendered(order: Order, job: Job, made: Rendered) -> ev.Rendered:
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


def _preset(job: Job) -> Preset:
    """The preset that a job was taken in with; another version of framewatch may have stored it."""
    try:
        return Preset.model_validate(json.loads(job.preset))
    except ValueError:
        hint = "`framewatch retry` takes the preset as it is now"
        message = "the preset that this job was taken in with cannot be read by this version"
        raise ConfigError(message, code="preset.outdated", hint=hint) from None


def _empty_work(desk: Desk, job: Job) -> Path:
    work = desk.work_of(job)
    with storage_faults(work):
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
    return work
