"""What a worker can do: one method a kind of task."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from framewatch.domain import Failure, Record, StageName
from framewatch.errors import EngineError, Finding
from framewatch.media.decode import Decoder
from framewatch.media.ffmpeg import EncodeProgress, Encoder, LogLevel, run_ffmpeg
from framewatch.media.inspect import inspect_output
from framewatch.media.loudness import parse_loudness
from framewatch.media.picture_file import with_picture
from framewatch.media.probe import is_picture, probe
from framewatch.media.scan import scan, stream_spans
from framewatch.media.timing import clipped_lengths, wished_timeline
from framewatch.render.engine import WarmEngine, describe_device, try_engine
from framewatch.render.lane import Lane, Meter, TimedFrame
from framewatch.render.pictures import render_picture
from framewatch.render.spec import (
    CommandReport,
    CommandTask,
    Counted,
    DeviceTask,
    ImageReport,
    ImageTask,
    InspectReport,
    InspectTask,
    Logged,
    MeasureReport,
    MeasureTask,
    Opened,
    ProbeReport,
    ProbeTask,
    RenderReport,
    RenderTask,
    Report,
    TrialTask,
    Warned,
)
from framewatch.render.timedframes import TimedFrames

REPORT_SECONDS = 0.25

Send = Callable[[Record], None]


class Workbench:
    """Does one task at a time and keeps the engine of the last render warm for the next."""

    def __init__(self, send: Send) -> None:
        """`send` takes messages on the way; it is called from several threads."""
        self.send = send
        self.stage: StageName = "decode"
        self._engine = WarmEngine(self._warn)

    def do(self, task: Record) -> Report:
        """Do a task.

        Raises:
            FramewatchError: what it failed with.
        """
        if isinstance(task, ProbeTask):
            return self._probe(task)
        if isinstance(task, DeviceTask):
            return describe_device(task.engine)
        if isinstance(task, TrialTask):
            return try_engine(task.engine)
        if isinstance(task, RenderTask):
            return self._render(task)
        if isinstance(task, ImageTask):
            return self._picture(task)
        if isinstance(task, CommandTask):
            return self._command(task)
        if isinstance(task, MeasureTask):
            return self._measure(task)
        if isinstance(task, InspectTask):
            return self._inspect(task.path)
        raise TypeError(f"no such task: {type(task).__name__}")

    def _probe(self, task: ProbeTask) -> ProbeReport:
        self.stage = "decode"
        source, timing = task.source, task.timing
        info = probe(source)
        if is_picture(info):
            return ProbeReport(info=with_picture(source, info), timeline=None)
        main = info.main_video
        if not task.timeline:
            lengths = clipped_lengths(timing, None, stream_spans(source), info.start)
            return ProbeReport(info=info, timeline=None, lengths=lengths)
        if main is None or main.video is None:
            return ProbeReport(info=info, timeline=None)
        scanned = scan(source, main.index)
        timeline = wished_timeline(timing, scanned, main.video.rate, info.start)
        lengths = clipped_lengths(timing, timeline, scanned.spans, info.start)
        return ProbeReport(info=info, timeline=timeline, lengths=lengths)

    def _render(self, task: RenderTask) -> RenderReport:
        self.stage = "upscale"
        session = self._engine.session(task)
        self.send(Opened(engine=session.name))
        log = self._log("decode")
        decoder = Decoder(
            task.source,
            task.video,
            task.timeline,
            task.segment,
            filters=task.filters,
            deinterlace=task.deinterlace,
            hwaccel=task.hwaccel,
            on_damage=lambda line: log("warning", line),
        )
        frames = (TimedFrame(frame.pixels, frame.repeat) for frame in decoder)
        encoder = Encoder(task.encoder, on_log=self._log("encode"))
        sink = TimedFrames(encoder, task) if task.timeline.times else encoder
        lane = Lane(frames, session.upscale, sink, task.sizing)
        try:
            with _reporting(lambda: self.send(_counts(lane.meter))):
                lane.run()
        except EngineError:
            self._engine.close()  # the device may be lost: the next try opens it anew
            raise
        return RenderReport(
            frames=lane.meter.encoded,
            upscaled=lane.meter.distinct,
            damaged=decoder.damaged,
            engine=session.name,
            busy_seconds=lane.meter.busy,
        )

    def _picture(self, task: ImageTask) -> ImageReport:
        self.stage = "upscale"
        session = self._engine.session(task) if task.scale > 1 else None
        if session is not None:
            self.send(Opened(engine=session.name))
        return render_picture(task, session, self.send, self._log("encode"))

    def _command(self, task: CommandTask) -> CommandReport:
        self.stage = "encode"
        begun = time.monotonic()

        def counted(progress: EncodeProgress) -> None:
            count = progress.frames
            self.send(Counted(stage="encode", decoded=count, upscaled=count, encoded=count, seconds=progress.seconds))

        run_ffmpeg(task.argv, on_log=self._log("encode"), on_progress=counted if task.counts else None)
        return CommandReport(seconds=time.monotonic() - begun)

    def _measure(self, task: MeasureTask) -> MeasureReport:
        self.stage = "decode"
        lines: list[str] = []
        log = self._log("decode")

        def heard(level: LogLevel, line: str) -> None:
            lines.append(line)
            if level in ("warning", "error"):
                log(level, line)

        run_ffmpeg(task.argv, on_log=heard)
        return MeasureReport(loudness=parse_loudness(lines))

    def _inspect(self, path: Path) -> InspectReport:
        self.stage = "encode"
        return InspectReport(inspection=inspect_output(path))

    def _warn(self, finding: Finding) -> None:
        self.send(Warned(warning=Failure.of(finding)))

    def _log(self, stage: StageName) -> Callable[[str, str], None]:
        def log(level: str, line: str) -> None:
            self.send(Logged.model_validate({"stage": stage, "line": line, "level": level}))

        return log


def _counts(meter: Meter) -> Counted:
    return Counted(stage=meter.stage, decoded=meter.decoded, upscaled=meter.upscaled, encoded=meter.encoded)


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
