"""`framewatch plan`: show what a job would do with a file, stream by stream, and its commands."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from framewatch.cli.options import ConfigOption, FfmpegOption, JsonOption
from framewatch.cli.output import console, plain_table, print_finding, print_json, print_line
from framewatch.cli.status.measured import speeds_of, state_folder
from framewatch.cli.status.words import about, size
from framewatch.cli.upscale.command import (
    FileArgument,
    PresetOption,
    attempt_request,
    preset_and_tools,
    worker_process,
)
from framewatch.domain import Forecast
from framewatch.errors import Finding
from framewatch.jobs.attempt.forecast.duration import forecast
from framewatch.jobs.attempt.planning import plan_file
from framewatch.jobs.work_folder import rehearsal_path, result_path, segment_path
from framewatch.media.commands import ffmpeg_commands
from framewatch.media.commands.image_command import image_command
from framewatch.media.inventory.kinds import title
from framewatch.media.plan.image_plan import ImagePlan, Plan
from framewatch.media.plan.plan import AudioPlan, BasePlan, MuxPlan, VideoPlan

_Steps = list[tuple[str, list[str]]]


def plan(
    file: FileArgument,
    preset: PresetOption,
    ffmpeg: FfmpegOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show what would be done with a file, and write nothing.

    The output lists the expected time and size, each stream, and the commands of the job. The time follows from jobs
    that the daemon has done on this machine or, without any, from `framewatch bench`; else it is unknown.

    \b
    Examples:
      framewatch plan film.mkv --preset upscale-4k
      framewatch plan film.mkv --preset ./mine.yaml --json
    """
    named, tools = preset_and_tools(file, preset, ffmpeg, "auto")
    request = attempt_request(file, named, Path("work"))
    with worker_process() as worker:
        planned = plan_file(request, tools, lambda task: worker.run(task, lambda _: None, threading.Event()))
    made = planned.plan
    expected = forecast(made, planned.probed.info.size, speeds_of(state_folder(config))) if made else None
    steps = _steps(made, tools.ffmpeg, request.source.path, len(planned.probed.segments)) if made else []
    if as_json:
        print_json(_document(planned.reasons, made, steps) | {"expected": expected and expected.model_dump()})
        return
    for reason in planned.reasons:
        print_line(f"only_if does not match: {reason.message}")
    if made is None:
        print_line("skipped: the file is moved to done/ unchanged")
    elif isinstance(made, ImagePlan):
        _show_image(made)
    else:
        _show_plan(made)
    if expected is not None:
        print_line(_in_words(expected))
    for step, argv in steps:
        console().print()
        print_line(f"[{step}]")
        print_line(shlex.join(argv))


def _in_words(expected: Forecast) -> str:
    sources = {
        "jobs": "by jobs like this one",
        "similar": "by jobs with another encoder",
        "bench": "by `framewatch bench`",
    }
    time = "time unknown: nothing like it was done here yet, and `framewatch bench` not run"
    if expected.seconds is not None and expected.basis is not None:
        time = f"{about(expected.seconds)}, {sources[expected.basis]}"
    if not expected.output_size:
        return f"expected: {time}"
    output = f"{'about' if expected.measured_size else 'at least'} {size(expected.output_size)}"
    return f"expected: {time}; output {output}; space needed meanwhile {size(expected.disk)}"


def _document(reasons: Sequence[Finding], made: Plan | None, steps: _Steps) -> dict[str, Any]:
    return {
        "status": "planned" if made else "skipped",
        "not_matched": [reason.message for reason in reasons],
        "plan": made and made.model_dump(mode="json"),
        "commands": [{"step": step, "argv": argv} for step, argv in steps],
    }


def _steps(plan: Plan, ffmpeg: Path, source: Path, segments: int) -> _Steps:
    """Return the commands, in the order of `jobs.attempt.pipeline`; their work folder does not exist."""
    work = Path("work")
    result = result_path(work, plan.extension)
    if isinstance(plan, ImagePlan):
        return [("encode", image_command(plan, ffmpeg, result))]
    steps = [("cover", argv) for argv in ffmpeg_commands.cover_commands(plan, ffmpeg, source, result)]
    steps += [("sound", argv) for argv in ffmpeg_commands.sound_commands(plan, ffmpeg, source, result)]
    if plan.burned is not None:
        steps.append(("subtitles", ffmpeg_commands.burn_command(plan.burned.path, ffmpeg, result)))
    measured = ffmpeg_commands.measure_commands(plan, ffmpeg, source, result)
    measure = [("measure", argv) for argv in measured.values()]
    if isinstance(plan, AudioPlan) or plan.mode != "upscale":
        return [*steps, *measure, (plan.mode, ffmpeg_commands.transcode_command(plan, ffmpeg, source, result))]
    extension = ffmpeg_commands.segment_extension(plan)
    paths = [segment_path(work, number, extension) for number in range(max(segments, 1))]
    rehearsal = ffmpeg_commands.rehearsal_command(plan, ffmpeg, source, rehearsal_path(work, plan.extension))
    encode = ffmpeg_commands.segment_command(plan, ffmpeg, paths[0])
    mux = ffmpeg_commands.mux_command(plan, ffmpeg, paths, source, result)
    return [
        *steps,
        ("rehearse", rehearsal),
        *measure,
        (f"encode segment 1 of {len(paths)}", encode),
        ("mux", mux),
    ]


def _show_plan(plan: VideoPlan | AudioPlan) -> None:
    if isinstance(plan, VideoPlan):
        frame = f"{plan.decoded_width}x{plan.decoded_height} -> {plan.width}x{plan.height}"
        rate = f"{float(plan.rate):.3f} fps" if plan.rate else "as the source"
        print_line(f"{plan.mode}: {frame}, {plan.frames} frames, {rate}, {plan.pixel_format}, {plan.container}")
    else:
        print_line(f"{plan.mode}: audio only, {plan.container}")
    rows = [(str(row.index), row.kind, row.codec, row.action, row.codec_out or "", row.note) for row in plan.streams]
    _show_rows(rows)
    _show_carriage(plan)
    _show_warnings(plan)


def _show_carriage(plan: MuxPlan) -> None:
    """Show what the file has beyond picture and sound, and what becomes of it."""
    rows = [
        ("file" if each.stream is None else str(each.stream), title(each.kind), each.detail, each.outcome, each.note)
        for each in plan.carriage
    ]
    if rows:
        console().print(plain_table(("of", "property", "says", "outcome", "note"), rows))


def _show_image(plan: ImagePlan) -> None:
    frame = f"{plan.decoded_width}x{plan.decoded_height} -> {plan.width}x{plan.height}"
    print_line(f"image: {frame}, {plan.bit_depth} bit, transparency: {plan.alpha}, {plan.container}")
    action = "upscale" if plan.scale > 1 else "encode"
    _show_rows([(str(plan.source.index), "image", plan.source.codec, action, plan.container, "")])
    _show_warnings(plan)


def _show_rows(rows: Sequence[tuple[str, ...]]) -> None:
    console().print(plain_table(("stream", "kind", "codec", "action", "becomes", "note"), rows))


def _show_warnings(plan: BasePlan) -> None:
    for warning in plan.warnings:
        print_finding(Finding(warning.code, warning.message, warning.hint, warning.where), kind="warning")
