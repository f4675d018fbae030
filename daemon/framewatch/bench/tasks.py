"""What a measuring worker is asked for and what it answers: records that travel as one line of JSON each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from framewatch.domain import Record
from framewatch.render.messages import Failed, Logged
from framewatch.render.tasks import RenderTask, SegmentOutput, Sizing


class EngineTask(Record):
    """Measure one engine alone, on frames of a render."""

    op: Literal["engine"] = "engine"
    engine: str  # one of `bench.engines.CANDIDATES`
    render: RenderTask  # whose frames go in
    seconds: float  # of each round


class EngineReport(Record):
    """An engine alone, from frames in memory to frames in memory, without its sentinel."""

    op: Literal["engine"] = "engine"
    name: str  # engine and precision, such as "openvino/bf16"
    device: str
    gpu: bool
    layout: Literal["rgb", "yuv420p"]  # of the frames, as a render gives them to this engine
    width: int  # of the frames that went in; where the processor computes, a part of a large frame
    height: int
    in_flight: int  # frames at once
    fps: float  # the best of three rounds
    milliseconds: float  # 1000 / fps: not how long one frame takes, where several are in flight
    tflops: float  # 10^12 operations a second; a multiplication and an addition are two
    peak_tflops: float | None  # of a matrix product on the same runtime, in the same process; None: not known
    share: float | None  # tflops / peak_tflops
    psnr_db: float  # of a patch of a real frame against the reference in float32; at most 120, which means equal


class StagesTask(Record):
    """Measure each stage of a render alone."""

    op: Literal["stages"] = "stages"
    render: RenderTask
    pieces: dict[int, SegmentOutput]  # whose encoder is measured, by how many stand side by side
    folder: Path  # where they write
    seconds: float  # of each measurement


class StagesReport(Record):
    """Frames a second of each stage, where the others do not hold it up."""

    op: Literal["stages"] = "stages"
    decode_fps: float
    upscale_fps: float  # with the output sentinel
    engine: str
    encode_fps: dict[int, float]  # by lanes; all lanes together; 0: nothing came out within a minute


class PngTask(Record):
    """Upscale a folder of PNG files into another one, as the seed does."""

    op: Literal["pngs"] = "pngs"
    program: Path | None  # realesrgan-ncnn-vulkan; None: the same network by the ncnn wheel
    source: Path
    target: Path
    scale: int
    sizing: Sizing  # load:proc:save


class PngReport(Record):
    """The answer to a `PngTask`."""

    op: Literal["pngs"] = "pngs"
    engine: str  # what it was done with
    seconds: float  # of the program, with its start; of the wheel, once its engine is open
    frames: int  # files that came out


class Stepped(Record):
    """How far a measurement is."""

    event: Literal["stepped"] = "stepped"
    what: str
    done: float  # 0 to 1


Report = Annotated[EngineReport | StagesReport | PngReport, Field(discriminator="op")]


class Measured(Record):
    """A measurement is over."""

    event: Literal["finished"] = "finished"
    report: Report


TASKS: TypeAdapter[Any] = TypeAdapter(Annotated[EngineTask | StagesTask | PngTask, Field(discriminator="op")])
MESSAGES: TypeAdapter[Any] = TypeAdapter(
    Annotated[Stepped | Logged | Measured | Failed, Field(discriminator="event")]
)
