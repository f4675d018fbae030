"""What a worker is asked for and what it answers: records that travel as one line of JSON each.

A task names everything it needs, so that a worker on another machine could do it. Names of files may hold bytes that
are not UTF-8; as JSON's escapes they arrive as they left.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from framewatch.domain import MediaInfo, Record, Segment, StageName, Stream, Timeline
from framewatch.media.colour import WorkingFormat
from framewatch.media.decode.output_inspection import Inspection
from framewatch.media.filter_graph import Filter
from framewatch.media.filters.loudness import Loudness
from framewatch.media.limits import Limits
from framewatch.media.plan.avi_timestamps import Stamps
from framewatch.media.plan.plane_format import PlaneCoding
from framewatch.media.plan.requested_timeline import TimingWish
from framewatch.media.plan.segments import Segmenting
from framewatch.upscale.network.weights import Precision


class Sizing(Record):
    """How many frames each stage may hold, as load:proc:save of the seed."""

    load: int = 1  # decoded frames that wait
    proc: int = 1  # frames in the engine at once
    save: int = 1  # upscaled frames that wait


class ProbeTask(Record):
    """Read what a file is, and when each of its frames is shown."""

    op: Literal["probe"] = "probe"
    source: Path
    timeline: bool = True  # False where the picture does not matter
    timing: TimingWish = TimingWish()
    segmenting: Segmenting = Segmenting()
    limits: Limits | None = None  # None: a file of our own


class ProbeReport(Record):
    """The answer to a `ProbeTask`; without a timeline where there is no video."""

    op: Literal["probe"] = "probe"
    info: MediaInfo
    timeline: Timeline | None
    # Seconds that the packets of each stream last, by index; measured, not stated.
    lengths: dict[int, float] = Field(default_factory=dict)
    stamps: Stamps = Stamps()  # what the packets do not say of frame times
    segments: tuple[Segment, ...] = ()  # what the timeline is divided into
    seekable: bool = True  # whether decoding can begin in the middle


class Piece(Record):
    """One segment as a file."""

    segment: Segment
    encoder: tuple[str, ...]  # the command that takes its upscaled frames on stdin and writes `path`
    planes_encoder: tuple[str, ...] = ()  # the same for frames that are planes
    path: Path
    # Where several workers have the same pieces: whoever makes this file, which was not there, renders the piece.
    claim: Path | None = None


class RenderTask(Record):
    """Decode, upscale and encode segments, each into a piece."""

    op: Literal["render"] = "render"
    source: Path
    video: Stream
    timeline: Timeline
    seekable: bool = True
    pieces: tuple[Piece, ...]
    lanes: int = 1  # pieces that are rendered at once
    scale: int
    width: int  # of the decoded, upright frames, in pixels
    height: int
    working_format: WorkingFormat
    planes: PlaneCoding | None = None  # for an engine that takes planes: then these are its frames, and not RGB
    hwaccel: str = ""  # the hardware that decodes; "" for none
    hwaccel_is_guessed: bool = False  # then the processor decodes where there is none, with a warning
    max_pixels: int = 0  # of a frame that is decoded; 0: no limit
    deinterlace: tuple[Filter, ...] = ()  # before everything
    filters: tuple[Filter, ...] = ()  # of the upright picture: what makes it `width` x `height`
    engine: str = "auto"  # as in the configuration; with a device, the one that sees it
    device: str | None = None  # of the engine; None: its first, and of whichever engine comes in its stead
    precision: Precision = "exact"
    sizing: Sizing = Sizing()


class RenderReport(Record):
    """The answer to a `RenderTask`: a `Pieced` was sent for each piece before, unless another worker has it."""

    op: Literal["render"] = "render"
    engine: str
    seconds: float
    busy_seconds: dict[StageName, float]  # of each stage, all lanes together


class ImageTask(Record):
    """Decode, upscale and encode a still picture."""

    op: Literal["image"] = "image"
    source: Path
    still: Stream
    scale: int  # 1: it keeps its size, and no engine is opened
    width: int  # of the upright picture, in pixels
    height: int
    working_format: WorkingFormat
    keep_alpha: bool  # else it is laid on white
    encoder: tuple[str, ...]  # the command that takes the finished picture on its stdin
    engine: str = "auto"
    precision: Precision = "exact"
    sizing: Sizing = Sizing()


class ImageReport(Record):
    """The answer to an `ImageTask`."""

    op: Literal["image"] = "image"
    engine: str | None  # None where none was needed


class DeviceTask(Record):
    """Tell which device a render with this engine would run on."""

    op: Literal["device"] = "device"
    engine: str = "auto"
    precision: Precision = "exact"


class DeviceReport(Record):
    """The answer to a `DeviceTask`."""

    op: Literal["device"] = "device"
    name: str  # engine and device, such as "ncnn-vulkan 0"
    engine: str = ""  # what a `RenderTask` on this device, and no other, calls them
    id: str = ""
    description: str
    memory_gb: float  # of the device; for a processor, of the machine
    gpu: bool = False  # it leaves the processor's cores to decoders and encoders
    in_flight: int = 1  # frames that it wants at once
    planes: bool = False  # it takes planes of YUV
    others: tuple[DeviceReport, ...] = ()  # that are just like it


class TrialTask(Record):
    """Open an engine on a small frame, and time it."""

    op: Literal["trial"] = "trial"
    engine: str = "auto"
    precision: Precision = "exact"


class TrialReport(Record):
    """The answer to a `TrialTask`."""

    op: Literal["trial"] = "trial"
    engine: str  # what opened and passed its self-test
    milliseconds: float  # for one frame of 320x180 at 2x
    devices: tuple[str, ...]  # what each engine sees here


class CommandTask(Record):
    """Run one ffmpeg command that reads and writes files."""

    op: Literal["command"] = "command"
    argv: tuple[str, ...]
    counts: bool = False  # its frames are the job's progress


class CommandReport(Record):
    """The answer to a `CommandTask`."""

    op: Literal["command"] = "command"
    seconds: float


class MeasureTask(Record):
    """Run one ffmpeg command that tells how loud a track is."""

    op: Literal["measure"] = "measure"
    argv: tuple[str, ...]


class MeasureReport(Record):
    """The answer to a `MeasureTask`."""

    op: Literal["measure"] = "measure"
    loudness: Loudness | None  # None: the track is silent


class InspectTask(Record):
    """Read a finished file to its end, decoding it, and tell what it holds."""

    op: Literal["inspect"] = "inspect"
    path: Path
    decode: bool = True  # False: the main video is only read
    groups: tuple[int, ...] | None = None  # packets that are digested together; None: no payload is asked for
    threads: int = 0  # that decode each video; 0: as many as there are cores


class InspectReport(Record):
    """The answer to an `InspectTask`."""

    op: Literal["inspect"] = "inspect"
    inspection: Inspection


Task = Annotated[
    ProbeTask | DeviceTask | TrialTask | RenderTask | ImageTask | CommandTask | MeasureTask | InspectTask,
    Field(discriminator="op"),
]
Report = Annotated[
    ProbeReport
    | DeviceReport
    | TrialReport
    | RenderReport
    | ImageReport
    | CommandReport
    | MeasureReport
    | InspectReport,
    Field(discriminator="op"),
]


TASKS: TypeAdapter[Task] = TypeAdapter(Task)
