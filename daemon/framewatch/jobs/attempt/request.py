"""What an attempt is asked for, and what it returns."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, InstanceOf

from framewatch.domain import InputFile, Record
from framewatch.errors import Finding
from framewatch.media.containers import CodecSet
from framewatch.media.ffmpeg.discovery import NamedProgram
from framewatch.media.ffmpeg.trial import Ffmpeg
from framewatch.media.limits import Limits
from framewatch.media.plan.image_plan import Plan
from framewatch.media.plan.segments import DEFAULT_SECONDS
from framewatch.media.preset.preset import Preset
from framewatch.render.worker_client import STALL_SECONDS
from framewatch.storage.folder_places import FolderPlaces
from framewatch.upscale.network.weights import Precision


class AttemptRequest(Record):
    """One file, and the preset to process it with."""

    source: InputFile
    preset: Preset
    preset_name: str
    work: Path  # the job's own folder, with what an earlier attempt has left there
    # Set: no other segment is begun. Then there is also the marker of `jobs.work_folder`, for the workers.
    last_segments: InstanceOf[threading.Event] = Field(default_factory=threading.Event)
    places: InstanceOf[FolderPlaces] | None = None  # their disks need free space; None: that is not checked


class AttemptResult(Record):
    """A verified result in the work folder."""

    result: Path
    plan: Plan
    engine: str | None  # None where nothing was upscaled
    frames: int
    warnings: tuple[Finding, ...]


class NotForThisFile(Record):
    """The preset's conditions exclude this file: nothing was made."""

    reasons: tuple[Finding, ...]


class Tools(Record):
    """The programs, the engine, and how much of the machine one job may use."""

    ffmpeg: Path
    named_ffmpeg: NamedProgram | None = None  # in the settings; None: the packaged one
    encoders: frozenset[str]
    hwaccels: frozenset[str] = frozenset()
    decoded: CodecSet = CodecSet(rest=True)  # codecs that ffmpeg has a decoder for; all while nobody asked it
    known: CodecSet = CodecSet(rest=True)  # codecs that ffmpeg has a name for
    ffmpeg_missing: tuple[Finding, ...] = ()  # why the packaged ffmpeg stands in for the one in the settings
    engine: str = "auto"
    gpus: int | Literal["auto"] = "auto"  # equal devices that may render one video together; auto: all
    precision: Precision = "exact"
    jobs: int = 1  # that run on this host at once and share cores and memory equally
    lanes: int | Literal["auto"] = "auto"  # segments of one video that are rendered at once
    segment_seconds: float = DEFAULT_SECONDS  # length of a segment
    stall_seconds: float = STALL_SECONDS  # the longest time without progress, after which a worker is killed
    limits: Limits = Limits()

    @classmethod
    def of(cls, program: Ffmpeg) -> Self:
        """Return the tools with an ffmpeg that has passed its trial, and everything else as by default."""
        return cls(ffmpeg=program.path, encoders=program.encoders).with_ffmpeg(program)

    def with_ffmpeg(self, program: Ffmpeg) -> Self:
        """Return the tools with this ffmpeg, and what it can do."""
        return self.evolve(
            ffmpeg=program.path,
            encoders=program.encoders,
            hwaccels=program.hwaccels,
            decoded=program.decoded,
            known=program.known,
        )
