"""What the pipeline is asked for, and what it gives back."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import InstanceOf

from framewatch.domain import Record
from framewatch.errors import Finding
from framewatch.media.limits import Limits
from framewatch.media.plan.image_plan import ImagePlan
from framewatch.media.plan.plan import Plan
from framewatch.media.plan.segments import DEFAULT_SECONDS
from framewatch.media.preset.preset import Preset
from framewatch.render.worker_client import STALL_SECONDS
from framewatch.storage.folder_places import FolderPlaces
from framewatch.upscale.network.weights import Precision


class AttemptRequest(Record):
    """What is to be made of which file."""

    source: Path
    preset: Preset
    preset_name: str
    work: Path  # a folder of this job's own, with what an earlier attempt has left there
    places: InstanceOf[FolderPlaces] | None = None  # whose disks must have room; None: that is not checked


class Rendered(Record):
    """A verified result in the work folder."""

    result: Path
    plan: Plan | ImagePlan
    engine: str | None
    frames: int
    warnings: tuple[Finding, ...]


class Skipped(Record):
    """The preset is not for this file: nothing was made."""

    reasons: tuple[Finding, ...]


class Tools(Record):
    """The programs and the engine to use."""

    ffmpeg: Path
    encoders: frozenset[str]
    hwaccels: frozenset[str] = frozenset()
    engine: str = "auto"
    gpus: int | Literal["auto"] = "auto"  # equal devices that one video may be rendered on; auto: all
    precision: Precision = "exact"
    jobs: int = 1  # on this host at once, which have cores and memory in equal parts
    lanes: int | Literal["auto"] = "auto"  # segments of one video that are rendered at once
    segment_seconds: float = DEFAULT_SECONDS  # length of the pieces that a render is made in
    stall_seconds: float = STALL_SECONDS  # without any progress, after which a worker is ended
    limits: Limits = Limits()
