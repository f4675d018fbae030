"""How large a source may be: what a small hostile file can claim, or cost, before anybody looks at it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field

from framewatch.domain import CLOCK_CONTAINERS, MediaInfo, Record
from framewatch.errors import Finding, MediaError

TRIED_PIXELS = 16384 * 16384
"""Limit for the frame that libav decodes while it opens a file, so that even a size beyond the limits is reported."""

MAX_IMAGE_PIXELS = 2**28
"""Of a still image, which may be larger than a video's frames: libav has no larger ones, see `is_frame_size`."""

MAX_TITLE = 1000
"""Characters of a title. Programs show less, and those of streams are arguments of ffmpeg, which are limited."""

MAX_LANGUAGE = 35
"""Characters of a language tag: what RFC 5646 (section 4.4.1) asks programs to have room for."""

MAX_TAGS = 2000
"""Tags of a file and its streams: twenty for each of a hundred streams. The time to read them grows quadratically."""

MAX_TAG_CHARACTERS = 4 * 2**20
"""Of the values of all tags: the text of a long book. Players read all of it before the first frame."""

MAX_CHAPTERS = 5000
"""Of a file: more than three a minute for 24 hours. Each is a tag, and in MP4 a packet."""

MAX_ATTACHMENTS = 250
"""Of a file: the most fonts that subtitles have come with, several times over. ffmpeg reads all of them first."""

MAX_ATTACHMENT_BYTES = 512 * 2**20
"""Of all attachments: fonts for Chinese and Japanese take 20 MB each."""

MAX_COVER_PIXELS = 100_000_000
"""Of a cover, which players decode at once: 10,000x10,000."""

_ALIGNMENT = 64  # pixels: libav's STRIDE_ALIGN on CPUs with AVX-512, the most that there is

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

    max_output_pixels: int = Field(
        default=2**27,
        ge=1,
        le=2**30,
        description="Most pixels of an output video's frame, after the network and after scaling. Default: 8K at 2x "
        "and 4K at 4x.",
    )
    worker_gb: Annotated[float, Field(ge=0.5, le=100_000, allow_inf_nan=False)] | Literal["auto"] = Field(
        default="auto",
        description="Most memory in GB (10^9 bytes) that a worker process, and each ffmpeg of it, may use: a number, "
        "or auto (what the file and the preset can need at most). What a GPU's drivers map comes on top. A job that "
        "needs more fails with media.too_costly. It is enforced on Linux only.",
    )

    @property
    def decoder_pixels(self) -> int:
        """Limit for the frame that a decoder allocates: coded frames are slightly larger than what is shown."""
        return max(2 * self.max_pixels, _LEAST_DECODER_PIXELS)


def is_frame_size(width: int, height: int) -> bool:
    """Return whether libav reads and writes images of this size.

    It counts 8 bytes a pixel whatever the format, with the width rounded up and a margin around the image, and wants
    less than 2^31 - 1 of them (`av_image_check_size2`, as `ff_get_buffer` calls it).
    """
    row = 8 * (-(-width // _ALIGNMENT) * _ALIGNMENT) + 128 * 8
    return row * (height + 128) < 2**31 - 1


def require_image_size(width: int, height: int) -> None:
    """Return if an image of this size can be read.

    Raises:
        MediaError: `media.too_large`.
    """
    if not is_frame_size(width, height):
        most = f"about {MAX_IMAGE_PIXELS // 1_000_000} million pixels"
        message = f"{width}x{height} is more than ffmpeg can hold in one frame: {most}"
        raise MediaError(message, code="media.too_large", hint="make it smaller, or cut it into parts")


def check_limits(info: MediaInfo, limits: Limits) -> list[Finding]:
    """Return the limits that a source's headers exceed.

    How long an MPEG stream is, only its packets tell. So they do where there are subtitles: a bitmap that nothing
    takes away again lasts 1193 hours in Matroska.
    """
    by_packets = info.container in CLOCK_CONTAINERS or bool(info.of_kind("subtitle"))
    too_long = [] if by_packets else check_length(info.duration, limits)
    return [*_too_many(info, limits), *_too_large(info, limits), *too_long]


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


def check_output_size(sizes: Iterable[tuple[int, int]], limits: Limits) -> list[Finding]:
    """Return a finding where a frame that is made, by width and height, is too large."""
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    if width * height <= limits.max_output_pixels:
        return []
    message = f"the output needs frames of {width}x{height}; at most {limits.max_output_pixels} pixels are allowed"
    hint = "upscale less, set a smaller resolution in the preset, or raise limits.max_output_pixels"
    return [Finding("output.too_large", message, hint)]


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
