"""From a file to its plan: probe it, choose the preset, and decide.

A job and `framewatch plan` both come this way, so what is announced is what is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from framewatch.domain import MediaInfo
from framewatch.errors import Finding, RuleError
from framewatch.jobs.attempt.context import Share
from framewatch.jobs.attempt.forecast.memory import reading_bounds
from framewatch.jobs.attempt.request import AttemptRequest, Tools
from framewatch.media.containers import CodecSet, rules
from framewatch.media.ffmpeg.trial import flushes_subtitles, keeps_hidden_edges
from framewatch.media.filters.video_effects import remembered_frames
from framewatch.media.limits import Limits, check_output_size
from framewatch.media.plan.image_plan import ImagePlan, Plan, make_image_plan
from framewatch.media.plan.output_time import timeline_request
from framewatch.media.plan.plan import AudioPlan, VideoPlan, make_plan
from framewatch.media.plan.segments import SegmentOptions
from framewatch.media.plan.stream_table import Abilities
from framewatch.media.preset.selection import choose_preset
from framewatch.media.preset.subtitle_file import find_subtitle_file
from framewatch.media.probe.file_kind import require_video
from framewatch.media.probe.streams.late import LATE
from framewatch.media.rules.image_rules import is_image_preset
from framewatch.media.rules.preset_rules import check_tools
from framewatch.render.tasks import ProbeReport, ProbeTask


@dataclass(frozen=True, slots=True)
class Planned:
    """A file that is probed, and what will be done with it."""

    request: AttemptRequest  # with the preset that the file takes
    probed: ProbeReport
    plan: Plan | None  # None: the preset's conditions exclude the file
    reasons: tuple[Finding, ...]  # why it does not take the presets before that one


def plan_file(
    request: AttemptRequest,
    tools: Tools,
    run: Callable[[ProbeTask], Any],
    share: Share = Share(),  # noqa: B008 - it has no state
) -> Planned:
    """Probe a file and decide what will be done with it.

    Args:
        request: the file and the preset.
        tools: the programs to plan for.
        run: has a worker run a task, and returns its report. The probe runs when the job has its turn, and not at
            intake: waiting files then cost a row each, and a hostile file never meets the daemon's process.
        share: reaches the folder of the file.

    Raises:
        MediaError: the file is not of the kind that the preset is for.
        RuleError: with everything that does not fit: preset, file, and the encoders of this ffmpeg.
        FramewatchError: what probing failed with.
    """
    probed: ProbeReport = run(_probe_task(request, tools))
    choice = choose_preset(request.preset, probed.info)
    if choice.preset is None:
        return Planned(request, probed, None, choice.reasons)
    if choice.preset is not request.preset:
        request = request.evolve(preset=choice.preset)
        probed = run(_probe_task(request, tools))  # its cut and rate may differ
    request = request.evolve(source=request.source.evolve(clock=probed.clock))  # and so whoever reads it from now on
    if is_image_preset(choice.preset):
        return Planned(request, probed, _decide_image(request, probed, tools), choice.reasons)
    return Planned(request, probed, _decide(request, probed, tools, share), choice.reasons)


def _probe_task(request: AttemptRequest, tools: Tools) -> ProbeTask:
    preset = request.preset
    return ProbeTask(
        source=request.source,
        timeline=not rules().containers[preset.container].audio_only,
        video_track=None if preset.video_track == "auto" else preset.video_track,
        timeline_request=timeline_request(preset),
        limits=tools.limits,
        bounds=reading_bounds(tools.limits),
        segment_options=SegmentOptions(seconds=tools.segment_seconds, lead=remembered_frames(preset)),
    )


def _decide(request: AttemptRequest, probed: ProbeReport, tools: Tools, share: Share) -> VideoPlan | AudioPlan:
    if not rules().containers[request.preset.container].audio_only:
        require_video(probed.info)
    burned, wrong = share.ask(partial(find_subtitle_file, request.preset, request.source))
    lost = [each for each in probed.warnings if each.code == LATE and request.preset.strict_streams]
    missing = [*wrong, *lost, *check_tools(request.preset, tools.encoders, tools.hwaccels)]
    preset = request.preset.evolve(subtitle_burn_path=str(burned.path)) if burned else request.preset
    try:
        plan = make_plan(
            preset, request.preset_name, probed.info, probed.timeline, probed.frame_times, _abilities(tools)
        )
    except RuleError as error:
        raise RuleError.of([*error.findings, *missing]) from None
    if findings := [*missing, *_check_output(plan, tools.limits), *_check_ffmpeg(plan, probed.info, tools.ffmpeg)]:
        raise RuleError.of(findings)
    warnings = (*probed.warnings, *plan.warnings)
    if isinstance(plan, VideoPlan) and plan.visible:
        plan = plan.evolve(shows_all=keeps_hidden_edges(tools.ffmpeg))
    return plan.evolve(
        max_pixels=tools.limits.decoder_pixels,
        burned=burned,
        corrected=probed.clock is not None,
        warnings=warnings,
    )


def _abilities(tools: Tools) -> Abilities:
    encoders = CodecSet(names=tuple(tools.encoders))
    return Abilities(encoders=encoders, decoded=tools.decoded, known=tools.known)


def _check_output(plan: VideoPlan | AudioPlan, limits: Limits) -> list[Finding]:
    """Return a finding where frames are made that are too large, by the network or by scaling."""
    if not isinstance(plan, VideoPlan) or plan.mode == "copy":
        return []
    sizes = (
        (plan.frame_width, plan.frame_height),
        (plan.scaled_width, plan.scaled_height),
        (plan.width, plan.height),
    )
    return check_output_size(sizes, limits)


def _check_ffmpeg(plan: VideoPlan | AudioPlan, info: MediaInfo, ffmpeg: Path) -> Iterator[Finding]:
    """Yield what this file needs and old versions of ffmpeg cannot do, beyond what every job needs."""
    if isinstance(plan, VideoPlan) and plan.mode == "copy" and plan.visible and not keeps_hidden_edges(ffmpeg):
        message = "the file hides edges of its frames, which this ffmpeg cannot keep hidden in a copy"
        hint = 'use ffmpeg 7.1 or newer, such as the packaged one; or processing_mode "reencode", which cuts them off'
        yield Finding("ffmpeg.too_old", message, hint, "processing_mode")
    turned = isinstance(plan, VideoPlan) and plan.fitting is not None and plan.fitting.upright
    if turned and not keeps_hidden_edges(ffmpeg):
        message = "frames that change in the middle of the video cannot be turned or cropped by this ffmpeg"
        hint = "use ffmpeg 7.1 or newer, such as the packaged one; or upscale it"
        yield Finding("ffmpeg.too_old", message, hint, "processing_mode")
    if isinstance(plan, VideoPlan) and plan.apart and not keeps_hidden_edges(ffmpeg):
        message = "the video changes in the middle, beside its packets, and this ffmpeg copies only a part of it"
        hint = 'use ffmpeg 7.1 or newer, such as the packaged one; or processing_mode "reencode"'
        yield Finding("ffmpeg.too_old", message, hint, "processing_mode")
    if isinstance(plan, VideoPlan) and _counts_a_still(plan, info) and not keeps_hidden_edges(ffmpeg):
        message = "the moving pictures of this file come after a still, which this ffmpeg does not see"
        yield Finding("ffmpeg.too_old", message, "use ffmpeg 7.1 or newer, such as the packaged one; or upscale it")
    converted = any(track.encoder for track in plan.of_kind("subtitle"))
    if plan.cut and converted and not flushes_subtitles(ffmpeg):
        message = "this ffmpeg loses the last of the subtitles that are converted and cut"
        hint = "use ffmpeg 6.0 or newer, such as the packaged one; or mkv, which takes most subtitles as they are"
        yield Finding("ffmpeg.too_old", message, hint, "selected_subtitle_tracks")


def _counts_a_still(plan: VideoPlan, info: MediaInfo) -> bool:
    """Return whether ffmpeg is to find streams behind the still of a HEIF or AVIF sequence."""
    main, first = info.main_video, info.streams[0]
    reads = plan.mode != "upscale" or len(plan.kept) > 1
    is_sequence = main is not None and first.cover and first.codec == main.codec
    return reads and is_sequence and info.container.startswith("mov")


def _decide_image(request: AttemptRequest, probed: ProbeReport, tools: Tools) -> ImagePlan:
    plan = make_image_plan(request.preset, request.preset_name, probed.info)
    if missing := check_tools(request.preset, tools.encoders):
        raise RuleError.of(missing)
    return plan.evolve(warnings=(*probed.warnings, *plan.warnings))
