"""What the steps of one attempt share: the worker, the programs, the devices, and the observer."""

from __future__ import annotations

import shlex
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, Protocol, TypeVar

from framewatch.domain import InputFile, Progress, StageName
from framewatch.errors import CancelledError, EngineError, Finding
from framewatch.jobs.attempt.progress_tracker import ProgressTracker
from framewatch.jobs.attempt.request import Tools
from framewatch.jobs.attempt.segment_ledger import LedgerEntry
from framewatch.jobs.attempt.worker_pool import WorkerPool
from framewatch.media.plan.image_plan import Plan
from framewatch.media.process_bounds import NO_BOUNDS, Bounds
from framewatch.render.messages import EngineOpened, FramesCounted, Logged, SegmentRendered, Warned
from framewatch.render.tasks import BoundedTask, CommandTask, DeviceReport, DeviceTask, RenderTask
from framewatch.render.worker_client import Worker

AnyTask = TypeVar("AnyTask", bound=BoundedTask)
Answer = TypeVar("Answer")
CHECK_SECONDS = 5.0  # between two checks of the source while a worker runs


class Observer:
    """Learns how an attempt proceeds. This one does nothing; a subclass overrides what it needs."""

    def planned(self, plan: Plan, source_size: int) -> None:
        """The plan is made; the size of the source is in bytes."""

    def rendered(self, size: int) -> None:
        """The result is verified, and has this size in bytes."""

    def progressed(self, progress: Progress) -> None:
        """There are new counts; called a few times a second."""

    def logged(self, stage: StageName, line: str, level: str) -> None:
        """A tool printed a line."""

    def command_started(self, command: str) -> None:
        """A command is about to run."""

    def warned(self, warning: Finding) -> None:
        """There is something that the user should know, and that did not stop the work."""

    def waiting_for(self, device: str) -> None:
        """A share of this device was requested; other jobs may hold it for long."""

    def resumed(self, kept: int, segments: int) -> None:
        """`kept` of all segments were rendered by an earlier attempt."""

    def segment_done(self, entry: LedgerEntry, segments: int, *, made_progress: bool) -> None:
        """A segment is in the ledger. It is no progress where it was dropped as bad before."""


class Gate(Protocol):
    """Hands out shares of the devices that renders run on."""

    def hold(
        self, device: DeviceReport, gigabytes: float, stop: threading.Event, warn: Callable[[Finding], None]
    ) -> AbstractContextManager[None]:
        """Wait for a share, and hold it while the block runs."""

    def try_hold(
        self, device: DeviceReport, gigabytes: float, warn: Callable[[Finding], None]
    ) -> AbstractContextManager[object] | None:
        """Return a share, held until the end of its block; None where it would have to be waited for."""


class Share:
    """How an attempt reaches its source, and the folder around it. This one does it directly, and checks nothing.

    A subclass answers within a limited time, whether or not the share does.
    """

    def check_source(self) -> None:
        """Raise where the source is no longer the file that was admitted; called every few seconds."""

    def ask(self, question: Callable[[], Answer]) -> Answer:
        """Return what `question`, which touches the share, returns."""
        return question()


