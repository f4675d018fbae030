"""The tasks that a worker is given, and the reports that it answers with.

A task names everything that it needs, so that a worker on another machine could run it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from framewatch.domain import (
    NO_CHANGES,
    Changes,
    InputFile,
    MediaInfo,
    Record,
    Segment,
    SourceClock,
    StageName,
    Stream,
    Timeline,
)
from framewatch.errors import Finding
from framewatch.media.colour import WorkingFormat
from framewatch.media.decode.output_inspection import Inspection
from framewatch.media.filter_graph import Filter
from framewatch.media.filters.loudness import Loudness
from framewatch.media.limits import Limits
from framewatch.media.plan.avi_timestamps import FrameTimes
from framewatch.media.plan.frame_messages import CarriedMessages
from framewatch.media.plan.output_time import TimelineRequest
from framewatch.media.plan.plane_format import PlaneCoding
from framewatch.media.plan.segments import SegmentOptions
from framewatch.media.process_bounds import NO_BOUNDS, Bounds
from framewatch.upscale.network.weights import Precision


class Sizing(Record):
    """How many frames may wait or be computed in a lane; load:proc:save in the manner of realesrgan-ncnn-vulkan."""

    load: int = 1  # decoded frames that wait for the engine
    proc: int = 1  # frames in the engine at once
    save: int = 1  # upscaled frames that wait for the encoder


class BoundedTask(Record):
    """A task, and what its processes may use."""

    bounds: Bounds = NO_BOUNDS


class ProbeTask(BoundedTask):
    """Read what a file is, and when each of its frames is shown."""

    op: Literal["probe"] = "probe"
    source: InputFile | Path  # a path of a file that framewatch has made
    timeline: bool = True  # False where only audio matters
    video_track: int | None = None  # index of the video that the preset names
    reach: int | None = None  # bytes in which streams are looked for at least
    timeline_request: TimelineRequest = TimelineRequest()
    segment_options: SegmentOptions = SegmentOptions()
    limits: Limits | None = None  # None for a file that framewatch has made


class ProbeReport(Record):
    """The answer to a `ProbeTask`; it has no timeline where there is no video."""

    op: Literal["probe"] = "probe"
    info: MediaInfo
    timeline: Timeline | None
    lengths: dict[int, float] = Field(default_factory=dict)  # seconds of each stream by index, measured from packets
    frame_times: FrameTimes = FrameTimes()  # frame times that the packets do not say
    segments: tuple[Segment, ...] = ()  # the parts of the timeline
    seekable: bool = True  # whether decoding can begin in the middle
    warnings: tuple[Finding, ...] = ()  # about the file itself
    clock: SourceClock | None = None  # with which the file is to be read, and was for this report


class LengthTask(BoundedTask):
    """Find out how long a file says it is, from its headers alone."""

    op: Literal["length"] = "length"
    source: InputFile
    limits: Limits | None = None


class LengthReport(Record):
    """The answer to a `LengthTask`."""

    op: Literal["length"] = "length"
    seconds: float


class SegmentOutput(Record):
    """One segment, and the file that it is encoded into."""

    segment: Segment
    encoder: tuple[str, ...]  # the command that reads upscaled RGB frames from stdin and writes `path`
    planes_encoder: tuple[str, ...] | None = None  # the same for planes of YUV; None where no engine may give them
    path: Path
    # Where several workers have the same segments: the worker that creates this file renders the segment. So whoever
    # is free takes the next one, without messages that a worker on another host could not have.
    claim: Path | None = None

    def command(self, *, yuv: bool) -> tuple[str, ...]:
        """Return the encoder's command for the kind of frames that the engine gives."""
        if not yuv:
            return self.encoder
        assert self.planes_encoder is not None  # noqa: S101 - the engine was offered planes
        return self.planes_encoder


class RenderTask(BoundedTask):
    """Decode, upscale and encode segments, each into a file of its own.

    The commands for RGB and for planes are both there: the engine that opens decides which frames it takes, and a
    fallback in the middle of a video changes neither pixel format nor tags.
    """

    op: Literal["render"] = "render"
    source: InputFile
    video: Stream
    timeline: Timeline
    seekable: bool = True
    changes: Changes = NO_CHANGES
    outputs: tuple[SegmentOutput, ...]
    lanes: int = 1  # segments that are rendered at once
    scale: int
    width: int  # of the decoded, upright frames, in pixels
    height: int
    working_format: WorkingFormat
    planes: PlaneCoding | None = None  # how frames are coded for an engine that takes planes instead of RGB
    hwaccel: str | None = None  # ffmpeg's name of the hardware that decodes
    hwaccel_is_guessed: bool = False  # then the CPU decodes where that hardware is missing, with a warning
    max_pixels: int | None = None  # the largest frame that is decoded; None: no limit
    deinterlace: tuple[Filter, ...] = ()  # before everything else
    filters: tuple[Filter, ...] = ()  # of the upright frame; they make it `width` x `height`
    messages: CarriedMessages | None = None  # what the source attaches to frames, and the segments are to have
    engine: str = "auto"  # as in the configuration; with a device, the engine that sees it
    device: str | None = None  # of the engine; None: its first, or that of the engine that replaces it
    precision: Precision = "exact"
    sizing: Sizing = Sizing()
    boxes: str = ""  # hexadecimal: what is put into each segment besides what its encoder writes
    last: Path | None = None  # while this file exists, no other segment is begun; those that are begun are finished


