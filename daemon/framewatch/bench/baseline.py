"""The seed's way: every frame into a PNG file, the network over the files, an encoder over those it made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from framewatch.bench.report import Baseline
from framewatch.bench.tasks import PngReport, PngTask
from framewatch.domain import Record
from framewatch.errors import VerificationError
from framewatch.media.commands.output_args import file_url
from framewatch.media.encoders import encoder_args
from framewatch.media.plan.plan import VideoPlan
from framewatch.render.tasks import CommandReport, CommandTask, InspectReport, InspectTask, Sizing
from framewatch.upscale.host import cores
from framewatch.upscale.memory_budget import stages

_NAMES = "frame_%08d.png"

Do = Callable[[Record], Any]


def travel(
    source: Path,
    plan: VideoPlan,
    ffmpeg: Path,
    folder: Path,
    *,
    frames: int,
    program: Path | None,
    work: Do,
    measure: Do,
) -> Baseline:
    """Go it, one stage after another.

    Args:
        source: the clip.
        plan: of the same clip on the whole way; its encoder is used here, too.
        ffmpeg: the program.
        folder: empty; holds all the files.
        frames: from the clip's beginning; a speed does not need all of them.
        program: realesrgan-ncnn-vulkan; None: the ncnn wheel stands in for it.
        work: has a worker do a task.
        measure: has a measuring worker do one.

    Returns:
        All but `times`, which is 0.

    Raises:
        VerificationError: `bench.baseline_failed`: there are not as many frames in its output as went in.
        FramewatchError: what one of the stages failed with.
    """
    small, large, out = folder / "source", folder / "upscaled", folder / f"baseline.{plan.extension}"
    small.mkdir()
    large.mkdir()
    extracted: CommandReport = work(CommandTask(argv=_extract(source, plan, ffmpeg, small, frames)))
    sizes = stages(plan.frame_width, plan.frame_height, cores())
    sizing = Sizing(load=sizes.load, proc=sizes.proc, save=sizes.save)
    task = PngTask(program=program, source=small, target=large, scale=plan.scale, sizing=sizing)
    upscaled: PngReport = measure(task)
    encoded: CommandReport = work(CommandTask(argv=_encode(source, plan, ffmpeg, large, out)))
    made: InspectReport = work(InspectTask(path=out))
    count = made.inspection.video.frames if made.inspection.video else 0
    if count != upscaled.frames or not count:
        message = f"the seed's way made {count} frames of {upscaled.frames} pictures"
        raise VerificationError(message, code="bench.baseline_failed", hint="measure with --no-baseline")
    return Baseline(
        engine=upscaled.engine,
        frames=count,
        extract_fps=count / extracted.seconds,
        upscale_fps=count / upscaled.seconds,
        encode_fps=count / encoded.seconds,
        fps=count / (extracted.seconds + upscaled.seconds + encoded.seconds),
        times=0.0,
    )


def _extract(source: Path, plan: VideoPlan, ffmpeg: Path, folder: Path, frames: int) -> tuple[str, ...]:
    return (
        *_program(ffmpeg), "-i", file_url(source), "-map", "0:v:0", "-r", _rate(plan), "-fps_mode", "cfr",
        "-frames:v", str(frames), "-pix_fmt", "rgb24", "-y", file_url(folder / _NAMES),
    )  # fmt: skip


def _encode(source: Path, plan: VideoPlan, ffmpeg: Path, folder: Path, out: Path) -> Sequence[str]:
    return (
        *_program(ffmpeg), "-framerate", _rate(plan), "-start_number", "1", "-i", file_url(folder / _NAMES),
        "-i", file_url(source), "-map", "0:v:0", "-map", "1:a?",
        *encoder_args.video_args(plan.preset, plan.pixel_format),
        "-pix_fmt", plan.pixel_format, "-c:a", "copy", "-y", file_url(out),
    )  # fmt: skip


def _program(ffmpeg: Path) -> tuple[str, ...]:
    return (str(ffmpeg), "-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+warning", "-progress", "pipe:1")


def _rate(plan: VideoPlan) -> str:
    return f"{plan.average_rate.numerator}/{plan.average_rate.denominator}"
