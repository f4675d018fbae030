"""What a benchmark found, as one document. `framewatch.bench/1` is a contract."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from framewatch.bench.tasks import EngineReport, StagesReport
from framewatch.domain import Record, StageName

Phase = Literal["start", "probe", "rehearsal", "open", "render", "inspect", "join", "verify", "other"]


class Machine(Record):
    """What all the figures depend on."""

    framewatch: str
    python: str
    system: str
    processor: str
    cores: int  # that this process may use
    flags: tuple[str, ...]  # instructions for vectors and matrices that engines can make use of
    memory_gb: float
    gpus: tuple[str, ...]  # name and driver
    ffmpeg: str
    runtimes: dict[str, str]  # versions of those that are installed


class Clip(Record):
    """What was worked on."""

    name: str
    width: int
    height: int
    frames: int
    fps: float
    scale: int
    encoder: str  # video codec and its preset


class EngineRow(Record):
    """An engine alone; `found` is None where it does not work here, and `why` says why."""

    engine: str
    found: EngineReport | None
    why: str = ""


class WholeWay(Record):
    """One clip from file to verified file."""

    lanes: int  # segments that were rendered side by side
    engine: str
    frames: int
    seconds: float
    fps: float
    render_fps: float  # of the rendering alone, the engine open
    phases: dict[Phase, float]  # seconds; they add up to `seconds`, unless some ran beside others
    busy: dict[StageName, float]  # seconds that each stage was at work while rendering, all lanes together
    slowest: StageName  # of the stages alone
    slowest_fps: float
    share: float  # fps / slowest_fps


class Baseline(Record):
    """The seed's way on the same clip: all frames to PNG files, the network over them, an encoder over those.

    Where it failed, `why` says why, and there are no figures.
    """

    engine: str = ""
    frames: int = 0
    extract_fps: float = 0.0
    upscale_fps: float = 0.0
    encode_fps: float = 0.0
    fps: float = 0.0  # the three one after another
    times: float = 0.0  # how many times as fast the whole way is
    why: str = ""


class Episode(Record):
    """How long an episode of 24 minutes at 24000/1001 frames a second takes."""

    width: int
    height: int
    seconds: float
    extrapolated: bool  # by pixels, from the size that was measured
    words: str


class Advice(Record):
    """What to take on this machine."""

    engine: str  # for `engine:` in the configuration
    lanes: int | Literal["auto"]
    said: tuple[str, ...]  # the same in sentences, with the reasons
    episodes: tuple[Episode, ...]


class BenchReport(Record):
    """Everything."""

    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True, populate_by_name=True)

    schema_: Literal["framewatch.bench/1"] = Field("framewatch.bench/1", alias="schema")
    machine: Machine
    clip: Clip
    engines: tuple[EngineRow, ...]
    stages: StagesReport
    whole: tuple[WholeWay, ...]
    baseline: Baseline | None
    advice: Advice

    @property
    def best(self) -> WholeWay:
        """The fastest from file to file."""
        return max(self.whole, key=lambda way: way.fps)
