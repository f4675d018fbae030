"""The table of what fits together, read from container_rules.yaml: containers, encoders, pixel formats."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from framewatch import documents
from framewatch.domain import Record

HWACCELS = {"nvenc": "cuda", "videotoolbox": "videotoolbox"}
"""Hardware that encodes, and ffmpeg's name of the one that decodes beside it."""

RULES = Path(__file__).with_name("container_rules.yaml")


class CodecSet(Record):
    """Some codecs: those named, or, with `rest`, all but those named. A name may hold shell wildcards."""

    names: tuple[str, ...] = ()
    rest: bool = False

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        if value == "any":
            return {"rest": True}
        if isinstance(value, list):
            return {"names": tuple(value)}
        if isinstance(value, Mapping) and "any_but" in value:
            return {"names": tuple(value["any_but"]), "rest": True}
        return value

    def __contains__(self, codec: str) -> bool:
        return any(fnmatchcase(codec, name) for name in self.names) != self.rest

    def __bool__(self) -> bool:
        return self.rest or bool(self.names)

    def __str__(self) -> str:
        names = ", ".join(self.names)
        if not self.rest:
            return names or "none"
        return f"any but {names}" if names else "any"


class StreamRules(Record):
    """Which encoders may write a kind of stream, and which codecs may be copied."""

    encode: CodecSet = CodecSet()
    copied: CodecSet = CodecSet()


class SubtitleRules(Record):
    """Which subtitle codecs are copied, and what text subtitles of other codecs become; None: nothing."""

    copied: CodecSet = CodecSet()
    encode: str | None = None


class Container(Record):
    """One kind of output file."""

    muxer: str  # ffmpeg's name
    kind: Literal["video", "audio", "picture", "image"] = "video"  # picture: gif, which moves; image: a still one
    video: StreamRules = StreamRules()
    audio: StreamRules = StreamRules()
    subtitles: SubtitleRules = SubtitleRules()
    pixel_formats: dict[str, tuple[str, ...]] = Field(default_factory=dict)  # by encoder, where narrower
    covers: Literal["none", "track", "attachment"] = "none"
    attachments: bool = False
    chapters: bool = True
    audio_tracks: int | None = None  # the most it holds, where there is a limit
    options: tuple[str, ...] = ()  # of ffmpeg's muxer

    @property
    def audio_only(self) -> bool:
        """True where it holds sound and nothing else but a cover."""
        return self.kind == "audio"

    @property
    def has_audio(self) -> bool:
        """Whether it holds sound at all."""
        return bool(self.audio.encode) or bool(self.audio.copied)

    @property
    def has_subtitles(self) -> bool:
        """Whether it holds subtitles of any kind."""
        return bool(self.subtitles.copied) or self.subtitles.encode is not None


class VideoEncoder(Record):
    """A video encoder, as presets name it."""

    codec: str
    program: str
    pixel_formats: tuple[str, ...]
    speed: Literal["x264", "svtav1", "any"] = "any"
    crf: tuple[int, int] | None = None
    bitrate: bool = True
    hardware: Literal["nvenc", "videotoolbox"] | None = None
    rates: tuple[Fraction, ...] = ()  # frames a second that it can write; none named: every one
    shapes: tuple[Fraction, ...] = ()  # of the whole picture with pixels that are not square; empty: any
    decoded_as: dict[str, str] = Field(default_factory=dict)


class VariableRate(Record):
    """How an audio encoder is asked for a variable bit rate: an option and the range of its number."""

    option: str
    least: int
    most: int


class AudioEncoder(Record):
    """An audio encoder, as presets name it. Bit rates in kbit/s."""

    codec: str
    program: str
    channels: int  # the most it takes
    lossless: bool = False
    channel_kbps: tuple[int, int] | None = None
    total_kbps: tuple[int, int] | None = None
    steps: tuple[int, ...] = ()
    vbr: VariableRate | None = None
    sample_rate: int | None = None  # Hz, where it does not take every one
    layouts: tuple[str, ...] = ()
    block: int | None = None  # samples of a channel that it has to be given at a time
    whole: tuple[str, ...] = ()  # layouts all of whose channels have a place; empty: every one

    def kbps(self, wanted: int, channels: int) -> int | None:
        """The rate it can really do that is nearest to the one wanted; None where it has none."""
        if self.lossless:
            return None
        if self.channel_kbps:
            low, high = self.channel_kbps
            wanted = min(max(wanted, low * channels), high * channels)
        if self.total_kbps:
            low, high = self.total_kbps
            wanted = min(max(wanted, low), high)
        return min(self.steps, key=lambda step: abs(step - wanted)) if self.steps else wanted


class Rules(Record):
    """The whole table."""

    containers: dict[str, Container]
    video_encoders: dict[str, VideoEncoder]
    audio_encoders: dict[str, AudioEncoder]
    text_subtitles: tuple[str, ...]
    styled_subtitles: tuple[str, ...]
    cover_types: dict[str, tuple[str, str]]  # codec -> file ending, MIME type

    def pixel_formats(self, container: str, encoder: str) -> tuple[str, ...]:
        """What `encoder` may be given in `container`."""
        narrower = self.containers[container].pixel_formats.get(encoder)
        return narrower or self.video_encoders[encoder].pixel_formats

    def moving(self) -> list[str]:
        """The containers for what has a length: video and sound."""
        return [name for name, container in self.containers.items() if container.kind != "image"]


@cache
def rules() -> Rules:
    """The table, read once."""
    return documents.validate(documents.read(RULES), Rules)
