"""The part of a preset that is about time: the cut, the frame rate and what becomes of a variable one."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from framewatch.domain import Record
from framewatch.media.preset import values

Rate = Annotated[
    Literal["original"] | Fraction,
    BeforeValidator(values.rate),
    WithJsonSchema({"anyOf": [{"const": "original"}, {"type": "number", "minimum": 1, "maximum": 240},
                              {"type": "string"}]}),
]  # fmt: skip
Moment = Annotated[
    float | None,
    BeforeValidator(values.seconds),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}, {"type": "null"}]}),
]


class TimingKeys(Record):
    """What a preset says of time. Nothing here changes the speed."""

    fps: Rate = Field("original", description="Frames per second of the output: original, or a number.")
    frame_timing: Literal["cfr", "preserve"] = Field(
        "cfr", description="cfr: a constant rate; preserve: each frame keeps its own time (variable rate)."
    )
    start_time: Moment = Field(
        None, description="Where the output begins, from the beginning of the source: seconds, mm:ss or hh:mm:ss.fff."
    )
    end_time: Moment = Field(None, description="Where it ends: the first moment that is left out.")
