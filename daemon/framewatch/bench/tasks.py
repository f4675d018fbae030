"""The tasks of a measuring worker and its answers: records that travel as one line of JSON each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from framewatch.domain import Record
from framewatch.render.messages import Failed, Logged
from framewatch.render.tasks import RenderTask, SegmentOutput


class EngineTask(Record):
    """Measure one engine alone, on frames of a render."""

    op: Literal["engine"] = "engine"
    engine: str  # a key of `engine_speed.CANDIDATES`
    render: RenderTask  # the render whose frames are used
    seconds: float  # about how long to compute; opening the engine and checking it come on top
    check: bool = True  # whether to run the self-test and compare a patch with the reference


class EngineReport(Record):
    """An engine alone, from frames in memory to frames in memory, without the output check."""

    op: Literal["engine"] = "engine"
    name: str  # engine and precision, such as "openvino/bf16"
    device: str
    gpu: bool
    layout: Literal["rgb", "yuv420p"]  # of the frames, as a render gives them to this engine
    width: int  # of the input frames in pixels; on a CPU a part of a large frame
    height: int
    in_flight: int  # frames computed at once
    fps: float  # of the fastest round
    milliseconds: float  # 1000 / fps; not the latency of a frame when several are in flight
    tflops: float  # 10^12 operations a second; a multiplication and an addition count as two
    psnr_db: float  # of a patch against the float32 reference; 120 means equal, 0 not compared


class StagesTask(Record):
    """Measure each stage of a render alone."""

    op: Literal["stages"] = "stages"
    render: RenderTask
    segments: dict[int, SegmentOutput]  # the segment whose encoder is measured, by the number of lanes
    folder: Path  # where the encoders write
    seconds: float  # about how long all stages together may take, the engine's opening not included


class StagesReport(Record):
    """Frames a second of each stage while the other stages do not slow it down."""

    op: Literal["stages"] = "stages"
    decode_fps: float
    upscale_fps: float  # with the output check
    engine: str
    encode_fps: dict[int, float]  # all lanes together, by the number of lanes; 0: no frame came out in time


class Stepped(Record):
    """How far a measurement is."""

    event: Literal["stepped"] = "stepped"
    what: str
    done: float  # 0 to 1


Report = Annotated[EngineReport | StagesReport, Field(discriminator="op")]


class Measured(Record):
    """A measurement is done."""

    event: Literal["finished"] = "finished"
    report: Report


TASKS: TypeAdapter[Any] = TypeAdapter(Annotated[EngineTask | StagesTask, Field(discriminator="op")])
MESSAGES: TypeAdapter[Any] = TypeAdapter(
    Annotated[Stepped | Logged | Measured | Failed, Field(discriminator="event")]
)
