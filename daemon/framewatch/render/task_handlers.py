"""What a worker does for each kind of task."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from framewatch.domain import Record, StageName
from framewatch.errors import Finding
from framewatch.media import process_bounds
from framewatch.media.decode.decoder import VideoSource
from framewatch.media.decode.frame_messages import FilmMessages, put_messages
from framewatch.media.decode.output_inspection import inspect_output
from framewatch.media.ffmpeg.process import EncodeProgress, LogLevel, run_ffmpeg
from framewatch.media.filters.loudness import parse_loudness
from framewatch.media.heartbeat import Heartbeat
from framewatch.media.iso_files.sample_entry import put_into
from framewatch.media.probe.probe import probe
from framewatch.media.probe.safe_open import has_hwaccel
from framewatch.render.image_renderer import render_image
from framewatch.render.messages import Alive, FramesCounted, Send, Warned, stage_log
from framewatch.render.probing.file_report import report_on
from framewatch.render.segment_renderer import SegmentRenderer
from framewatch.render.tasks import (
    AttachReport,
    AttachTask,
    BoundedTask,
    CommandReport,
    CommandTask,
    DeviceReport,
    DeviceTask,
    ImageReport,
    ImageTask,
    InspectReport,
    InspectTask,
    LengthReport,
    LengthTask,
    MeasureReport,
    MeasureTask,
    ProbeReport,
    ProbeTask,
    RenderReport,
    RenderTask,
    Report,
    TrialReport,
    TrialTask,
)
from framewatch.render.warm_engine import WarmEngine, describe_device, try_engine
from framewatch.storage.os_errors import storage_faults
from framewatch.upscale.engine import Engine, Session
from framewatch.upscale.selection import ENGINES

REPORT_SECONDS = 0.25  # between two reports of progress


class RenderHandlers:
    """Runs one task at a time, and keeps the engine of the last render warm for the next."""

    def __init__(self, send: Send, engines: Mapping[str, Engine] = ENGINES) -> None:
        """`send` takes messages on the way; it is called from several threads."""
        self.send = send
        self.stage: StageName = "decode"
        self._engine = WarmEngine(send, engines)
        self._heartbeat = Heartbeat()
        self._last_count = 0
        self._handlers: dict[type[Record], Callable[[Any], Report]] = {
            ProbeTask: self._probe,
            LengthTask: self._length,
            DeviceTask: self._describe_device,
            TrialTask: self._try_engine,
            RenderTask: self._render,
            AttachTask: self._attach,
            ImageTask: self._render_image,
            CommandTask: self._run_command,
            MeasureTask: self._measure_loudness,
            InspectTask: self._inspect,
        }

    def run(self, task: BoundedTask) -> Report:
        """Run a task and return its report; while it makes progress, `Alive` is sent a few times a second.

        Raises:
            FramewatchError: the task failed.
        """
        self._make_room(task)
        process_bounds.begin(task.bounds)
        with _periodically(self._report_alive):
            return self._handlers[type(task)](task)

    def _make_room(self, task: BoundedTask) -> None:
        """Close the engine of the last render where it would take most of what a task that needs none may use."""
        bound = None if task.bounds.beyond_held else task.bounds.worker
        if bound and not isinstance(task, RenderTask | ImageTask) and process_bounds.held() > bound // 2:
            self._engine.close()

    def _probe(self, task: ProbeTask) -> ProbeReport:
        self.stage = "decode"
        return report_on(task, self._heartbeat)

    def _length(self, task: LengthTask) -> LengthReport:
        self.stage = "decode"
        return LengthReport(seconds=probe(task.source, task.limits, self._heartbeat).duration)

    def _describe_device(self, task: DeviceTask) -> DeviceReport:
        return describe_device(task.engine, task.precision)

    def _try_engine(self, task: TrialTask) -> TrialReport:
        return try_engine(task.engine, task.precision)

    def _render(self, task: RenderTask) -> RenderReport:
        self.stage = "upscale"
        begun = time.monotonic()
        if task.hwaccel and task.hwaccel_is_guessed and not has_hwaccel(task.hwaccel):
            message = f"hw_decode: {task.hwaccel} does not work here; decoding on the CPU instead"
            self.send(Warned(warning=Finding("decode.no_hardware", message, "leave hw_decode out", "hw_decode")))
            task = task.evolve(hwaccel=None)
        renderer = SegmentRenderer(task, self.send, self._heartbeat)
        with _periodically(lambda: self.send(renderer.counts())):
            # Where the first engine is stopped, the next one continues: finished segments are kept.
            engine = self._engine.run(task, renderer.run)
        return RenderReport(engine=engine, seconds=time.monotonic() - begun, busy_seconds=renderer.busy)

    def _attach(self, task: AttachTask) -> AttachReport:
        self.stage = "encode"
        if task.boxes:
            with storage_faults(task.path):
                put_into(task.path, bytes.fromhex(task.boxes))
        if task.messages is None:
            return AttachReport(lost=0)
        source = VideoSource(task.source, task.video, task.timeline, task.seekable)
        messages = FilmMessages(source, task.segments, task.messages, self._heartbeat)
        with storage_faults(task.path):
            put_messages(task.path, messages, self._heartbeat)
        return AttachReport(lost=messages.lost)

    def _render_image(self, task: ImageTask) -> ImageReport:
        self.stage = "upscale"

        def render(session: Session | None) -> ImageReport:
            return render_image(task, session, self.send, self._heartbeat)

        return render(None) if task.scale == 1 else self._engine.run(task, render)

    def _run_command(self, task: CommandTask) -> CommandReport:
        self.stage = "encode"
        begun = time.monotonic()

        def report(progress: EncodeProgress) -> None:
            frames = progress.frames
            self.send(
                FramesCounted(
                    stage="encode", decoded=frames, upscaled=frames, encoded=frames, seconds=progress.seconds
                )
            )

        on_progress = report if task.counts else None
        log = stage_log(self.send, "encode")
        run_ffmpeg(task.argv, task.inputs, on_log=log, on_progress=on_progress, beat=self._heartbeat)
        return CommandReport(seconds=time.monotonic() - begun)

    def _measure_loudness(self, task: MeasureTask) -> MeasureReport:
        self.stage = "decode"
        lines: list[str] = []
        log = stage_log(self.send, "decode")

        def collect(level: LogLevel, line: str) -> None:
            lines.append(line)
            if level in ("warning", "error"):
                log(level, line)

        run_ffmpeg(task.argv, task.inputs, on_log=collect, beat=self._heartbeat)
        return MeasureReport(loudness=parse_loudness(lines))

    def _inspect(self, task: InspectTask) -> InspectReport:
        self.stage = "encode"
        inspection = inspect_output(task.path, self._heartbeat, task.threads, decode=task.decode, groups=task.groups)
        return InspectReport(inspection=inspection)

    def _report_alive(self) -> None:
        count = self._heartbeat.beats + self._engine.computed
        if count != self._last_count:
            self._last_count = count
            self.send(Alive(count=count))


@contextmanager
def _periodically(report: Callable[[], None]) -> Iterator[None]:
    """Call `report` every `REPORT_SECONDS` from a thread while the block runs, and once at its end."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(REPORT_SECONDS):
            report()

    reporter = threading.Thread(target=repeat, name="reporter", daemon=True)
    reporter.start()
    try:
        yield
    finally:
        ended.set()
        reporter.join()
        report()
