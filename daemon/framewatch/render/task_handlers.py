"""What a worker can do: one method a kind of task."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from framewatch.domain import Record, StageName
from framewatch.errors import Finding, MediaError
from framewatch.media.decode.image_file import with_image_details
from framewatch.media.decode.output_inspection import inspect_output
from framewatch.media.ffmpeg.process import EncodeProgress, LogLevel, run_ffmpeg
from framewatch.media.filters.loudness import parse_loudness
from framewatch.media.heartbeat import Heartbeat
from framewatch.media.limits import check_length, check_spans
from framewatch.media.plan.avi_timestamps import stamps_of
from framewatch.media.plan.requested_timeline import clipped_lengths, wished_timeline
from framewatch.media.plan.segments import plan_segments
from framewatch.media.probe.file_kind import is_image
from framewatch.media.probe.packet_scan import scan, stream_spans
from framewatch.media.probe.probe import probe
from framewatch.media.probe.safe_open import has_hwaccel
from framewatch.render.image_renderer import render_picture
from framewatch.render.messages import Alive, Counted, Logged, Opened, Warned
from framewatch.render.segment_renderer import Pieces
from framewatch.render.tasks import (
    CommandReport,
    CommandTask,
    DeviceTask,
    ImageReport,
    ImageTask,
    InspectReport,
    InspectTask,
    MeasureReport,
    MeasureTask,
    ProbeReport,
    ProbeTask,
    RenderReport,
    RenderTask,
    Report,
    TrialTask,
)
from framewatch.render.warm_engine import WarmEngine, describe_device, try_engine
from framewatch.upscale.engine import Session

REPORT_SECONDS = 0.25

Send = Callable[[Record], None]


class Workbench:
    """Does one task at a time and keeps the engine of the last render warm for the next."""

    def __init__(self, send: Send) -> None:
        """`send` takes messages on the way; it is called from several threads."""
        self.send = send
        self.stage: StageName = "decode"
        self._engine = WarmEngine(self._warn)
        self._pulse = Heartbeat()
        self._session: Session | None = None  # which the task at hand uses
        self._told = 0

    def do(self, task: Record) -> Report:
        """Do a task; as long as it gets on, an `Alive` says so again and again.

        Raises:
            FramewatchError: what it failed with.
        """
        self._session = None
        with _reporting(self._tell_alive):
            return self._done(task)

    def _done(self, task: Record) -> Report:
        if isinstance(task, ProbeTask):
            return self._probe(task)
        if isinstance(task, DeviceTask):
            return describe_device(task.engine, task.precision)
        if isinstance(task, TrialTask):
            return try_engine(task.engine, task.precision)
        if isinstance(task, RenderTask):
            return self._render(task)
        if isinstance(task, ImageTask):
            return self._picture(task)
        if isinstance(task, CommandTask):
            return self._command(task)
        if isinstance(task, MeasureTask):
            return self._measure(task)
        if isinstance(task, InspectTask):
            return self._inspect(task)
        raise TypeError(f"no such task: {type(task).__name__}")

    def _probe(self, task: ProbeTask) -> ProbeReport:
        self.stage = "decode"
        source, timing = task.source, task.timing
        info = probe(source, task.limits, self._pulse)
        if is_image(info):
            return ProbeReport(info=with_image_details(source, info, self._pulse), timeline=None)
        main = info.main_video
        if not task.timeline:
            spans = stream_spans(source, self._pulse)
            whole = {index: float(end - begin) for index, (begin, end) in spans.items()}
            if task.limits and (findings := check_spans(whole, info, task.limits)):
                raise MediaError.of(findings)
            lengths = clipped_lengths(timing, None, spans, info.start)
            return ProbeReport(info=info, timeline=None, lengths=lengths)
        if main is None or main.video is None:
            return ProbeReport(info=info, timeline=None)
        scanned = scan(source, main.index, self._pulse)
        timeline = wished_timeline(timing, scanned, main.video.rate, info.start)
        if task.limits and (findings := check_length(timeline.duration, task.limits)):
            raise MediaError.of(findings)
        lengths = clipped_lengths(timing, timeline, scanned.spans, info.start)
        cut = plan_segments(timeline, scanned.pts, scanned.keyframes, task.segmenting, seekable=scanned.seekable)
        return ProbeReport(
            info=info, timeline=timeline, lengths=lengths, stamps=stamps_of(scanned), segments=cut,
            seekable=scanned.seekable,
        )  # fmt: skip

    def _render(self, task: RenderTask) -> RenderReport:
        self.stage = "upscale"
        begun = time.monotonic()
        if task.hwaccel and task.hwaccel_is_guessed and not has_hwaccel(task.hwaccel):
            message = f"hw_decode: {task.hwaccel} does not decode here; the processor does"
            self._warn(Finding("decode.no_hardware", message, "leave hw_decode out", "hw_decode"))
            task = task.evolve(hwaccel="")
        work = Pieces(task, self.send, self._log, self._pulse)

        def render(session: Session) -> str:
            self._open(session)
            work.run(session)  # where an earlier engine was stopped, its finished pieces are kept
            return session.name

        with _reporting(lambda: self.send(work.counts())):
            engine = self._engine.work(task, render)
        return RenderReport(engine=engine, seconds=time.monotonic() - begun, busy_seconds=work.busy)

    def _picture(self, task: ImageTask) -> ImageReport:
        self.stage = "upscale"
        if task.scale == 1:
            return render_picture(task, None, self.send, self._log("encode"), self._pulse)

        def render(session: Session) -> ImageReport:
            self._open(session)
            return render_picture(task, session, self.send, self._log("encode"), self._pulse)

        return self._engine.work(task, render)

    def _command(self, task: CommandTask) -> CommandReport:
        self.stage = "encode"
        begun = time.monotonic()

        def counted(progress: EncodeProgress) -> None:
            count = progress.frames
            self.send(Counted(stage="encode", decoded=count, upscaled=count, encoded=count, seconds=progress.seconds))

        told = counted if task.counts else None
        run_ffmpeg(task.argv, on_log=self._log("encode"), on_progress=told, beat=self._pulse)
        return CommandReport(seconds=time.monotonic() - begun)

    def _measure(self, task: MeasureTask) -> MeasureReport:
        self.stage = "decode"
        lines: list[str] = []
        log = self._log("decode")

        def heard(level: LogLevel, line: str) -> None:
            lines.append(line)
            if level in ("warning", "error"):
                log(level, line)

        run_ffmpeg(task.argv, on_log=heard, beat=self._pulse)
        return MeasureReport(loudness=parse_loudness(lines))

    def _inspect(self, task: InspectTask) -> InspectReport:
        self.stage = "encode"
        found = inspect_output(task.path, self._pulse, task.threads, decode=task.decode, groups=task.groups)
        return InspectReport(inspection=found)

    def _open(self, session: Session) -> None:
        self._session = session
        self.send(Opened(engine=session.name))

    def _tell_alive(self) -> None:
        session = self._session
        count = self._pulse.beats + (session.computed if session else 0)
        if count != self._told:
            self._told = count
            self.send(Alive(count=count))

    def _warn(self, finding: Finding) -> None:
        self.send(Warned(warning=finding))

    def _log(self, stage: StageName) -> Callable[[str, str], None]:
        def log(level: str, line: str) -> None:
            self.send(Logged.model_validate({"stage": stage, "line": line, "level": level}))

        return log


@contextmanager
def _reporting(report: Callable[[], None]) -> Iterator[None]:
    """Calls `report` a few times a second from a thread of its own, and once at the end."""
    over = threading.Event()

    def tell() -> None:
        while not over.wait(REPORT_SECONDS):
            report()

    teller = threading.Thread(target=tell, name="reporter", daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()
        report()
