"""The whole way of a job, from file to verified file, with the time that each part of it takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framewatch.bench.report import Phase
from framewatch.domain import Progress, Record, StageName
from framewatch.errors import Finding, RuleError
from framewatch.jobs.attempt.pipeline import Pipeline
from framewatch.jobs.attempt.request import AttemptRequest, Rendered, Tools
from framewatch.jobs.attempt.segment_ledger import LedgerEntry
from framewatch.jobs.gpu.gate import HostGate
from framewatch.media.plan.plan import VideoPlan
from framewatch.media.preset.preset import Preset
from framewatch.render.messages import EngineOpened
from framewatch.render.tasks import RenderReport, RenderTask
from framewatch.render.worker_client import STALL_SECONDS, OnMessage, Worker

_PHASES: dict[str, Phase] = {"device": "start", "probe": "probe", "render": "render", "inspect": "verify"}


@dataclass(frozen=True)
class Span:
    """One task of a worker, in monotonic seconds."""

    op: str
    begun: float
    ended: float
    opened: float | None = None  # of a render: when its engine was open


class TimedWorker(Worker):
    """A worker that notes when it began and ended each task, and keeps the render it was asked for."""

    def __init__(self) -> None:
        super().__init__()
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
    ) -> Any:
        """As a worker does; raises the same."""
        opened: list[float] = []

        def heard(message: Any) -> None:
            if isinstance(message, EngineOpened):
                opened.append(time.monotonic())
            on_message(message)

        begun = time.monotonic()
        report = super().run(task, heard, stop, stall_seconds=stall_seconds)
        op = str(getattr(task, "op", ""))
        self.spans.append(Span(op, begun, time.monotonic(), next(iter(opened), None)))
        if isinstance(task, RenderTask):
            self.render, self.rendered = task, report
        return report


@dataclass(frozen=True)
class Travelled:
    """What one run from file to file gave."""

    plan: VideoPlan
    frames: int
    task: RenderTask
    report: RenderReport
    seconds: float
    phases: dict[Phase, float]


def travel(
    source: Path,
    preset: Preset,
    work: Path,
    tools: Tools,
    stop: threading.Event,
    on_share: Callable[[float], None],
    on_wait: Callable[[str], None],
) -> Travelled:
    """Make one file as a job does, on a worker that is started for it.

    `on_share` is called with how much is done, 0 to 1, `on_wait` with the device that others may have for long.

    Raises:
        RuleError: `bench.nothing_to_measure`: the preset does not upscale this file.
        FramewatchError: as `Pipeline.run`.
    """
    worker = TimedWorker()
    begun = time.monotonic()
    try:
        pipeline = Pipeline(worker, tools, HostGate(1), _Onlooker(on_share, on_wait), stop)
        made = pipeline.run(AttemptRequest(source=source, preset=preset, preset_name="bench", work=work))
        took = time.monotonic() - begun
    finally:
        worker.kill()
    plan = made.plan if isinstance(made, Rendered) else None
    if not isinstance(plan, VideoPlan) or worker.render is None or worker.rendered is None:
        hint = "name a preset that upscales videos, or leave it out"
        raise RuleError("the preset does not upscale this clip", code="bench.nothing_to_measure", hint=hint)
    return Travelled(plan, plan.frames, worker.render, worker.rendered, took, phases(worker.spans, took))


def phases(spans: Sequence[Span], whole: float) -> dict[Phase, float]:
    """Seconds of each part of a way that took `whole` seconds; what no task accounts for is "other". Pure.

    What stands before the render is preparation, what stands after it joins and proves the result. Until that begins,
    the segments that were inspected beside the render are waited for.
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


class _Onlooker:
    """Watches progress, and what is waited for."""

    def __init__(self, on_share: Callable[[float], None], on_wait: Callable[[str], None]) -> None:
        self._on_share = on_share
        self._on_wait = on_wait

    def progressed(self, progress: Progress) -> None:
        self._on_share(progress.percent / 100)

    def logged(self, stage: StageName, line: str, level: str) -> None: ...

    def command_started(self, command: str) -> None: ...

    def warned(self, warning: Finding) -> None: ...

    def waiting_for(self, device: str) -> None:
        self._on_wait(device)

    def resumed(self, kept: int, segments: int) -> None: ...

    def segment_done(self, entry: LedgerEntry, segments: int, *, made_progress: bool) -> None: ...
