"""The frozen records that packages hand to each other. A change is a new record, made by `evolve`."""

from __future__ import annotations

from framewatch.domain.changes import (
    MOST_SPANS,
    NO_CHANGES,
    Changes,
    Picture,
    PictureSpan,
    Sound,
    SoundSpan,
    picture_at,
)
from framewatch.domain.colour import Colour
from framewatch.domain.input_file import FileIdentity, InputFile, KnownFile
from framewatch.domain.inventory import Entry
from framewatch.domain.job import Job, JobState, Journal, Length
from framewatch.domain.media import (
    Audio,
    ChromaSiting,
    DolbyVision,
    Edges,
    Extras,
    FrameMessageKind,
    FrameMessages,
    Hdr,
    IccProfile,
    MasteringDisplay,
    MediaInfo,
    Rectangle,
    Stream,
    StreamKind,
    Video,
)
from framewatch.domain.progress import Forecast, ForecastBasis, Progress, StageName
from framewatch.domain.record import Record
from framewatch.domain.source_clock import CLOCK_CONTAINERS, ClockContainer, ClockStep, SourceClock
from framewatch.domain.speeds import Measured, Speeds, Workload
from framewatch.domain.timeline import Segment, Timeline

__all__ = [
    "CLOCK_CONTAINERS",
    "MOST_SPANS",
    "NO_CHANGES",
    "Audio",
    "Changes",
    "ChromaSiting",
    "ClockContainer",
    "ClockStep",
    "Colour",
    "DolbyVision",
    "Edges",
    "Entry",
    "Extras",
    "FileIdentity",
    "Forecast",
    "ForecastBasis",
    "FrameMessageKind",
    "FrameMessages",
    "Hdr",
    "IccProfile",
    "InputFile",
    "Job",
    "JobState",
    "Journal",
    "KnownFile",
    "Length",
    "MasteringDisplay",
    "Measured",
    "MediaInfo",
    "Picture",
    "PictureSpan",
    "Progress",
    "Record",
    "Rectangle",
    "Segment",
    "Sound",
    "SoundSpan",
    "SourceClock",
    "Speeds",
    "StageName",
    "Stream",
    "StreamKind",
    "Timeline",
    "Video",
    "Workload",
    "picture_at",
]
