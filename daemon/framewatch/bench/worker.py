"""The measuring worker: a driver that crashes ends this process and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from framewatch.bench import engine_speed, stage_speed
from framewatch.bench.tasks import MESSAGES, TASKS, EngineTask, Measured, StagesTask, Stepped
from framewatch.domain import Record, StageName
from framewatch.render.worker import WorkerKind, serve
from framewatch.render.worker_client import Worker


class Measurements:
    """Does one measurement at a time."""

    stage: StageName = "upscale"  # for the log

    def __init__(self, send: Callable[[Record], None]) -> None:
        """`send` takes the messages about progress."""
        self._send = send

    def run(self, task: Record) -> Any:
        """Measure.

        Raises:
            FramewatchError: the measurement failed.
        """
        if isinstance(task, EngineTask):
            return engine_speed.measure(task, self._report_step)
        if isinstance(task, StagesTask):
            return stage_speed.measure(task, self._report_step)
        raise TypeError(f"no such task: {type(task).__name__}")

    def _report_step(self, what: str, done: float) -> None:
        self._send(Stepped(what=what, done=done))


MEASURING = WorkerKind(TASKS, Measurements, lambda report: Measured(report=report))


def measuring_worker() -> Worker:
    """Return a client for a measuring worker, which starts with its first task."""
    return Worker(module=__name__, messages=MESSAGES)


if __name__ == "__main__":
    serve(MEASURING)
