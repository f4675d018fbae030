"""The messages that a worker sends while it runs a task, and when the task ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Literal, Self

from pydantic import Field, TypeAdapter

from framewatch.domain import Record, StageName
from framewatch.errors import ErrorRecord, Finding
from framewatch.render.tasks import Report


class FramesCounted(Record):
    """How far the running task is: in frames or, for audio alone, in seconds of the output."""

    event: Literal["counted"] = "counted"
    stage: StageName | None
    decoded: int = 0
    upscaled: int = 0
    encoded: int = 0
    seconds: float = 0.0

    @classmethod
    def total(cls, counts: Iterable[FramesCounted], *, stage: StageName | None) -> Self:
        """Add up the frames of several counts."""
        counts = list(counts)
        return cls(
            stage=stage,
            decoded=sum(each.decoded for each in counts),
            upscaled=sum(each.upscaled for each in counts),
            encoded=sum(each.encoded for each in counts),
        )


class Alive(Record):
    """The running task made progress, though no frame may be finished; sent when the count has changed."""

    event: Literal["alive"] = "alive"
    count: int  # of everything that was read, decoded, computed or written so far


class SegmentRendered(Record):
    """A segment's file is complete. The owner of the worker syncs it and enters it in the ledger."""

    event: Literal["segment_rendered"] = "segment_rendered"
    number: int
    frames: int
    size: int  # bytes
    digest: str  # BLAKE2b of the file, in hex
    engine: str
    upscaled: int  # source frames that went through the engine
    damaged: int  # source frames that could not be decoded; each was replaced by the frame before it


class Logged(Record):
    """A line for the log; `stage` gives it the prefix [DECODE], [UPSCALE] or [ENCODE]."""

    event: Literal["logged"] = "logged"
    stage: StageName
    line: str
    level: Literal["debug", "info", "warning", "error"] = "info"


class Warned(Record):
    """Something that the user should know, and that did not stop the task."""

    event: Literal["warned"] = "warned"
    warning: Finding


class EngineOpened(Record):
    """The engine that was chosen; it has passed its self-test."""

    event: Literal["engine_opened"] = "engine_opened"
    engine: str


class Finished(Record):
    """The task is done."""

    event: Literal["finished"] = "finished"
    report: Report


class Failed(Record):
    """The task failed."""

    event: Literal["failed"] = "failed"
    error: ErrorRecord


Message = Annotated[
    FramesCounted | Alive | SegmentRendered | Logged | Warned | EngineOpened | Finished | Failed,
    Field(discriminator="event"),
]

MESSAGES: TypeAdapter[Message] = TypeAdapter(Message)

Send = Callable[[Record], None]
"""Sends a message to the owner; may be called from any thread."""


def stage_log(send: Send, stage: StageName) -> Callable[[str, str], None]:
    """Return a function that sends a level and a line as a `Logged` of a stage."""

    def log(level: str, line: str) -> None:
        send(Logged.model_validate({"stage": stage, "line": line, "level": level}))

    return log
