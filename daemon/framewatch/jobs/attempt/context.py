"""What the steps of one attempt at a job work with: the worker, the programs, the device, and whoever watches."""

from __future__ import annotations

import shlex
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, Protocol

from framewatch.domain import Progress, Record, StageName
from framewatch.errors import CancelledError, EngineError, Finding
from framewatch.jobs.attempt.progress_tracker import ProgressTracker
from framewatch.jobs.attempt.request import Tools
from framewatch.jobs.attempt.segment_ledger import Entry
from framewatch.jobs.attempt.worker_pool import WorkerPool
from framewatch.render.messages import EngineOpened, FramesCounted, Logged, SegmentRendered, Warned
from framewatch.render.tasks import CommandTask, DeviceReport, DeviceTask, RenderTask
from framewatch.render.worker_client import Worker
from framewatch.upscale.memory_budget import needed_gb

SOURCE_SECONDS = 5.0  # between two looks at the source while a worker is at it
WAIT_SECONDS = 0.1  # between two looks at the stop while something else is waited for


class Observer(Protocol):
    """Who wants to know how the work goes."""

    def progressed(self, progress: Progress) -> None:
        """There are new counts; called a few times a second."""

    def logged(self, stage: StageName, line: str, level: str) -> None:
        """A tool printed a line."""

    def command_started(self, command: str) -> None:
        """A command is about to run."""

    def warned(self, warning: Finding) -> None:
        """Something is worth knowing and did not stop the work."""

    def waits(self, device: str) -> None:
        """A share of this device is asked for; others may have it for long."""

    def resumed(self, kept: int, segments: int) -> None:
        """So many of all segments were rendered by an earlier attempt."""

    def segment_done(self, entry: Entry, segments: int, *, made_progress: bool) -> None:
        """A segment is whole and in the ledger; `made_progress`: it was not there, and struck out as bad, before."""


class Gate(Protocol):
    """Hands out shares of the device that a render runs on."""

    def hold(
        self, device: DeviceReport, gigabytes: float, stop: threading.Event, warn: Callable[[Finding], None]
    ) -> AbstractContextManager[None]:
        """Wait for a share and hold it while the block runs."""

    def try_hold(
        self, device: DeviceReport, gigabytes: float, warn: Callable[[Finding], None]
    ) -> AbstractContextManager[object] | None:
        """A share that is held until the end of its block; None where it would have to be waited for."""


