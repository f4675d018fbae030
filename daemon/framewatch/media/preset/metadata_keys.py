"""Preset keys for metadata: which tags the output has."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from framewatch.documents import FindingError
from framewatch.media.preset.values import PresetSection

MAX_CHARACTERS = 10_000  # one argument of a command line may be 128 KiB


def _tag_text(value: Any) -> Any:
    """Read a tag: YAML makes a number of `date: 2024`, and ffmpeg's argv takes no NUL."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and "\0" in value:
        raise FindingError("config.bad_value", "a tag cannot contain a NUL character", "remove it")
    return value


Tag = Annotated[Annotated[str, Field(max_length=MAX_CHARACTERS)] | None, BeforeValidator(_tag_text)]


class Metadata(PresetSection):
    """The metadata of the output."""

    # `clean` removes languages and chapters, too, as Frame does. Covers and the names of fonts are content and stay.
    mode: Literal["preserve", "clean", "replace"] = Field(
        "preserve",
        description=(
            "preserve: keep the source's tags; those given here replace theirs. clean: remove every tag of the file "
            "and its tracks (title, language, handler) and the chapters; covers and fonts stay. replace: the file "
            "has only the tags given here; tracks keep theirs, and chapters stay."
        ),
    )
    title: Tag = Field(None, description="Title.")
    artist: Tag = Field(None, description="Artist.")
    album: Tag = Field(None, description="Album or series.")
    genre: Tag = Field(None, description="Genre.")
    date: Tag = Field(None, description="Date: a year, or year-month-day.")
    comment: Tag = Field(None, description="Comment.")

    @property
    def tags(self) -> dict[str, str]:
        """The tags to write. Frame saves a tag that is not set as an empty string, so empty ones do not count."""
        names = ("title", "artist", "album", "genre", "date", "comment")
        return {name: value for name in names if (value := getattr(self, name))}

    @property
    def removes_all(self) -> bool:
        """Whether no metadata of the source may reach the output."""
        return self.mode == "clean"
