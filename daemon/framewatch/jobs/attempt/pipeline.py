"""One attempt, from probe to verified result: plan, render, join and verify.

A worker process does what touches media; decisions and comparisons are made here. The result lies in the work folder.
Publishing, which comes after, moves it to its place.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from framewatch.domain import InputFile
from framewatch.errors import MediaError, RuleError, VerificationError
from framewatch.jobs.attempt.concurrency import Host
from framewatch.jobs.attempt.context import AttemptContext, Gate, Observer, Share
from framewatch.jobs.attempt.forecast.disk import require_room_for, require_room_left
from framewatch.jobs.attempt.forecast.memory import job_bounds
from framewatch.jobs.attempt.join_proof import packet_groups, prove_decoded
from framewatch.jobs.attempt.planning import plan_file
from framewatch.jobs.attempt.prerequisites import require_prerequisites, require_stand_in
from framewatch.jobs.attempt.request import AttemptRequest, AttemptResult, NotForThisFile, Tools
from framewatch.jobs.attempt.segmented_render import SegmentedRender
from framewatch.jobs.attempt.stream_trials import StreamTrials
from framewatch.jobs.attempt.verify import HINT, compare, compare_image, compare_texts, silent_track_warning
from framewatch.jobs.work_folder import clear, result_path, segment_path
from framewatch.media.commands import ffmpeg_commands
from framewatch.media.commands.image_command import image_command
from framewatch.media.commands.uniform_sound import uniform_tracks
from framewatch.media.decode.frame_messages import too_many_warning
from framewatch.media.decode.output_inspection import Inspection
from framewatch.media.filters.loudness import Loudness
from framewatch.media.plan.image_plan import ImagePlan, Plan
from framewatch.media.plan.mid_stream import at_its_largest
from framewatch.media.plan.plan import AudioPlan, MuxPlan, VideoPlan
from framewatch.media.preset.preset import Preset
from framewatch.media.process_bounds import Bounds
from framewatch.media.rules.preset_rules import check_preset
from framewatch.render.tasks import (
    AttachReport,
    AttachTask,
    ImageReport,
    ImageTask,
    InspectReport,
    InspectTask,
    MeasureReport,
    MeasureTask,
    ProbeReport,
    ProbeTask,
)
from framewatch.render.worker_client import Worker
from framewatch.storage.os_errors import storage_faults
from framewatch.upscale.memory_budget import needed_gb

AnyPlan = TypeVar("AnyPlan", bound=MuxPlan)


class Pipeline:
    """Turns an `AttemptRequest` into an `AttemptResult`, on one worker."""

    def __init__(
        self,
        worker: Worker,
        tools: Tools,
        gate: Gate,
        observer: Observer,
        stop: threading.Event,
        share: Share = Share(),  # noqa: B008 - it has no state
    ) -> None:
        """Start nothing yet.

        Args:
            worker: runs the tasks.
            tools: the programs and the engine.
            gate: hands out shares of the devices.
            observer: learns how the attempt proceeds.
            stop: ends the attempt.
            share: reaches the source.
        """
        self._tools = tools
        self._context = AttemptContext(worker, tools, gate, observer, stop, share)

    def run(self, request: AttemptRequest) -> AttemptResult | NotForThisFile:
        """Make the result, if the preset's conditions include this file.

        Raises:
            FramewatchError: what failed, with all findings; its remedy says whether another attempt makes sense.
        """
        _require_valid_times(request.preset)
        # Programs, weights and engine come before the file: with the weights gone, thousands of files would otherwise
        # be scanned, held and scanned again.
        require_prerequisites(request.preset, self._tools.ffmpeg, self._tools.precision)
        require_stand_in(request.preset, self._tools)
        if all(each.upscales for each in request.preset.variants):
            self._context.device()
        planned = plan_file(request, self._tools, self._context.run, self._context.share)
        request, probed, plan = planned.request, planned.probed, planned.plan
        if plan is None:
            return NotForThisFile(reasons=planned.reasons)
        self._context.observer.planned(plan, probed.info.size)
        result = self._render(request, plan, probed)
        with storage_faults(result.result):
            self._context.observer.rendered(result.result.stat().st_size)
        return result

    def _render(self, request: AttemptRequest, plan: Plan, probed: ProbeReport) -> AttemptResult:
        for warning in (*probed.warnings, *plan.warnings):
            self._context.warn(warning)
        self._context.bounds = self._job_bounds(plan, probed)
        if isinstance(plan, ImagePlan):
            return self._render_image(request, plan)
        result = result_path(request.work, plan.extension)
        engine = None
        if isinstance(plan, VideoPlan) and plan.mode == "upscale":
            engine, plan = self._upscale(request, plan, probed, result)
        else:
            plan = self._transcode(request, plan, probed, result)
        frames = plan.frames if isinstance(plan, VideoPlan) else 0
        return AttemptResult(
            result=result, plan=plan, engine=engine, frames=frames, warnings=tuple(self._context.warnings)
        )

    def _job_bounds(self, plan: Plan, probed: ProbeReport) -> Bounds:
        tools = self._tools
        device = self._context.device() if plan.preset.upscales else None
        lanes = None if tools.lanes == "auto" else tools.lanes
        info = at_its_largest(probed.info)
        return job_bounds(plan, info, tools.limits, Host.here(), device, lanes)

    def _upscale(
        self, request: AttemptRequest, plan: VideoPlan, probed: ProbeReport, result: Path
    ) -> tuple[str, VideoPlan]:
        segmented = SegmentedRender(self._context, request, plan, probed)
        segmented.require_room()
        trials = StreamTrials(self._context, request, probed)

        def prepare(plan: VideoPlan) -> VideoPlan:
            self._prepare_inputs(request.source, plan, result)
            if not segmented.begun:
                segmented.rehearse(plan)
            return self._measure_loudness(request.source, plan, result)

        def join(plan: VideoPlan) -> VideoPlan:
            segmented.join(plan, result)
            self._verify(plan, probed, result, segmented.inspections)
            return plan

        plan = trials.without_failing(plan, prepare)
        engine = segmented.render()
        try:
            return engine, trials.without_failing(plan, join)
        except VerificationError:
            segmented.drop_bad_segments()
            raise

    def _transcode(
        self, request: AttemptRequest, plan: VideoPlan | AudioPlan, probed: ProbeReport, result: Path
    ) -> VideoPlan | AudioPlan:
        if isinstance(plan, VideoPlan):
            self._context.track_frames(plan.frames)
        else:
            self._context.track_duration(plan.expected.duration)
        with storage_faults(request.work):
            clear(request.work)
        self._context.share.ask(
            partial(require_room_for, plan, request.source.root, probed.info.size, request.places)
        )
        make = partial(self._make_transcode, request, probed, result)
        return StreamTrials(self._context, request, probed).without_failing(plan, make)

    def _make_transcode(
        self, request: AttemptRequest, probed: ProbeReport, result: Path, plan: VideoPlan | AudioPlan
    ) -> VideoPlan | AudioPlan:
        apart = isinstance(plan, VideoPlan) and plan.is_encoded_apart
        self._prepare_inputs(request.source, plan.evolve(mode="upscale") if apart else plan, result)
        plan = self._measure_loudness(request.source, plan, result)
        source, ffmpeg = request.source.path, self._tools.ffmpeg
        if isinstance(plan, VideoPlan) and plan.is_encoded_apart:
            video = segment_path(request.work, 0, ffmpeg_commands.segment_extension(plan))
            self._encode(request, ffmpeg_commands.video_command(plan, ffmpeg, source, video, result), video)
            self._attach(request, plan, probed, video)
            as_upscaled = plan.evolve(mode="upscale")
            argv = ffmpeg_commands.mux_command(as_upscaled, ffmpeg, [video], source, result)
            self._context.run_command(argv, request.source)
        else:
            self._encode(request, ffmpeg_commands.transcode_command(plan, ffmpeg, source, result), result)
        self._verify(plan, probed, result)
        return plan

    def _encode(self, request: AttemptRequest, argv: Sequence[str], out: Path) -> None:
        """Run the command of a transcode that writes `out`."""

        def check_room() -> None:
            require_room_left(out, self._context.fraction_done, request.places)

        with self._context.also_checking(check_room):
            self._context.run_command(argv, request.source, counts=True)

    def _attach(self, request: AttemptRequest, plan: VideoPlan, probed: ProbeReport, video: Path) -> None:
        """Give a video that was encoded apart what the source attaches to its frames, and to its video as a whole."""
        task = AttachTask(
            path=video,
            source=request.source,
            video=probed.info.main_video,
            timeline=probed.timeline,
            segments=probed.segments,
            seekable=probed.seekable,
            messages=plan.carried_messages,
            boxes=plan.segment_boxes.hex(),
        )
        report: AttachReport = self._context.run(task)
        if report.lost:
            self._context.warn(too_many_warning(report.lost))

    def _prepare_inputs(self, source: InputFile, plan: MuxPlan, result: Path) -> None:
        """Write what the commands read beside the result: covers, sound that changes, and burned subtitles."""
        ffmpeg = self._tools.ffmpeg
        for argv in ffmpeg_commands.cover_commands(plan, ffmpeg, source.path, result):
            self._context.run_command(argv, source)
        for argv in ffmpeg_commands.sound_commands(plan, ffmpeg, source.path, result):
            self._context.run_command(argv, source)
        if plan.burned is not None:
            argv = ffmpeg_commands.burn_command(plan.burned.path, ffmpeg, result)
            self._context.run_command(argv, plan.burned)

    def _measure_loudness(self, source: InputFile, plan: AnyPlan, result: Path) -> AnyPlan:
        """Return the plan with the loudness of each track that is normalized."""
        found: dict[int, Loudness | None] = {}
        beside = [track.index for track in uniform_tracks(plan)]
        commands = ffmpeg_commands.measure_commands(plan, self._tools.ffmpeg, source.path, result)
        for index, argv in commands.items():
            self._context.log_command(argv)
            inputs = () if index in beside else (source,)
            report: MeasureReport = self._context.run(MeasureTask(argv=tuple(argv), inputs=inputs))
            found[index] = report.loudness
            if report.loudness is None:
                self._context.warn(silent_track_warning(index))
        return plan.with_loudness(found)

    def _render_image(self, request: AttemptRequest, plan: ImagePlan) -> AttemptResult:
        self._context.track_frames(plan.frames)
        with storage_faults(request.work):
            clear(request.work)
        result = result_path(request.work, plan.extension)
        argv = image_command(plan, self._tools.ffmpeg, result)
        task = _image_task(plan, request.source, argv, self._tools).evolve(
            icc_into=result if plan.keeps_icc else None
        )
        if plan.scale == 1:
            self._context.log_command(argv)
            report: ImageReport = self._context.run(task)
        else:
            gigabytes = needed_gb(plan.width, plan.height, plan.scale)
            with self._context.device_share(self._context.device(), gigabytes):
                self._context.log_command(argv)
                report = self._context.run(task)
        findings = compare_image(plan, self._context.run(ProbeTask(source=result)).info)
        if findings:
            raise VerificationError.of(findings)
        return AttemptResult(
            result=result, plan=plan, engine=report.engine, frames=plan.frames, warnings=tuple(self._context.warnings)
        )

    def _verify(
        self, plan: VideoPlan | AudioPlan, probed: ProbeReport, result: Path, segments: Sequence[Inspection] = ()
    ) -> None:
        found = self._inspect(result, segments)
        audio = [probed.lengths.get(stream.index) for stream in plan.of_kind("audio")]
        findings = [*compare(plan.expected, found, audio), *compare_texts(plan, found, probed.lengths)]
        if findings:
            raise VerificationError.of(findings)

    def _inspect(self, result: Path, segments: Sequence[Inspection]) -> Inspection:
        """Return what the result holds; one that cannot be read is not the fault of the source or of a disk.

        Its video counts as decoded where it holds, byte for byte, the packets of `segments`; else it is decoded now.
        """
        if result.parent.is_dir() and not result.exists():
            raise VerificationError("ffmpeg reported success but wrote no file", code="verify.missing", hint=HINT)
        try:
            if segments:
                task = InspectTask(path=result, decode=False, groups=packet_groups(segments))
                read: InspectReport = self._context.run(task)
                if (proven := prove_decoded(read.inspection, segments)) is not None:
                    return proven
            report: InspectReport = self._context.run(InspectTask(path=result))
        except MediaError as error:
            message = f"the finished file cannot be read: {error.finding.message}"
            raise VerificationError(message, code="verify.unreadable", hint=HINT) from None
        return report.inspection


def _image_task(plan: ImagePlan, source: InputFile, argv: Sequence[str], tools: Tools) -> ImageTask:
    """Return the task that renders an image; `argv` is the encoder's command."""
    return ImageTask(
        source=source,
        still=plan.source,
        scale=plan.scale,
        width=plan.decoded_width,
        height=plan.decoded_height,
        working_format=plan.working_format,
        keep_alpha=plan.alpha == "kept",
        encoder=tuple(argv),
        engine=tools.engine,
        precision=tools.precision,
    )


def _require_valid_times(preset: Preset) -> None:
    """Refuse an impossible cut, with everything else that is wrong, before the probe looks for it in the file."""
    findings = check_preset(preset)
    if any(finding.code.startswith("time.") for finding in findings):
        raise RuleError.of(findings)
