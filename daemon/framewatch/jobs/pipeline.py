"""One file from probe to verified result: probe, decide, render, mux, verify.

The steps that touch media are done by a worker process; deciding and comparing are done here. The result lies in the
work folder: putting it in its place is publishing, which comes after.
"""

from __future__ import annotations

import shlex
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from framewatch.domain import Failure, Progress, Record, Segment, StageName
from framewatch.errors import Finding, RuleError, VerificationError, WorkerError
from framewatch.jobs.order import Order, Rendered, Skipped, Tools
from framewatch.jobs.pictures import compare_picture, decide_picture, image_task
from framewatch.jobs.progress import Tracker
from framewatch.jobs.remarks import damaged_frames, silent_track
from framewatch.jobs.verify import compare
from framewatch.media import commands
from framewatch.media.burn import locate
from framewatch.media.chain import deinterlace_filters, source_filters
from framewatch.media.conditions import choose
from framewatch.media.containers import rules
from framewatch.media.image_plan import image_command
from framewatch.media.image_rules import is_image_preset
from framewatch.media.loudness import Loudness
from framewatch.media.plan import Plan, make_plan
from framewatch.media.preset import Preset
from framewatch.media.probe import require_video
from framewatch.media.rules import check_preset, check_tools
from framewatch.media.timing import timing_wish
from framewatch.render.client import Worker
from framewatch.render.spec import (
    CommandTask,
    Counted,
    DeviceReport,
    DeviceTask,
    ImageReport,
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
    Sizing,
    Warned,
)
from framewatch.upscale.cpu import cores
from framewatch.upscale.vram import needed_gb, stages


class Observer(Protocol):
    """Who wants to know how the work goes."""

    def progressed(self, progress: Progress) -> None:
        """There are new counts; called a few times a second."""

    def logged(self, stage: StageName, line: str, level: str) -> None:
        """A tool said something, or is about to be run."""

    def warned(self, warning: Failure) -> None:
        """Something is worth knowing and did not stop the work."""

    def waits(self, device: str) -> None:
        """A share of this device is asked for; others may have it for long."""


class Gate(Protocol):
    """Hands out shares of the device that a render runs on."""

    def hold(
        self, device: DeviceReport, gigabytes: float, stop: threading.Event, warn: Callable[[Finding], None]
    ) -> AbstractContextManager[None]:
        """Wait for a share and hold it while the block runs."""


