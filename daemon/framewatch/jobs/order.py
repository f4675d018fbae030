"""What the pipeline is asked for, and what it gives back."""

from __future__ import annotations

from pathlib import Path

from framewatch.domain import Failure, Record
from framewatch.media.image_plan import ImagePlan
from framewatch.media.plan import Plan
from framewatch.media.preset import Preset


class Order(Record):
    """What is to be made of which file."""

    source: Path
    preset: Preset
    preset_name: str
    work: Path  # an empty folder of this job's own


class Rendered(Record):
    """A verified result in the work folder."""

    result: Path
    plan: Plan | ImagePlan
    engine: str | None
    frames: int
    warnings: tuple[Failure, ...]


class Skipped(Record):
    """The preset is not for this file: nothing was made."""

    reasons: tuple[Failure, ...]


class Tools(Record):
    """The programs and the engine to use."""

    ffmpeg: Path
    encoders: frozenset[str]
    hwaccels: frozenset[str] = frozenset()
    engine: str = "auto"
