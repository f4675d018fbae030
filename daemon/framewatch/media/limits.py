"""How large a source may be: what a small hostile file can claim, or cost, before anybody looks. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import Field

from framewatch.domain import MediaInfo, Record
from framewatch.errors import Finding

TRIED_PIXELS = 16384 * 16384
"""Of the frame that libav decodes while it opens a file, whatever is allowed later: so the size can be told."""

_LEAST_CAP = 2**20  # pixels: small frames are coded in blocks of up to 128x128

Hours = Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]


class Limits(Record):
    """The most that a source may be. Still pictures have a bound of their own."""

    max_pixels: int = Field(
        default=8192 * 8192, ge=1, le=2**30, description="Most pixels of a video's frame: width times height."
    )
    max_hours: Hours = Field(default=24.0, description="Longest video or sound.")
    max_streams: int = Field(
        default=100, ge=1, le=1000, description="Most streams in a file; fonts and other attachments do not count."
    )
    probe_seconds: Seconds = Field(
        default=600.0, description="Longest time to read what a file is, before its packets are scanned."
    )

    @property
    def decoder_pixels(self) -> int:
        """What a decoder may take memory for: a coded frame is a little larger than the one that is shown."""
        return max(2 * self.max_pixels, _LEAST_CAP)


def check_limits(info: MediaInfo, limits: Limits) -> list[Finding]:
    """All in which the headers of a source go beyond the limits; empty where they do not."""
    return [*_too_many(info, limits), *_too_large(info, limits), *check_length(info.duration, limits)]


def check_spans(lengths: Mapping[int, float], info: MediaInfo, limits: Limits) -> list[Finding]:
    """A finding where sound lasts too long by its packets, whatever the headers say; lengths in seconds, by index."""
    heard = [lengths[stream.index] for stream in info.of_kind("audio") if stream.index in lengths]
    return check_length(max(heard, default=0.0), limits)


def check_length(seconds: float, limits: Limits) -> list[Finding]:
    """A finding where a source is too long: as it says, or as its time stamps do."""
    if seconds <= limits.max_hours * 3600:
        return []
    message = f"it lasts {seconds / 3600:.1f} hours; at most {limits.max_hours:g} are allowed"
    return [Finding("media.too_long", message, "cut it, mend its time stamps, or raise limits.max_hours")]


def _too_many(info: MediaInfo, limits: Limits) -> Iterator[Finding]:
    count = sum(stream.kind != "attachment" for stream in info.streams)
    if count > limits.max_streams:
        message = f"it has {count} streams; at most {limits.max_streams} are allowed"
        yield Finding("media.too_many_streams", message, "leave some out, or raise limits.max_streams")


def _too_large(info: MediaInfo, limits: Limits) -> Iterator[Finding]:
    for stream in info.of_kind("video"):
        video = stream.video
        if video is not None and not stream.cover and video.width * video.height > limits.max_pixels:
            message = f"its frames are {video.width}x{video.height}; at most {limits.max_pixels} pixels are allowed"
            yield Finding("media.too_large", message, "make it smaller, or raise limits.max_pixels")
            return