class Pipeline:
    """Makes one `Order` into a `Rendered`, on one worker."""

    def __init__(self, worker: Worker, tools: Tools, gate: Gate, observer: Observer, stop: threading.Event) -> None:
        self._worker = worker
        self._tools = tools
        self._gate = gate
        self._observer = observer
        self._stop = stop
        self._tracker = Tracker(total=0)
        self._warnings: list[Failure] = []

    def run(self, order: Order) -> Rendered | Skipped:
        """Do all of it, if the preset is for this file.

        Raises:
            FramewatchError: what failed, with all findings; its remedy says whether another try makes sense.
        """
        _require_cut(order.preset)
        probed = self.probe(order)
        choice = choose(order.preset, probed.info)
        if choice.preset is None:
            return Skipped(reasons=tuple(Failure.of(reason) for reason in choice.reasons))
        if choice.preset is not order.preset:
            order = order.evolve(preset=choice.preset)
            probed = self.probe(order)  # whose cut and rate may be others
        if is_image_preset(choice.preset):
            return self._picture(order, probed)
        plan = decide(order, probed, self._tools)
        self._warnings.extend(plan.warnings)
        self._tracker = Tracker(plan.frames, seconds=0.0 if plan.has_video else plan.expected.duration)
        result = order.work / f"result.{plan.extension}"
        engine = None
        for argv in commands.cover_commands(plan, self._tools.ffmpeg, order.source, result):
            self._command(argv)
        for argv in commands.burn_commands(plan, self._tools.ffmpeg, result):
            self._command(argv)
        if plan.mode == "upscale":
            engine = self._upscale(order.source, plan, probed, result)
        else:
            plan = self._measured(order.source, plan)
            self._command(commands.transcode_command(plan, self._tools.ffmpeg, order.source, result), counts=True)
        self._verify(plan, probed, result)
        return Rendered(result=result, plan=plan, engine=engine, frames=plan.frames, warnings=tuple(self._warnings))

    def probe(self, order: Order) -> ProbeReport:
        """What the file is, and when each of its frames is to be shown, where they matter."""
        timeline = not rules().containers[order.preset.container].audio_only
        task = ProbeTask(source=order.source, timeline=timeline, timing=timing_wish(order.preset))
        report: ProbeReport = self._do(task)
        return report

    def _measured(self, source: Path, plan: Plan) -> Plan:
        """The plan with the loudness of each track that is normalized."""
        found: dict[int, Loudness | None] = {}
        for index, argv in commands.measure_commands(plan, self._tools.ffmpeg, source).items():
            self._say_command(argv)
            report: MeasureReport = self._do(MeasureTask(argv=tuple(argv)))
            found[index] = report.loudness
            if report.loudness is None:
                self._warn(silent_track(index))
        return plan.with_loudness(found)

    def _picture(self, order: Order, probed: ProbeReport) -> Rendered:
        plan = decide_picture(order.preset, order.preset_name, probed.info, self._tools.encoders)
        self._warnings.extend(plan.warnings)
        self._tracker = Tracker(plan.frames)
        result = order.work / f"result.{plan.extension}"
        argv = image_command(plan, self._tools.ffmpeg, result)
        task = image_task(plan, order.source, argv, self._tools.engine)
        if plan.scale == 1:
            self._say_command(argv)
            report: ImageReport = self._do(task)
        else:
            with self._share(plan.width, plan.height, plan.scale):
                self._say_command(argv)
                report = self._do(task)
        findings = compare_picture(plan, self._do(ProbeTask(source=result)).info)
        if findings:
            raise VerificationError.of(findings)
        return Rendered(
            result=result, plan=plan, engine=report.engine, frames=plan.frames, warnings=tuple(self._warnings)
        )

    def _share(self, width: int, height: int, scale: int) -> AbstractContextManager[None]:
        """A share of the device that the engine will run on, for frames that come out at this size."""
        device: DeviceReport = self._do(DeviceTask(engine=self._tools.engine))
        self._observer.waits(device.name)
        need = needed_gb(width, height, scale)
        return self._gate.hold(device, need, self._stop, lambda finding: self._warn(Failure.of(finding)))

    def _upscale(self, source: Path, plan: Plan, probed: ProbeReport, result: Path) -> str:
        ffmpeg = self._tools.ffmpeg
        self._rehearse(source, plan, result.with_name(f"rehearsal.{plan.extension}"))
        plan = self._measured(source, plan)
        piece = result.with_name(f"piece-00000.{commands.piece_extension(plan)}")
        with self._share(plan.frame_width, plan.frame_height, plan.scale):
            report = self._render(source, plan, probed, piece)
        if report.damaged:
            self._warn(damaged_frames(report.damaged))
        self._command(commands.mux_command(plan, ffmpeg, [piece], source, result))
        piece.unlink()
        return report.engine

    def _rehearse(self, source: Path, plan: Plan, out: Path) -> None:
        """Let the encoder and the container refuse now what they would refuse after hours of work."""
        # Loudness is left out: within the first second there may be nothing but silence, which has none.
        unmeasured = plan.with_loudness({track.index: None for track in plan.of_kind("audio")})
        try:
            self._command(commands.rehearsal_command(unmeasured, self._tools.ffmpeg, source, out))
        except WorkerError as error:
            if error.finding.code != "ffmpeg.failed":
                raise
            added = "look at extra_encoder_args, or " if plan.preset.extra_encoder_args else ""
            hint = error.finding.hint or f"{added}choose another video_codec, audio_codec or container"
            raise RuleError(error.finding.message, code="encoder.refused", hint=hint) from None
        out.unlink()

    def _render(self, source: Path, plan: Plan, probed: ProbeReport, piece: Path) -> RenderReport:
        argv = commands.piece_command(plan, self._tools.ffmpeg, piece)
        self._say_command(argv)
        sizes = stages(plan.frame_width, plan.frame_height, cores())
        task = RenderTask(
            source=source,
            video=probed.info.main_video,
            timeline=probed.timeline,
            segment=Segment(
                number=0,
                first_pts=probed.timeline.origin if plan.cut and probed.timeline else None,
                end_pts=None,
                first_frame=0,
                frames=plan.frames,
            ),
            scale=plan.scale,
            width=plan.decoded_width,
            height=plan.decoded_height,
            working_format=plan.working_format,
            hwaccel=plan.hwaccel,
            deinterlace=deinterlace_filters(plan.preset),
            filters=source_filters(plan.preset),
            encoder=tuple(argv),
            engine=self._tools.engine,
            sizing=Sizing(load=sizes.load, proc=sizes.proc, save=sizes.save),
        )
        report: RenderReport = self._do(task)
        return report

    def _verify(self, plan: Plan, probed: ProbeReport, result: Path) -> None:
        report: InspectReport = self._do(InspectTask(path=result))
        audio = [probed.lengths.get(stream.index) for stream in plan.of_kind("audio")]
        findings = compare(plan.expected, report.inspection, audio)
        if findings:
            raise VerificationError.of(findings)

    def _command(self, argv: Sequence[str], *, counts: bool = False) -> None:
        self._say_command(argv)
        self._do(CommandTask(argv=tuple(argv), counts=counts))

    def _say_command(self, argv: Sequence[str]) -> None:
        self._observer.logged("encode", shlex.join(argv), "command")

    def _do(self, task: Record) -> Any:
        return self._worker.run(task, self._heard, self._stop)

    def _heard(self, message: Any) -> None:
        if isinstance(message, Counted):
            self._observer.progressed(self._tracker.counted(message, time.monotonic()))
        elif isinstance(message, Opened):
            self._observer.progressed(self._tracker.opened(message.engine))
        elif isinstance(message, Logged):
            self._observer.logged(message.stage, message.line, message.level)
        elif isinstance(message, Warned):
            self._warn(message.warning)

    def _warn(self, warning: Failure) -> None:
        self._warnings.append(warning)
        self._observer.warned(warning)


def decide(order: Order, probed: ProbeReport, tools: Tools) -> Plan:
    """The plan for a probed file.

    Raises:
        MediaError: there is no video in it, but sound or a picture, and a video is wanted.
        RuleError: with everything that does not fit: preset, file and this machine's encoders.
    """
    if not rules().containers[order.preset.container].audio_only:
        require_video(probed.info)
    burned, wrong = locate(order.preset, order.source)
    missing = [*wrong, *check_tools(order.preset, tools.encoders, tools.hwaccels)]
    preset = order.preset.evolve(subtitle_burn_path=str(burned)) if burned else order.preset
    try:
        plan = make_plan(preset, order.preset_name, probed.info, probed.timeline)
    except RuleError as error:
        raise RuleError.of([*error.findings, *missing]) from None
    if missing:
        raise RuleError.of(missing)
    return plan


def _require_cut(preset: Preset) -> None:
    """A cut that cannot be is told with all else that is wrong, before it is looked for in the file."""
    findings = check_preset(preset)
    if any(finding.code.startswith("time.") for finding in findings):
        raise RuleError.of(findings)
