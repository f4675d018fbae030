"""Preset keys for time: the cut, the frame rate, and constant or variable frame timing."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from framewatch.media.preset import values
from framewatch.media.preset.values import PresetSection

_NUMBER = {"type": "number", "minimum": values.MIN_RATE, "maximum": values.MAX_RATE}
FrameRate = Annotated[
    Literal["original"] | Fraction,
    BeforeValidator(values.frame_rate),
    WithJsonSchema({"anyOf": [{"const": "original"}, _NUMBER, {"type": "string"}]}),
]
CutTime = Annotated[
    float | None,
    BeforeValidator(partial(values.clock_time, code="time.unreadable")),
    values.CLOCK_TIME_SCHEMA,
]


class TimingKeys(PresetSection):
    """Preset keys for time. None of them changes the playback speed."""

    fps: FrameRate = Field("original", description="Frames per second of the output: original, or a number.")
    frame_timing: Literal["cfr", "preserve"] = Field(
        "cfr", description="cfr: constant frame rate; preserve: each frame keeps its own time (variable frame rate)."
    )
    start_time: CutTime = Field(
        None,
        description="Start of the output, counted from the start of the source: seconds, mm:ss or h:mm:ss.fff.",
    )
    end_time: CutTime = Field(
        None,
        description="End of the output, not included, counted from the start of the source: seconds, mm:ss or "
        "h:mm:ss.fff.",
    )
