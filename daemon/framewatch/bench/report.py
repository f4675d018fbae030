"""The result of a benchmark as one document. Its schema `framewatch.bench/2` is a contract with scripts.

`framewatch schema bench` prints it as a JSON Schema. A key that changes its meaning or goes needs a new number.
"""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from framewatch.bench.tasks import EngineReport, StagesReport
from framewatch.domain import Record, StageName

Phase = Literal["start", "probe", "rehearsal", "open", "render", "inspect", "join", "verify", "other"]


class Machine(Record):
    """The machine and the versions that all figures depend on."""

    framewatch: str
    python: str
    system: str
    processor: str
    cores: int  # that this process may use
    flags: tuple[str, ...]  # vector and matrix instructions that engines can use
    memory_gb: float
    gpus: tuple[str, ...]  # name and driver
    ffmpeg: str
    runtimes: dict[str, str]  # versions of the installed ones


class Clip(Record):
    """The clip that was measured with."""

    name: str
    width: int
    height: int
    frames: int
    fps: float
    scale: int
    encoder: str  # video codec and its preset


class Duration(Record):
    """How long the benchmark took."""

    announced_seconds: float
    seconds: float
    notes: tuple[str, ...] = ()  # what was measured with fewer frames, or not at all, to keep to the time


class EngineRow(Record):
    """An engine alone. `result` is None where it was not measured; `reason` says why."""

    engine: str
    result: EngineReport | None
    reason: str = ""


class EndToEnd(Record):
    """One clip from file to verified file, on a worker that is already warm."""

    lanes: int  # segments rendered at once
    engine: str
    frames: int
    seconds: float
    fps: float
    render_fps: float  # of rendering alone, without what comes before and after
    phases: dict[Phase, float]  # seconds; they add up to `seconds`, unless some ran in parallel
    busy: dict[StageName, float]  # seconds that each stage worked while rendering, all lanes together
    slowest: StageName  # of the stages measured alone
    slowest_fps: float
    share: float  # fps / slowest_fps


class Episode(Record):
    """How long an episode of 24 minutes at 24000/1001 frames a second takes."""

    width: int
    height: int
    seconds: float
    extrapolated: bool  # from the measured size, by the number of pixels
    text: str  # such as "3 hours 20 minutes"


class Recommendation(Record):
    """The settings to use on this machine."""

    engine: str  # for `engine:` in the configuration
    lanes: int | Literal["auto"]
    reasons: tuple[str, ...]  # the same as sentences, with the figures
    episodes: tuple[Episode, ...]


class BenchReport(Record):
    """Everything."""

    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True, populate_by_name=True)

    schema_: Literal["framewatch.bench/2"] = Field("framewatch.bench/2", alias="schema")
    machine: Machine
    clip: Clip
    duration: Duration
    start_seconds: float  # for a worker to start and open the engine: once in a daemon's life
    end_to_end: tuple[EndToEnd, ...]  # by lanes
    stages: StagesReport
    engines: tuple[EngineRow, ...]
    recommendation: Recommendation

    @property
    def best(self) -> EndToEnd:
        """The fastest run from file to file."""
        return max(self.end_to_end, key=lambda run: run.fps)
