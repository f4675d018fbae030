"""What a worker says while it is at a task, and how it ends: records that travel as one line of JSON each."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from framewatch.domain import Record, StageName
from framewatch.errors import ErrorRecord, Finding
from framewatch.render.tasks import Report


class Counted(Record):
    """How far the running task is, in frames, or, where there are none, in seconds of the output."""

    event: Literal["counted"] = "counted"
    stage: StageName | None
    decoded: int = 0
    upscaled: int = 0
    encoded: int = 0
    seconds: float = 0.0


class Alive(Record):
    """The running task gets on, though there may be no frame more; sent where the count has changed."""

    event: Literal["alive"] = "alive"
    count: int  # of all signs of it: something read, decoded, computed or written


class Pieced(Record):
    """A piece is whole; it is for the owner to bring it onto the disk."""

    event: Literal["pieced"] = "pieced"
    number: int  # of its segment
    frames: int
    size: int  # bytes
    digest: str  # BLAKE2b of its bytes, in hex
    engine: str
    upscaled: int  # source frames that went through the engine for it
    damaged: int  # source frames that could not be decoded; their neighbours stand in for them


class Logged(Record):
    """A line for the log; `stage` gives it the seed's [DECODE], [UPSCALE] or [ENCODE]."""

    event: Literal["logged"] = "logged"
    stage: StageName
    line: str
    level: Literal["debug", "info", "warning", "error"] = "info"


class Warned(Record):
    """Something that did not stop the task and that its owner should know."""

    event: Literal["warned"] = "warned"
    warning: Finding


class Opened(Record):
    """The engine that was chosen and has passed its self-test."""

    event: Literal["opened"] = "opened"
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
    Counted | Alive | Pieced | Logged | Warned | Opened | Finished | Failed, Field(discriminator="event")
]

MESSAGES: TypeAdapter[Message] = TypeAdapter(Message)
