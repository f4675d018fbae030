"""An image job: its plan, the task for the worker, and the check of what came out. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from framewatch.domain import MediaInfo
from framewatch.errors import Finding, RuleError
from framewatch.jobs.attempt.request import Tools
from framewatch.jobs.attempt.verify import HINT
from framewatch.media.plan.image_plan import ImagePlan, make_image_plan
from framewatch.media.preset.preset import Preset
from framewatch.media.rules.preset_rules import check_tools
from framewatch.render.tasks import ImageTask


def plan_image(preset: Preset, preset_name: str, info: MediaInfo, encoders: frozenset[str]) -> ImagePlan:
    """Return the plan for an image with an image preset.

    Raises:
        MediaError: the file is no image.
        RuleError: with everything that does not fit.
    """
    plan = make_image_plan(preset, preset_name, info)
    missing = check_tools(preset, encoders)
    if missing:
        raise RuleError.of(missing)
    return plan


def image_task(plan: ImagePlan, source: Path, argv: Sequence[str], tools: Tools) -> ImageTask:
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


def compare_image(plan: ImagePlan, found: MediaInfo) -> list[Finding]:
    """Return everything that is not as planned in a written image; empty where it is good."""
    return [Finding(f"verify.{code}", message, HINT) for code, message in _mismatches(plan, found)]


def _mismatches(plan: ImagePlan, found: MediaInfo) -> Iterator[tuple[str, str]]:
    video = found.streams[0].video
    if video is None:
        yield "streams", "the file holds no image"
        return
    size = video.upright
    if size != (plan.width, plan.height):
        yield "size", f"size: {plan.width}x{plan.height} planned, {size[0]}x{size[1]} found"
    if video.bit_depth != plan.bit_depth:
        yield "pixel_format", f"depth: {plan.bit_depth} bit planned, {video.bit_depth} found"
    # WebP omits an alpha channel that is opaque everywhere.
    if (plan.alpha == "kept") != video.alpha and plan.container != "webp":
        yield "alpha", f"transparency: {plan.alpha} planned, {'some' if video.alpha else 'none'} found"
