"""The kinds of properties and the rules for them: carriage.yaml as records."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field, field_validator, model_validator

from framewatch import documents
from framewatch.domain import Record
from framewatch.domain.inventory import UNKNOWN
from framewatch.media.containers import CodecSet

Way = Literal["upscale", "transcode", "copy"]
Outcome = Literal["carried", "converted", "dropped"]

RULES = Path(__file__).with_name("carriage.yaml")
WAYS: tuple[Way, ...] = ("upscale", "transcode", "copy")


class Output(NamedTuple):
    """What the outcome depends on."""

    container: str
    encoder: str = ""  # of the video, as presets name it
    pixel_format: str = ""  # of the video
    whole: bool = True  # the picture is neither cropped, turned nor framed
    scaled: bool = False  # the picture is made smaller or larger by other means than the network
    retimed: bool = False  # the output begins later than the source, or has another frame rate
    stream: str = ""  # the kind of the stream that has the property
    detail: str = ""  # what the property says


class Clause(Record):
    """An outcome for some containers, and what of the output it depends on."""

    carried: CodecSet = CodecSet()  # containers
    converted: CodecSet = CodecSet()
    encoders: CodecSet = CodecSet(rest=True)
    pixel_formats: tuple[str, ...] | None = None
    whole: bool = False
    scaled: bool = True
    retimed: bool = True
    streams: tuple[str, ...] | None = None  # kinds of streams
    details: tuple[str, ...] | None = None

    def outcome(self, output: Output) -> Outcome:
        """Return what becomes of a property in this output, as far as this clause says."""
        if output.container in self.carried and self._fits(output):
            return "carried"
        return "converted" if output.container in self.converted and self._fits(output) else "dropped"

    def _fits(self, output: Output) -> bool:
        if output.encoder not in self.encoders:
            return False
        formats = self.pixel_formats
        if formats is not None and not any(fnmatchcase(output.pixel_format, each) for each in formats):
            return False
        if self.streams is not None and output.stream not in self.streams:
            return False
        if (output.retimed and not self.retimed) or (self.details is not None and output.detail not in self.details):
            return False
        return (output.whole or not self.whole) and (self.scaled or not output.scaled)


class Rule(Record):
    """What becomes of one kind in one way: what the first clause says that keeps it."""

    clauses: tuple[Clause, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        """Read one clause, or an outcome alone, which is the same for all containers."""
        if value == "dropped":
            return {"clauses": ()}
        if value in ("carried", "converted"):
            return {"clauses": ({value: "any"},)}
        if isinstance(value, list):
            return {"clauses": tuple(value)}
        return {"clauses": (value,)} if isinstance(value, Mapping) and "clauses" not in value else value

    def outcome(self, output: Output) -> Outcome:
        """Return what becomes of a property in this output."""
        outcomes = (clause.outcome(output) for clause in self.clauses)
        return next((each for each in outcomes if each != "dropped"), "dropped")


class Kind(Record):
    """One kind of property."""

    title: str
    stream: tuple[str, ...] = ()  # names in libav's description of a stream
    frame: tuple[int, ...] = ()  # numbers in enum AVFrameSideDataType
    disposition: int | None = None  # bit in AVStream.disposition
    upscale: Rule
    transcode: Rule
    copied: Rule = Field(alias="copy")
    code: str = ""
    told_by: str = ""
    why: str = "{container} cannot hold it"
    verb: str = "is dropped"
    lossy: bool = False
    metadata: bool = False
    silent: bool = False
    rewritten: bool = False

    @field_validator("frame", mode="before")
    @classmethod
    def _one_number(cls, value: Any) -> Any:
        return (value,) if isinstance(value, int) else value

    @model_validator(mode="after")
    def _says_what_is_lost(self) -> Kind:
        if not (self.code or self.told_by or self.silent):
            raise ValueError(f"{self.title}: no code for the warning")
        return self

    def rule(self, way: Way) -> Rule:
        """Return the rule for one way."""
        return {"upscale": self.upscale, "transcode": self.transcode, "copy": self.copied}[way]

    def has_place(self, encoder: str) -> bool:
        """Return whether a video that is encoded with this encoder can have the property at all."""
        return any(encoder in clause.encoders for clause in self.transcode.clauses)


class _Kinds(Record):
    kinds: dict[str, Kind]


@cache
def kinds() -> Mapping[str, Kind]:
    """Read carriage.yaml, once."""
    return documents.validate(documents.read(RULES), _Kinds).kinds


def title(kind: str) -> str:
    """Return what users call a kind."""
    return kind if kind == UNKNOWN else kinds()[kind].title


@cache
def by_name() -> Mapping[str, str]:
    """Return the kinds by libav's names for the side data of a stream."""
    return {name: kind for kind, rule in kinds().items() for name in rule.stream}


@cache
def by_number() -> Mapping[int, str]:
    """Return the kinds by libav's numbers for the side data of a frame."""
    return {number: kind for kind, rule in kinds().items() for number in rule.frame}


@cache
def by_disposition() -> Mapping[int, str]:
    """Return the kinds by libav's bits for a stream's disposition."""
    return {rule.disposition: kind for kind, rule in kinds().items() if rule.disposition is not None}
