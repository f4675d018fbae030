"""Metadata: what a preset may do with the tags of a file, and ffmpeg's options for it. Pure."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from framewatch.documents import FindingError
from framewatch.domain import Record

MAX_CHARACTERS = 10_000  # a command line holds 128 KiB an argument


def _text(value: Any) -> Any:
    """YAML reads `date: 2024` as a number and `2024-05-01` as a date; a command line takes no NUL."""
    if isinstance(value, dt.date) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    if isinstance(value, str) and "\0" in value:
        raise FindingError("config.bad_value", "a NUL character cannot be written into a tag")
    return value


Tag = Annotated[Annotated[str, Field(max_length=MAX_CHARACTERS)] | None, BeforeValidator(_text)]


class Metadata(Record):
    """What becomes of the source's tags."""

    mode: Literal["preserve", "clean", "replace"] = Field(
        "preserve",
        description=(
            "preserve: all come along, and those named here take the place of the source's. clean: none does: no tag "
            "of the file or of a track (title, language, handler), no chapters; covers and fonts stay. replace: the "
            "file has those named here and no other; tracks keep theirs, and chapters stay."
        ),
    )
    title: Tag = Field(None, description="Of the film or the piece.")
    artist: Tag = Field(None, description="Who made it.")
    album: Tag = Field(None, description="What it is part of.")
    genre: Tag = Field(None, description="Its kind.")
    date: Tag = Field(None, description="When it was made: a year, or year-month-day.")
    comment: Tag = Field(None, description="Anything else.")

    @property
    def tags(self) -> dict[str, str]:
        """The tags that are given; an empty one is none, as Frame saves them."""
        names = ("title", "artist", "album", "genre", "date", "comment")
        return {name: value for name in names if (value := getattr(self, name))}

    @property
    def cleans(self) -> bool:
        """True where nothing of the source is to be told."""
        return self.mode == "clean"
