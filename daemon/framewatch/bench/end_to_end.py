"""The whole pipeline of a job, from file to verified file, with the time that each part takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from framewatch.bench.report import Phase
from framewatch.domain import Progress, Record
from framewatch.errors import RuleError
from framewatch.jobs.attempt.context import Observer
from framewatch.jobs.attempt.pipeline import Pipeline
from framewatch.jobs.attempt.request import AttemptRequest, AttemptResult, Tools
from framewatch.jobs.gpu.gate import HostGate
from framewatch.media.plan.plan import VideoPlan
from framewatch.render.messages import EngineOpened
from framewatch.render.tasks import RenderReport, RenderTask
from framewatch.render.worker_client import STALL_SECONDS, OnMessage, OnWait, Worker

_PHASES: dict[str, Phase] = {"device": "start", "probe": "probe", "render": "render", "inspect": "verify"}


@dataclass(frozen=True)
class Span:
    """One task of a worker. Times are monotonic seconds."""

    op: str
    begun: float
    ended: float
    opened: float | None = None  # of a render: when its engine was open


class TimedWorker(Worker):
    """A worker that records when each task began and ended, and the render it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.forget()

    def forget(self) -> None:
        """Record from here on. The process stays, and so does its engine."""
        self.spans: list[Span] = []
        self.render: RenderTask | None = None
        self.rendered: RenderReport | None = None

    def run(
        self,
        task: Record,
        on_message: OnMessage,
        stop: threading.Event,
        *,
        stall_seconds: float | None = STALL_SECONDS,
        on_wait: OnWait = lambda: None,
    ) -> Any:
        """Do a task as a worker does; raises the same."""
        opened: list[float] = []

        def heard(message: Any) -> None:
            if isinstance(message, EngineOpened):
                opened.append(time.monotonic())
            on_message(message)

        begun = time.monotonic()
        report = super().run(task, heard, stop, stall_seconds=stall_seconds, on_wait=on_wait)
        op = str(getattr(task, "op", ""))
        self.spans.append(Span(op, begun, time.monotonic(), next(iter(opened), None)))
        if isinstance(task, RenderTask):
            self.render, self.rendered = task, report
        return report


@dataclass(frozen=True)
class Run:
    """The result of one run from file to file."""

    plan: VideoPlan
    frames: int
    task: RenderTask
    report: RenderReport
    seconds: float
    phases: dict[Phase, float]
    waited: float  # seconds besides, in which another process had the device

    @property
    def render_fps(self) -> float:
        """Frames a second while rendering."""
        return self.frames / self.phases["render"]

    @property
    def overhead(self) -> float:
        """Seconds of everything but rendering, once the worker is warm."""
        return self.seconds - self.phases["render"] - self.start

    @property
    def start(self) -> float:
        """Seconds that the worker took to start and to open the engine."""
        return self.phases.get("start", 0.0) + self.phases["open"]


@dataclass(frozen=True)
class Watcher:
    """What a run reports to."""

    on_progress: Callable[[float], None]  # with the share that is done, 0 to 1
    on_wait: Callable[[str], None]  # with the device whose other users are waited for
    stop: threading.Event  # ends the run


def run(request: AttemptRequest, tools: Tools, worker: TimedWorker, watcher: Watcher) -> Run:
    """Process one file as a job does.

    Raises:
        RuleError: `bench.nothing_to_measure`: the preset does not upscale this file.
        FramewatchError: as `Pipeline.run`.
    """
    worker.forget()
    begun = time.monotonic()
    observer = _Observer(watcher)
    made = Pipeline(worker, tools, HostGate(1), observer, watcher.stop).run(request)
    waited = _waited(observer.waiting_since, worker.spans)
    elapsed = time.monotonic() - begun - waited
    plan = made.plan if isinstance(made, AttemptResult) else None
    if not isinstance(plan, VideoPlan) or worker.render is None or worker.rendered is None:
        hint = "name a preset that upscales videos, or leave it out"
        raise RuleError("the preset does not upscale this clip", code="bench.nothing_to_measure", hint=hint)
    return Run(plan, plan.frames, worker.render, worker.rendered, elapsed, phases(worker.spans, elapsed), waited)


def _waited(since: float | None, spans: Sequence[Span]) -> float:
    """Return the seconds from the moment the device was asked for to the render that got it."""
    begun = next((span.begun for span in spans if span.op == "render"), None)
    return begun - since if since is not None and begun is not None else 0.0


def phases(spans: Sequence[Span], whole: float) -> dict[Phase, float]:
    """Return the seconds of each part of a run that took `whole` seconds. Pure.

    A command before the render is the rehearsal, one after it joins the segments. Between the render and the next
    task, the segments that were inspected in parallel are waited for. What no task accounts for is "other".
    """
    found: dict[Phase, float] = {}
    rendered = False
    for before, span in zip((None, *spans), spans, strict=False):
        if before is not None and before.op == "render":
            _add(found, "inspect", max(0.0, span.begun - before.ended))
        if span.op == "render" and span.opened is not None:
            _add(found, "open", span.opened - span.begun)
            _add(found, "render", span.ended - span.opened)
            rendered = True
        else:
            _add(found, _PHASES.get(span.op, "join" if rendered else "rehearsal"), span.ended - span.begun)
    _add(found, "other", max(0.0, whole - sum(found.values())))
    return found


def _add(found: dict[Phase, float], phase: Phase, seconds: float) -> None:
    found[phase] = found.get(phase, 0.0) + seconds


class _Observer(Observer):
    """Passes progress and waiting on."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self.waiting_since: float | None = None  # monotonic seconds

    def progressed(self, progress: Progress) -> None:
        self._watcher.on_progress(progress.percent / 100)

    def waiting_for(self, device: str) -> None:
        self.waiting_since = time.monotonic()
        self._watcher.on_wait(device)
