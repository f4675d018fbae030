"""One file from probe to verified result: probe, decide, render, mux, verify.

The steps that touch media are done by a worker process; deciding and comparing are done here. The result lies in the
work folder: putting it in its place is publishing, which comes after.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from framewatch.errors import MediaError, RuleError, VerificationError
from framewatch.jobs.attempt.context import AttemptContext, Gate, Observer
from framewatch.jobs.attempt.disk_forecast import require_room_for, require_room_left
from framewatch.jobs.attempt.image_job import compare_image, image_task, plan_image
from framewatch.jobs.attempt.join_proof import completed, groups_of
from framewatch.jobs.attempt.prerequisites import require_prerequisites
from framewatch.jobs.attempt.request import AttemptRequest, Rendered, Skipped, Tools
from framewatch.jobs.attempt.segmented_render import SegmentedRender
from framewatch.jobs.attempt.verify import compare, silent_track_warning
from framewatch.jobs.work_folder import clear
from framewatch.media.commands import commands
from framewatch.media.commands.image_command import image_command
from framewatch.media.containers import rules
from framewatch.media.decode.output_inspection import Inspection
from framewatch.media.filters.loudness import Loudness
from framewatch.media.filters.video_effects import remembered_frames
from framewatch.media.plan.plan import Plan, make_plan
from framewatch.media.plan.requested_timeline import timing_wish
from framewatch.media.plan.segments import Segmenting
from framewatch.media.preset.preset import Preset
from framewatch.media.preset.selection import choose_preset
from framewatch.media.preset.subtitle_file import find_subtitle_file
from framewatch.media.probe.file_kind import require_video
from framewatch.media.rules.image_rules import is_image_preset
from framewatch.media.rules.preset_rules import check_preset, check_tools
from framewatch.render.tasks import (
    ImageReport,
    InspectReport,
    InspectTask,
    MeasureReport,
    MeasureTask,
    ProbeReport,
    ProbeTask,
)
from framewatch.render.worker_client import Worker
from framewatch.storage.os_errors import storage_faults

_HINT = "the source was not touched; look into the log for what ffmpeg said"


class Pipeline:
    """Makes one `AttemptRequest` into a `Rendered`, on one worker."""

    def __init__(
        self,
        worker: Worker,
        tools: Tools,
        gate: Gate,
        observer: Observer,
        stop: threading.Event,
        look: Callable[[], None] = lambda: None,
    ) -> None:
        """`look` raises where the source is no longer the file that was taken in; it is called again and again."""
        self._tools = tools
        self._context = AttemptContext(worker, tools, gate, observer, stop, look)

    def run(self, order: AttemptRequest) -> Rendered | Skipped:
        """Do all of it, if the preset is for this file.

        Raises:
            FramewatchError: what failed, with all findings; its remedy says whether another try makes sense.
        """
        _require_cut(order.preset)
        require_prerequisites(order.preset, self._tools.ffmpeg, self._tools.precision)
        if all(each.upscales for each in order.preset.variants):
            self._context.device()
        probed = self.probe(order)
        choice = choose_preset(order.preset, probed.info)
        if choice.preset is None:
            return Skipped(reasons=tuple(choice.reasons))
        if choice.preset is not order.preset:
            order = order.evolve(preset=choice.preset)
            probed = self.probe(order)  # whose cut and rate may be others
        if is_image_preset(choice.preset):
            return self._picture(order, probed)
        plan = decide(order, probed, self._tools)
        self._context.warnings.extend(plan.warnings)
        result = order.work / f"result.{plan.extension}"
        engine = self._upscale(order, plan, probed, result) if plan.mode == "upscale" else None
        if engine is None:
            self._transcode(order, plan, probed, result)
        return Rendered(
            result=result, plan=plan, engine=engine, frames=plan.frames, warnings=tuple(self._context.warnings)
        )

    def probe(self, order: AttemptRequest) -> ProbeReport:
        """What the file is, and when each of its frames is to be shown, where they matter."""
        preset = order.preset
        task = ProbeTask(
            source=order.source,
            timeline=not rules().containers[preset.container].audio_only,
            timing=timing_wish(preset),
            limits=self._tools.limits,
            segmenting=Segmenting(seconds=self._tools.segment_seconds, lead=remembered_frames(preset)),
        )
        report: ProbeReport = self._context.do(task)
        return report

    def _upscale(self, order: AttemptRequest, plan: Plan, probed: ProbeReport, result: Path) -> str:
        segmented = SegmentedRender(self._context, order, plan, probed)
        segmented.require_room()
        self._prepare(order.source, plan, result)
        if not segmented.begun:
            segmented.rehearse()
        plan = self._measured(order.source, plan)
        engine = segmented.render()
        segmented.join(plan, result)
        try:
            self._verify(plan, probed, result, segmented.pieces)
        except VerificationError:
            segmented.drop_bad()
            raise
        return engine

    def _transcode(self, order: AttemptRequest, plan: Plan, probed: ProbeReport, result: Path) -> None:
        self._context.track(plan.frames, seconds=0.0 if plan.has_video else plan.expected.duration)
        with storage_faults(order.work):
            clear(order.work)
        require_room_for(plan, order.source, probed.info.size, order.places)
        self._prepare(order.source, plan, result)
        plan = self._measured(order.source, plan)
        argv = commands.transcode_command(plan, self._tools.ffmpeg, order.source, result)
        with self._context.looking(lambda: require_room_left(result, self._context.share_done, order.places)):
            self._context.command(argv, counts=True)
        self._verify(plan, probed, result)

    def _prepare(self, source: Path, plan: Plan, result: Path) -> None:
        """Lay what the commands read beside the result: covers, and the script of burned subtitles."""
        ffmpeg = self._tools.ffmpeg
        for argv in commands.cover_commands(plan, ffmpeg, source, result):
            self._context.command(argv)
        for argv in commands.burn_commands(plan, ffmpeg, result):
            self._context.command(argv)

    def _measured(self, source: Path, plan: Plan) -> Plan:
        """The plan with the loudness of each track that is normalized."""
        found: dict[int, Loudness | None] = {}
        for index, argv in commands.measure_commands(plan, self._tools.ffmpeg, source).items():
            self._context.say_command(argv)
            report: MeasureReport = self._context.do(MeasureTask(argv=tuple(argv)))
            found[index] = report.loudness
            if report.loudness is None:
                self._context.warn(silent_track_warning(index))
        return plan.with_loudness(found)

    def _picture(self, order: AttemptRequest, probed: ProbeReport) -> Rendered:
        plan = plan_image(order.preset, order.preset_name, probed.info, self._tools.encoders)
        self._context.warnings.extend(plan.warnings)
        self._context.track(plan.frames)
        with storage_faults(order.work):
            clear(order.work)
        result = order.work / f"result.{plan.extension}"
        argv = image_command(plan, self._tools.ffmpeg, result)
        task = image_task(plan, order.source, argv, self._tools)
        if plan.scale == 1:
            self._context.say_command(argv)
            report: ImageReport = self._context.do(task)
        else:
            with self._context.share(self._context.device(), plan.width, plan.height, plan.scale):
                self._context.say_command(argv)
                report = self._context.do(task)
        findings = compare_image(plan, self._context.do(ProbeTask(source=result)).info)
        if findings:
            raise VerificationError.of(findings)
        return Rendered(
            result=result, plan=plan, engine=report.engine, frames=plan.frames, warnings=tuple(self._context.warnings)
        )

    def _verify(self, plan: Plan, probed: ProbeReport, result: Path, pieces: Sequence[Inspection] = ()) -> None:
        found = self._inspected(result, pieces)
        audio = [probed.lengths.get(stream.index) for stream in plan.of_kind("audio")]
        findings = compare(plan.expected, found, audio)
        if findings:
            raise VerificationError.of(findings)

    def _inspected(self, result: Path, pieces: Sequence[Inspection]) -> Inspection:
        """What is in the result. Where it cannot be read, that is no fault of the source, nor of a disk.

        Its video was decoded already where it holds, byte for byte, what `pieces` hold; else it is decoded now.
        """
        if result.parent.is_dir() and not result.exists():
            raise VerificationError("ffmpeg ended well and made no file", code="verify.missing", hint=_HINT)
        try:
            if pieces:
                task = InspectTask(path=result, decode=False, groups=groups_of(pieces))
                read: InspectReport = self._context.do(task)
                if (whole := completed(read.inspection, pieces)) is not None:
                    return whole
            report: InspectReport = self._context.do(InspectTask(path=result))
        except MediaError as error:
            message = f"the finished file cannot be read: {error.finding.message}"
            raise VerificationError(message, code="verify.unreadable", hint=_HINT) from None
        return report.inspection


def decide(order: AttemptRequest, probed: ProbeReport, tools: Tools) -> Plan:
    """The plan for a probed file.

    Raises:
        MediaError: there is no video in it, but sound or a picture, and a video is wanted.
        RuleError: with everything that does not fit: preset, file and this machine's encoders.
    """
    if not rules().containers[order.preset.container].audio_only:
        require_video(probed.info)
    burned, wrong = find_subtitle_file(order.preset, order.source)
    missing = [*wrong, *check_tools(order.preset, tools.encoders, tools.hwaccels)]
    preset = order.preset.evolve(subtitle_burn_path=str(burned)) if burned else order.preset
    try:
        plan = make_plan(preset, order.preset_name, probed.info, probed.timeline, probed.stamps)
    except RuleError as error:
        raise RuleError.of([*error.findings, *missing]) from None
    if missing:
        raise RuleError.of(missing)
    return plan.evolve(max_pixels=tools.limits.decoder_pixels)


def _require_cut(preset: Preset) -> None:
    """A cut that cannot be is told with all else that is wrong, before it is looked for in the file."""
    findings = check_preset(preset)
    if any(finding.code.startswith("time.") for finding in findings):
        raise RuleError.of(findings)
