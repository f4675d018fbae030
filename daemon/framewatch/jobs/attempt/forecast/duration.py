"""How long a job will take and how large its output will be, from what was measured on this machine. Pure.

A speed is never guessed. It comes from jobs that went before, or from the benchmark, or it is unknown.
"""

from __future__ import annotations

from framewatch.domain import Forecast, Measured, Speeds, Workload
from framewatch.jobs.attempt.forecast.disk import FinishedSegments, audio_size, missing_video_size, work_size
from framewatch.media.plan.image_plan import ImagePlan, Plan
from framewatch.media.plan.plan import AudioPlan, VideoPlan


def workload(plan: Plan, source_size: int) -> Workload:
    """Return the work that a plan means; `source_size` is in bytes."""
    if plan.mode == "copy":
        return Workload(kind="copy", family="copy", units=source_size)
    if isinstance(plan, AudioPlan):
        return Workload(kind="audio", family="audio", units=plan.expected.duration)
    family = f"upscale {plan.scale}x" if plan.scale > 1 else "transcode"
    pixels, output = plan.decoded_width * plan.decoded_height, plan.width * plan.height
    if isinstance(plan, ImagePlan):
        return Workload(kind=f"image {family}", family=f"image {family}", units=pixels)
    preset = plan.preset
    return Workload(
        kind=f"{family}, {preset.video_codec} {preset.preset}",
        family=family,
        units=pixels * plan.frames,
        output_units=output * plan.frames,
    )


def forecast(plan: Plan, source_size: int, speeds: Speeds) -> Forecast:
    """Return what a plan's job will take.

    Args:
        plan: of the whole file.
        source_size: bytes.
        speeds: what was measured here.
    """
    work = workload(plan, source_size)
    size, disk, is_measured = _sizes(plan, work, source_size, speeds.kinds.get(work.kind, Measured()))
    made = Forecast(output_size=round(size), measured_size=is_measured, disk=round(disk))
    similar = speeds.kinds.get(speeds.families.get(work.family, ""), Measured())
    if (seconds := _seconds(work.units, speeds.kinds.get(work.kind, Measured()))) is not None:
        return made.evolve(seconds=seconds, basis="jobs")
    if (seconds := _seconds(work.units, similar)) is not None:
        return made.evolve(seconds=seconds, basis="similar")
    if speed := speeds.bench.get(work.family):
        return made.evolve(seconds=work.units / speed, basis="bench")
    return made


def _sizes(plan: Plan, work: Workload, source_size: int, known: Measured) -> tuple[float, float, bool]:
    """Return the bytes of the output and of the work folder, and whether they follow from a measurement."""
    if isinstance(plan, ImagePlan):
        return 0.0, 0.0, False
    is_measured = bool(isinstance(plan, VideoPlan) and work.output_units and known.output_units)
    if is_measured:
        video = work.output_units * known.output_bytes / known.output_units
        return video, work_size(plan, video, video), True
    video = missing_video_size(plan, source_size, FinishedSegments())
    result = video + audio_size(plan, source_size)
    return result, work_size(plan, video, result), plan.mode == "copy"


def _seconds(units: float, known: Measured) -> float | None:
    return units * known.seconds / known.units if known.units > 0 and known.seconds > 0 else None