class AttemptContext:
    """Runs tasks for the steps of one attempt, and passes on what the worker reports."""

    def __init__(
        self,
        worker: Worker,
        tools: Tools,
        gate: Gate,
        observer: Observer,
        stop: threading.Event,
        share: Share,
    ) -> None:
        """Run nothing yet."""
        self.tools = tools
        self.observer = observer
        self.share = share
        self.stop = stop
        self.warnings: list[Finding] = []
        self.bounds: Bounds = NO_BOUNDS  # of every task from now on that has none of its own
        self._worker = worker
        self._gate = gate
        self._checks = [share.check_source]
        self._checked_at = time.monotonic()
        self._tracker = ProgressTracker(frames=0)
        self._on_segment: Callable[[SegmentRendered], None] = lambda _: None

    def track_frames(self, frames: int, *, kept: int = 0) -> None:
        """Begin to follow `frames` output frames, `kept` of which are done."""
        self._tracker = ProgressTracker(frames=frames, kept=kept)

    def track_duration(self, seconds: float) -> None:
        """Begin to follow an output without frames, by its length."""
        self._tracker = ProgressTracker(seconds=seconds)

    def continue_tracking(self, kept: int) -> None:
        """Follow the same frames, `kept` of which are done; the workers count from zero again."""
        self._tracker.continue_from(kept)

    @property
    def fraction_done(self) -> float:
        """The fraction of the work that is done, 0 to 1."""
        return self._tracker.progress.percent / 100

    def run(self, task: BoundedTask) -> Any:
        """Have the worker run a task, and return its report.

        Raises:
            CancelledError: the attempt was stopped.
            WorkerError: the worker died or stalled.
            FramewatchError: the task failed.
        """
        return self._worker.run(
            self._bounded(task),
            self._on_message,
            self.stop,
            stall_seconds=self.tools.stall_seconds,
            on_wait=self._check_now_and_then,
        )

    def _bounded(self, task: AnyTask) -> AnyTask:
        return task if task.bounds != NO_BOUNDS else task.evolve(bounds=self.bounds)

    def run_command(self, argv: Sequence[str], source: InputFile, *, counts: bool = False) -> None:
        """Run an ffmpeg command that reads `source` and files of the work folder; raises what `run` raises."""
        self.log_command(argv)
        self.run(CommandTask(argv=tuple(argv), inputs=(source,), counts=counts))

    def log_command(self, argv: Sequence[str]) -> None:
        """Log a command that is about to run."""
        self.observer.command_started(shlex.join(argv))

    def helper(self, niceness: int) -> Worker:
        """Return another worker, which runs beside the attempt's own; the caller kills it."""
        return self._worker.helper(niceness)

    def require_running(self) -> None:
        """Return if the attempt may go on; called while something else than the worker is waited for.

        Raises:
            CancelledError: the attempt was stopped.
            FramewatchError: a check failed, such as that of the source.
        """
        if self.stop.is_set():
            raise CancelledError("the work was stopped")
        self._check_now_and_then()

    def check(self) -> None:
        """Check the source, and whatever `also_checking` added, now."""
        for check in self._checks:
            check()

    @contextmanager
    def also_checking(self, check: Callable[[], None]) -> Iterator[None]:
        """While the block runs, call `check` whenever the source is checked."""
        self._checks.append(check)
        try:
            yield
        finally:
            self._checks.pop()

    def device(self) -> DeviceReport:
        """Return the device that the engine will run on.

        Raises:
            EngineMissingError: there is none now.
        """
        report: DeviceReport = self.run(DeviceTask(engine=self.tools.engine, precision=self.tools.precision))
        return report

    def device_share(self, device: DeviceReport, gigabytes: float) -> AbstractContextManager[None]:
        """Return a share of a device; entering it waits for it."""
        self.observer.waiting_for(device.name)
        return self._gate.hold(device, gigabytes, self.stop, self._warn_of_share)

    @contextmanager
    def device_shares(
        self, devices: Sequence[DeviceReport], most: int, gigabytes: float
    ) -> Iterator[list[DeviceReport]]:
        """Hold shares of up to `most` devices that are free now; where none is free, wait for the first.

        A job waits for one device, never for a second.
        """
        free: list[DeviceReport] = []
        with ExitStack() as held:
            for device in devices:
                if len(free) < most and (share := self._gate.try_hold(device, gigabytes, self._warn_of_share)):
                    held.enter_context(share)
                    free.append(device)
            if not free:
                free = [devices[0]]
                held.enter_context(self.device_share(devices[0], gigabytes))
            yield free

    def render(self, tasks: Sequence[RenderTask], on_segment: Callable[[SegmentRendered], None]) -> list[int]:
        """Render on several devices, one task for each.

        Args:
            tasks: the first is for the attempt's own worker.
            on_segment: called, in this thread, for each segment that is rendered.

        Returns:
            The indices of those tasks whose device, which the task names, failed.

        Raises:
            FramewatchError: as `run`; no worker runs its task any longer.
        """
        self._on_segment = on_segment
        others = [task.device for task in tasks[1:] if task.device is not None]
        self._worker.keep_device_workers(others)
        if len(tasks) == 1 and tasks[0].device is None:
            self.run(tasks[0])
            return []
        workers = [self._worker, *map(self._worker.device_worker, others)]

        def warn_of_lost(index: int, error: EngineError) -> None:
            self.warn(error.finding.at(f"device {tasks[index].device}"))

        bounded = [self._bounded(task) for task in tasks]
        pool = WorkerPool(workers, bounded, self.tools.stall_seconds, warn_of_lost)
        pool.run(self._on_message, self.stop, self._check_now_and_then)
        lost = {tasks[index].device for index in pool.lost}
        self._worker.keep_device_workers([device for device in others if device not in lost])
        return pool.lost

    def warn(self, warning: Finding) -> None:
        """Report a warning, once, although several workers may find the same."""
        if warning not in self.warnings:
            self.warnings.append(warning)
            self.observer.warned(warning)

    def _warn_of_share(self, finding: Finding) -> None:
        """Report one such warning: the devices of a job are equal, and so is what there is to say of their shares."""
        if all(warning.code != finding.code for warning in self.warnings):
            self.warn(finding)

    def _on_message(self, message: Any) -> None:
        if isinstance(message, FramesCounted):
            self.observer.progressed(self._tracker.update(message, time.monotonic()))
        elif isinstance(message, SegmentRendered):
            self._on_segment(message)
        elif isinstance(message, EngineOpened):
            self.observer.progressed(self._tracker.engine_opened(message.engine))
        elif isinstance(message, Logged):
            self.observer.logged(message.stage, message.line, message.level)
        elif isinstance(message, Warned):
            self.warn(message.warning)
        self._check_now_and_then()

    def _check_now_and_then(self) -> None:
        if time.monotonic() - self._checked_at > CHECK_SECONDS:
            self._checked_at = time.monotonic()
            self.check()
