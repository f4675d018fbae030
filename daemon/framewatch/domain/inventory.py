"""What a file has beyond picture and sound: one entry for each property, whatever libav calls it."""

from __future__ import annotations

from framewatch.domain.record import Record

UNKNOWN = "unknown"


class Entry(Record):
    """One property of a file, of a stream, or of frames.

    `media.inventory` has the kinds, and what becomes of each.
    """

    kind: str  # a key of carriage.yaml, or `UNKNOWN`
    stream: int | None = None  # index; None: of the whole file
    detail: str = ""  # what it says, in a few words; libav's name where the kind is unknown
    data: str = ""  # what is needed to write it again: hexadecimal, as libav has it