class RenderReport(Record):
    """The answer to a `RenderTask`; a `SegmentRendered` was sent for each segment that this worker rendered."""

    op: Literal["render"] = "render"
    engine: str
    seconds: float
    busy_seconds: dict[StageName, float]  # of each stage, all lanes together


class AttachTask(BoundedTask):
    """Give an encoded video what the source attaches to its frames, and to its video as a whole."""

    op: Literal["attach"] = "attach"
    path: Path  # the video, without sound; it is replaced
    source: InputFile
    video: Stream
    timeline: Timeline
    segments: tuple[Segment, ...]  # by which the source is read
    seekable: bool = True
    messages: CarriedMessages | None = None
    boxes: str = ""  # as of a `RenderTask`


class AttachReport(Record):
    """The answer to a `AttachTask`."""

    op: Literal["attach"] = "attach"
    lost: int  # messages that were too many


class ImageTask(BoundedTask):
    """Decode, upscale and encode an image."""

    op: Literal["image"] = "image"
    source: InputFile
    still: Stream
    scale: int  # 1: the image keeps its size, and no engine is opened
    width: int  # of the upright image, in pixels
    height: int
    working_format: WorkingFormat
    keep_alpha: bool  # else it is laid on white
    encoder: tuple[str, ...]  # the command that reads the finished image from stdin
    icc_into: Path | None = None  # the file that the command writes, if it is to get the source's ICC profile
    engine: str = "auto"
    precision: Precision = "exact"
    sizing: Sizing = Sizing()


class ImageReport(Record):
    """The answer to an `ImageTask`."""

    op: Literal["image"] = "image"
    engine: str | None  # None where none was needed


class DeviceTask(BoundedTask):
    """Find the device that a render with this engine would run on."""

    op: Literal["device"] = "device"
    engine: str = "auto"
    precision: Precision = "exact"


class DeviceReport(Record):
    """The answer to a `DeviceTask`."""

    op: Literal["device"] = "device"
    engine: str
    id: str  # as the engine names it
    description: str
    memory_gb: float  # of the device; for a CPU, of the machine
    gpu: bool = False  # leaves the CPU's cores to decoders and encoders
    in_flight: int = 1  # frames that it wants at once
    planes: bool = False  # takes planes of YUV
    others: tuple[DeviceReport, ...] = ()  # equal devices

    @property
    def name(self) -> str:
        """Engine and device, such as "ncnn-vulkan 0"."""
        return f"{self.engine} {self.id}".strip()


class TrialTask(BoundedTask):
    """Open an engine on a small frame, and time it."""

    op: Literal["trial"] = "trial"
    engine: str = "auto"
    precision: Precision = "exact"


class TrialReport(Record):
    """The answer to a `TrialTask`."""

    op: Literal["trial"] = "trial"
    engine: str  # the one that opened and passed its self-test
    milliseconds: float  # for one frame of 320x180 at 2x
    devices: tuple[str, ...]  # what each engine sees here


class CommandTask(BoundedTask):
    """Run an ffmpeg command that reads and writes files."""

    op: Literal["command"] = "command"
    argv: tuple[str, ...]
    inputs: tuple[InputFile, ...] = ()  # ffmpeg gets these by descriptor; what else it opens is framewatch's own
    counts: bool = False  # its frames are the job's progress


class CommandReport(Record):
    """The answer to a `CommandTask`."""

    op: Literal["command"] = "command"
    seconds: float


class MeasureTask(BoundedTask):
    """Run an ffmpeg command that measures the loudness of a track."""

    op: Literal["measure"] = "measure"
    argv: tuple[str, ...]
    inputs: tuple[InputFile, ...] = ()  # as of a `CommandTask`


class MeasureReport(Record):
    """The answer to a `MeasureTask`."""

    op: Literal["measure"] = "measure"
    loudness: Loudness | None  # None: the track is silent


class InspectTask(BoundedTask):
    """Decode a finished file to its end, and report what it holds."""

    op: Literal["inspect"] = "inspect"
    path: Path
    decode: bool = True  # False: the main video is only read
    groups: tuple[int, ...] | None = None  # numbers of packets that are digested together; None: no digests
    threads: int | None = None  # for each decoder; None: as many as there are cores


class InspectReport(Record):
    """The answer to an `InspectTask`."""

    op: Literal["inspect"] = "inspect"
    inspection: Inspection


Task = Annotated[
    ProbeTask
    | LengthTask
    | DeviceTask
    | TrialTask
    | RenderTask
    | AttachTask
    | ImageTask
    | CommandTask
    | MeasureTask
    | InspectTask,
    Field(discriminator="op"),
]
Report = Annotated[
    ProbeReport
    | LengthReport
    | DeviceReport
    | TrialReport
    | RenderReport
    | AttachReport
    | ImageReport
    | CommandReport
    | MeasureReport
    | InspectReport,
    Field(discriminator="op"),
]

TASKS: TypeAdapter[Task] = TypeAdapter(Task)
