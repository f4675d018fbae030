"""`framewatch plan`: what would be done with a file, stream by stream, and with which commands."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from framewatch.cli.common import FfmpegOption, JsonOption, console, print_json, say, say_finding
from framewatch.cli.upscale import FileArgument, PresetOption, a_worker, order_of, prepared
from framewatch.errors import Finding
from framewatch.jobs.attempt.planning import plan_file
from framewatch.media.commands import commands
from framewatch.media.commands.image_command import image_command
from framewatch.media.plan.image_plan import ImagePlan
from framewatch.media.plan.plan import AudioPlan, BasePlan, VideoPlan
from framewatch.text import printable

AnyPlan = VideoPlan | AudioPlan | ImagePlan
Steps = list[tuple[str, list[str]]]


def plan(
    file: FileArgument,
    preset: PresetOption,
    ffmpeg: FfmpegOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what would be done with a file, stream by stream, and with which commands. Nothing is done.

    \b
    Examples:
      framewatch plan film.mkv --preset upscale-4k
      framewatch plan film.mkv --preset ./mine.yaml --json
    """
    named, tools = prepared(file, preset, ffmpeg, "auto")
    order = order_of(file, named, Path("work"))
    with a_worker() as worker:
        planned = plan_file(order, tools, lambda task: worker.run(task, lambda _: None, threading.Event()))
    made = planned.plan
    steps = _steps(made, tools.ffmpeg, order.source, len(planned.probed.segments)) if made else []
    if as_json:
        print_json(_document(planned.reasons, made, steps))
        return
    for reason in planned.reasons:
        say(f"only_if does not match: {reason.message}")
    if made is None:
        say("skipped: the file goes to done/ untouched")
    elif isinstance(made, ImagePlan):
        _show_picture(made)
    else:
        _show_plan(made)
    for step, argv in steps:
        console().print()
        say(f"[{step}]")
        say(shlex.join(argv))


def _document(reasons: Sequence[Finding], made: AnyPlan | None, steps: Steps) -> dict[str, Any]:
    return {
        "status": "planned" if made else "skipped",
        "not_matched": [reason.message for reason in reasons],
        "plan": made and made.model_dump(mode="json"),
        "commands": [{"step": step, "argv": argv} for step, argv in steps],
    }


def _steps(plan: AnyPlan, ffmpeg: Path, source: Path, segments: int) -> Steps:
    """The commands as they will be run, with names in an imaginary work folder."""
    result = Path("work") / f"result.{plan.extension}"
    if isinstance(plan, ImagePlan):
        return [("encode", image_command(plan, ffmpeg, result))]
    steps = [("cover", argv) for argv in commands.cover_commands(plan, ffmpeg, source, result)]
    steps += [("measure", argv) for argv in commands.measure_commands(plan, ffmpeg, source).values()]
    steps += [("subtitles", argv) for argv in commands.burn_commands(plan, ffmpeg, result)]
    if isinstance(plan, AudioPlan) or plan.mode != "upscale":
        return [*steps, (plan.mode, commands.transcode_command(plan, ffmpeg, source, result))]
    pieces = [
        Path("work") / f"segment-{number:05}.{commands.segment_extension(plan)}" for number in range(max(segments, 1))
    ]
    rehearsal = commands.rehearsal_command(plan, ffmpeg, source, Path("work") / f"rehearsal.{plan.extension}")
    encode = commands.segment_command(plan, ffmpeg, pieces[0])
    mux = commands.mux_command(plan, ffmpeg, pieces, source, result)
    return [*steps, ("rehearse", rehearsal), (f"encode segment 1 of {len(pieces)}", encode), ("mux", mux)]


def _show_plan(plan: VideoPlan | AudioPlan) -> None:
    if isinstance(plan, VideoPlan):
        size = f"{plan.decoded_width}x{plan.decoded_height} -> {plan.width}x{plan.height}"
        rate = f"{float(plan.rate):.3f} fps" if plan.rate else "as the source"
        say(f"{plan.mode}: {size}, {plan.frames} frames, {rate}, {plan.pixel_format}, {plan.container}")
    else:
        say(f"{plan.mode}: sound alone, {plan.container}")
    rows = [(str(row.index), row.kind, row.codec, row.action, row.codec_out or "", row.note) for row in plan.streams]
    _show_rows(rows)
    _show_warnings(plan)


def _show_picture(plan: ImagePlan) -> None:
    size = f"{plan.decoded_width}x{plan.decoded_height} -> {plan.width}x{plan.height}"
    say(f"picture: {size}, {plan.bit_depth} bit, transparency: {plan.alpha}, {plan.container}")
    action = "upscale" if plan.scale > 1 else "encode"
    _show_rows([(str(plan.source.index), "picture", plan.source.codec, action, plan.container, "")])
    _show_warnings(plan)


def _show_rows(rows: Sequence[tuple[str, ...]]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("stream", "kind", "codec", "action", "becomes", "note"):
        table.add_column(heading)
    for row in rows:
        table.add_row(*map(printable, row))
    console().print(table)


def _show_warnings(plan: BasePlan) -> None:
    for warning in plan.warnings:
        say_finding(Finding(warning.code, warning.message, warning.hint, warning.where), kind="warning")
