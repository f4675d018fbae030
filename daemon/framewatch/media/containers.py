"""Which containers, encoders and pixel formats fit together: container_rules.yaml as records."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from pydantic import Field, model_validator

from framewatch import documents
from framewatch.domain import Record


class Hardware(NamedTuple):
    """One kind of hardware that encodes."""

    hwaccel: str  # ffmpeg's name of its decoder
    needs_gpu_slot: bool  # whether a job that only encodes with it waits for a slot with a GPU


HardwareName = Literal["nvenc", "videotoolbox"]

HARDWARE: Mapping[HardwareName, Hardware] = MappingProxyType(
    {
        "nvenc": Hardware("cuda", needs_gpu_slot=True),
        "videotoolbox": Hardware("videotoolbox", needs_gpu_slot=False),
    }
)

RULES = Path(__file__).with_name("container_rules.yaml")


class CodecSet(Record):
    """A set of codecs: those named or, with `rest`, all others. Names may contain shell wildcards."""

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
    """Which encoders may write a kind of stream into a container, and which codecs may be copied into it."""

    encode: CodecSet = CodecSet()
    copied: CodecSet = CodecSet()
    fallback: str | None = None  # the encoder for a stream that was to be copied and cannot be


class SubtitleRules(Record):
    """Which subtitle codecs may be copied into a container, and what other text subtitles are converted to."""

    copied: CodecSet = CodecSet()
    encode: str | None = None  # None: the container has no codec for text


class Container(Record):
    """One kind of output file."""

    muxer: str  # ffmpeg's name
    kind: Literal["video", "audio", "animation", "image"] = "video"  # animation: gif; image: a still
    video: StreamRules = StreamRules()
    audio: StreamRules = StreamRules()
    subtitles: SubtitleRules = SubtitleRules()
    pixel_formats: dict[str, tuple[str, ...]] = Field(
        default_factory=dict
    )  # by encoder: fewer than it takes elsewhere
    covers: Literal["none", "track", "attachment"] = "none"
    attachments: bool = False
    chapters: bool = True
    audio_tracks: int | None = None  # the most that it holds; None: no limit
    clock: int | None = None  # ticks per second of every stream's timestamps; None: each stream has its own clock
    options: tuple[str, ...] = ()  # of ffmpeg's muxer

    @property
    def audio_only(self) -> bool:
        """Whether it holds nothing but sound and perhaps a cover."""
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
    hardware: HardwareName | None = None
    rates: tuple[Fraction, ...] | None = None  # frames per second that it can write; None: any
    shapes: tuple[Fraction, ...] | None = None  # display aspect ratios that it can store; None: any SAR
    decoded_as: dict[str, str] = Field(default_factory=dict)  # pixel formats that a decoder returns as another one

    @property
    def needs_gpu_slot(self) -> bool:
        """Whether a job that only encodes with it waits for a slot with a GPU."""
        return self.hardware is not None and HARDWARE[self.hardware].needs_gpu_slot


class VariableRate(Record):
    """ffmpeg's option for a variable bit rate of an audio encoder, and the range of its value."""

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
    steps: tuple[int, ...] | None = None  # the only rates that it has; None: any
    vbr: VariableRate | None = None
    sample_rate: int | None = None  # Hz, where it does not take all
    layouts: tuple[str, ...] | None = None  # for one channel, two, and so on, where it does not convert by itself
    block: int | None = None  # samples per channel that it has to be given at a time
    whole: tuple[str, ...] | None = None  # layouts that keep all their channels; None: all do

    def kbps(self, requested: int, channels: int) -> int | None:
        """Return the nearest bit rate that the encoder has; None for a lossless one."""
        if self.lossless:
            return None
        rate = requested
        if self.channel_kbps:
            low, high = self.channel_kbps
            rate = min(max(rate, low * channels), high * channels)
        if self.total_kbps:
            low, high = self.total_kbps
            rate = min(max(rate, low), high)
        return min(self.steps, key=lambda step: abs(step - rate)) if self.steps else rate


class Rules(Record):
    """The contents of container_rules.yaml."""

    containers: dict[str, Container]
    video_encoders: dict[str, VideoEncoder]
    audio_encoders: dict[str, AudioEncoder]
    text_subtitles: tuple[str, ...]
    styled_subtitles: tuple[str, ...]
    cover_types: dict[str, tuple[str, str]]  # codec -> file ending, MIME type

    def pixel_formats(self, container: str, encoder: str) -> tuple[str, ...]:
        """Return the pixel formats that `encoder` takes in `container`."""
        fewer = self.containers[container].pixel_formats.get(encoder)
        return fewer or self.video_encoders[encoder].pixel_formats

    def moving(self) -> list[str]:
        """Return the names of the containers for video, audio and gif: all but still images."""
        return [name for name, container in self.containers.items() if container.kind != "image"]


@cache
def rules() -> Rules:
    """Read container_rules.yaml, once."""
    return documents.validate(documents.read(RULES), Rules)