class AttemptContext:
    """One attempt's means; its steps share them."""

    def __init__(
        self,
        worker: Worker,
        tools: Tools,
        gate: Gate,
        observer: Observer,
        stop: threading.Event,
        look: Callable[[], None],
    ) -> None:
        """`look` raises where the source is no longer the file that was taken in."""
        self.tools = tools
        self.observer = observer
        self.stop = stop
        self.look = look
        self.warnings: list[Finding] = []
        self.on_piece: Callable[[SegmentRendered], None] = lambda _: None
        self._worker = worker
        self._gate = gate
        self._tracker = ProgressTracker(total=0)
        self._looked_at = time.monotonic()

    def track(self, frames: int, *, kept: int = 0, seconds: float = 0.0) -> None:
        """Begin to follow `frames` output frames, `kept` of which are done; or a length, where there are none."""
        self._tracker = ProgressTracker(frames, kept=kept, seconds=seconds)

    def track_on(self, kept: int) -> None:
        """Follow the same frames on, of which `kept` are done, while workers begin to count anew."""
        self._tracker.begin_again(kept)

    def do(self, task: Record) -> Any:
        """Have the worker do a task; gives its report.

        Raises:
            CancelledError: the stop was set.
            WorkerError: the worker died or stood still.
            FramewatchError: what the task failed with.
        """
        return self._worker.run(task, self._heard, self.stop, stall_seconds=self.tools.stall_seconds)

    def helper(self, niceness: int) -> Worker:
        """A worker that takes tasks beside the job's own; whoever asks for it kills it."""
        return self._worker.helper(niceness)

    def wait(self, over: Callable[[float], bool]) -> None:
        """Wait for something that runs beside; `over` is asked again and again, and waits for so many seconds itself.

        Raises:
            CancelledError: the stop was set.
            FramewatchError: the source is no longer what it was.
        """
        while not over(WAIT_SECONDS):
            if self.stop.is_set():
                raise CancelledError("the work was stopped")
            self._look_around()

    @property
    def share_done(self) -> float:
        """How much of what is followed is done, 0 to 1."""
        return self._tracker.progress.percent / 100

    @contextmanager
    def looking(self, more: Callable[[], None]) -> Iterator[None]:
        """While the block runs, look at something else besides the source."""
        look = self.look

        def both() -> None:
            look()
            more()

        self.look = both
        try:
            yield
        finally:
            self.look = look

    def command(self, argv: Sequence[str], *, counts: bool = False) -> None:
        """Run an ffmpeg command that reads and writes files."""
        self.say_command(argv)
        self.do(CommandTask(argv=tuple(argv), counts=counts))

    def say_command(self, argv: Sequence[str]) -> None:
        """Put a command into the log."""
        self.observer.command_started(shlex.join(argv))

    def device(self) -> DeviceReport:
        """The device that the engine will run on.

        Raises:
            EngineMissingError: there is none now.
        """
        report: DeviceReport = self.do(DeviceTask(engine=self.tools.engine, precision=self.tools.precision))
        return report

    def share(self, device: DeviceReport, width: int, height: int, scale: int) -> AbstractContextManager[None]:
        """A share of the device that the engine will run on, for frames that come out at this size."""
        self.observer.waits(device.name)
        need = needed_gb(width, height, scale)
        return self._gate.hold(device, need, self.stop, self._warn_of_share)

    @contextmanager
    def shares(
        self, devices: Sequence[DeviceReport], most: int, width: int, height: int, scale: int
    ) -> Iterator[list[DeviceReport]]:
        """Shares of those devices that have room now, at most so many; where none has, the first is waited for."""
        need = needed_gb(width, height, scale)
        free: list[DeviceReport] = []
        with ExitStack() as held:
            for device in devices:
                if len(free) < most and (share := self._gate.try_hold(device, need, self._warn_of_share)):
                    held.enter_context(share)
                    free.append(device)
            if not free:
                free = [devices[0]]
                held.enter_context(self.share(devices[0], width, height, scale))
            yield free

    def render(self, tasks: Sequence[RenderTask]) -> list[int]:
        """Render on several devices, a task for each; gives the places of tasks whose device, by name, failed.

        Raises:
            FramewatchError: as `do`; no worker is at its task any more then.
        """
        names = [task.device or "" for task in tasks]
        self._worker.keep_device_workers(names[1:])
        if names == [""]:
            self.do(tasks[0])
            return []
        workers = [self._worker, *map(self._worker.device_worker, names[1:])]

        def lost(place: int, error: EngineError) -> None:
            self.warn(error.finding.at(f"device {tasks[place].device}"))

        pool = WorkerPool(workers, tasks, self.tools.stall_seconds, lost)
        pool.run(self._heard, self.stop)
        self._worker.keep_device_workers([name for place, name in enumerate(names) if place not in pool.lost])
        return pool.lost

    def _warn_of_share(self, finding: Finding) -> None:
        """Devices that share a job are alike, and so is what is said of their shares: the first stands for all."""
        if all(told.code != finding.code for told in self.warnings):
            self.warn(finding)

    def warn(self, warning: Finding) -> None:
        """Tell something that does not stop the work; once, though several workers may find the very same."""
        if warning not in self.warnings:
            self.warnings.append(warning)
            self.observer.warned(warning)

    def _heard(self, message: Any) -> None:
        if isinstance(message, FramesCounted):
            self.observer.progressed(self._tracker.counted(message, time.monotonic()))
        elif isinstance(message, SegmentRendered):
            self.on_piece(message)
        elif isinstance(message, EngineOpened):
            self.observer.progressed(self._tracker.opened(message.engine))
        elif isinstance(message, Logged):
            self.observer.logged(message.stage, message.line, message.level)
        elif isinstance(message, Warned):
            self.warn(message.warning)
        self._look_around()

    def _look_around(self) -> None:
        if time.monotonic() - self._looked_at > SOURCE_SECONDS:
            self._looked_at = time.monotonic()
            self.look()
