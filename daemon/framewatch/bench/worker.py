"""The measuring worker: a crash of a driver ends it, and only it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from framewatch.bench import engine_speed, png_baseline, stage_speed
from framewatch.bench.tasks import MESSAGES, TASKS, EngineTask, Measured, PngTask, StagesTask, Stepped
from framewatch.domain import Record, StageName
from framewatch.render.worker import WorkerKind, serve
from framewatch.render.worker_client import Worker


class Measurements:
    """Does one measurement at a time."""

    stage: StageName = "upscale"  # for the log

    def __init__(self, send: Callable[[Record], None]) -> None:
        """`send` takes messages on the way."""
        self._send = send

    def run(self, task: Record) -> Any:
        """Measure.

        Raises:
            FramewatchError: what it failed with.
        """
        if isinstance(task, EngineTask):
            return engine_speed.measure(task, self._say)
        if isinstance(task, StagesTask):
            return stage_speed.measure(task, self._say)
        if isinstance(task, PngTask):
            return png_baseline.measure(task, self._say)
        raise TypeError(f"no such task: {type(task).__name__}")

    def _say(self, what: str, done: float) -> None:
        self._send(Stepped(what=what, done=done))


MEASURING = WorkerKind(TASKS, Measurements, lambda report: Measured(report=report))


def measuring_worker() -> Worker:
    """The owner's end of one, not started yet."""
    return Worker(module=__name__, messages=MESSAGES)


if __name__ == "__main__":
    serve(MEASURING)
