"""How large a source may be: what a small hostile file can claim, or cost, before anybody looks at it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import Field

from framewatch.domain import MediaInfo, Record
from framewatch.errors import Finding

TRIED_PIXELS = 16384 * 16384
"""Limit for the frame that libav decodes while it opens a file, so that even a size beyond the limits is reported."""

_LEAST_DECODER_PIXELS = 2**20  # small frames are coded in blocks of up to 128x128

Hours = Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]


class Limits(Record):
    """The limits for a source. Still images have one of their own, since photographs are larger than videos."""

    max_pixels: int = Field(
        default=8192 * 8192, ge=1, le=2**30, description="Most pixels of a video's frame: width times height."
    )
    max_hours: Hours = Field(default=24.0, description="Longest video or audio.")
    max_streams: int = Field(
        default=100, ge=1, le=1000, description="Most streams in a file; fonts and other attachments do not count."
    )
    probe_seconds: Seconds = Field(
        default=600.0, description="Longest time to read what a file is, before its packets are scanned."
    )

    @property
    def decoder_pixels(self) -> int:
        """Limit for the frame that a decoder allocates: coded frames are slightly larger than what is shown."""
        return max(2 * self.max_pixels, _LEAST_DECODER_PIXELS)


def check_limits(info: MediaInfo, limits: Limits) -> list[Finding]:
    """Return the limits that a source's headers exceed."""
    return [*_too_many(info, limits), *_too_large(info, limits), *check_length(info.duration, limits)]


def check_spans(lengths: Mapping[int, float], info: MediaInfo, limits: Limits) -> list[Finding]:
    """Return a finding where the packets of an audio stream last too long, whatever the headers say.

    Args:
        lengths: seconds that each stream lasts, by index.
        info: what the probe found.
        limits: the limits.
    """
    audio = [lengths[stream.index] for stream in info.of_kind("audio") if stream.index in lengths]
    return check_length(max(audio, default=0.0), limits)


def check_length(seconds: float, limits: Limits) -> list[Finding]:
    """Return a finding where a source is too long, by its headers or by its timestamps."""
    if seconds <= limits.max_hours * 3600:
        return []
    message = f"it lasts {seconds / 3600:.1f} hours; at most {limits.max_hours:g} are allowed"
    return [Finding("media.too_long", message, "cut it, correct its timestamps, or raise limits.max_hours")]


def _too_many(info: MediaInfo, limits: Limits) -> Iterator[Finding]:
    count = sum(stream.kind != "attachment" for stream in info.streams)
    if count > limits.max_streams:
        message = f"it has {count} streams; at most {limits.max_streams} are allowed"
        yield Finding("media.too_many_streams", message, "remove some, or raise limits.max_streams")


def _too_large(info: MediaInfo, limits: Limits) -> Iterator[Finding]:
    for stream in info.of_kind("video"):
        video = stream.video
        if video is not None and not stream.cover and video.width * video.height > limits.max_pixels:
            message = f"its frames are {video.width}x{video.height}; at most {limits.max_pixels} pixels are allowed"
            yield Finding("media.too_large", message, "make it smaller, or raise limits.max_pixels")
            return
