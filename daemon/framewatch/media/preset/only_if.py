"""Keys of a preset that say which files it is for, what it is built upon, and how pictures are written."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import av
from pydantic import BeforeValidator, Field

from framewatch.documents import FindingError, suggestion
from framewatch.media.preset.values import Keys, _listed, _number

# What a user calls a kind of file, and the demuxers that read it. Files of one family cannot be told apart.
FAMILIES: dict[str, tuple[str, ...]] = {
    "mp4": ("mov",), "mov": ("mov",), "m4v": ("mov",), "mkv": ("matroska",), "webm": ("matroska",),
    "avi": ("avi",), "ts": ("mpegts",), "m2ts": ("mpegts",), "mpg": ("mpeg",), "flv": ("flv",), "ogg": ("ogg",),
    "wmv": ("asf",), "mxf": ("mxf",), "dv": ("dv",), "gif": ("gif", "gif_pipe"), "png": ("png_pipe", "apng"),
    "jpg": ("jpeg_pipe",), "webp": ("webp_pipe",), "bmp": ("bmp_pipe",), "tiff": ("tiff_pipe",),
}  # fmt: skip

Family = Literal[
    "mp4", "mov", "m4v", "mkv", "webm", "avi", "ts", "m2ts", "mpg", "flv", "ogg", "wmv", "mxf", "dv", "gif", "png",
    "jpg", "webp", "bmp", "tiff",
]  # fmt: skip

_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d{1,2}(?:\.\d+)?)")
_OTHER_NAMES = {
    "h265": "hevc", "h.265": "hevc", "x265": "hevc", "avc": "h264", "h.264": "h264", "x264": "h264",
    "mpeg2": "mpeg2video", "xvid": "mpeg4", "divx": "mpeg4",
}  # fmt: skip
_USUAL_CODECS = ("h264", "hevc", "av1", "vp9", "vp8", "mpeg2video", "mpeg4", "prores", "mjpeg", "vc1")


def _codec(value: Any) -> Any:
    """A video codec by ffmpeg's name: one that is mistyped would silently match nothing."""
    word = str(value)
    try:
        canonical = av.Codec(word, "r").canonical_name
    except ValueError:
        canonical = _OTHER_NAMES.get(word.lower(), "")
    if canonical == word:
        return value
    hint = f'did you mean "{canonical}"?' if canonical else suggestion(word, _USUAL_CODECS)
    hint = hint or f"such as {', '.join(_USUAL_CODECS)}"
    raise FindingError("only_if.unknown_codec", f'"{word}" is no name of a codec that is read here', hint)


def _seconds(value: Any) -> Any:
    if isinstance(value, bool):
        raise FindingError("config.bad_value", "a time is expected here, not true or false")
    match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if match:
        hours, minutes, seconds = match.groups()
        return int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds)
    return value


Side = Annotated[int, BeforeValidator(_number), Field(gt=0)]
Rate = Annotated[float, BeforeValidator(_number), Field(gt=0, allow_inf_nan=False)]
Seconds = Annotated[float, BeforeValidator(_seconds), Field(ge=0, allow_inf_nan=False)]
Codecs = Annotated[tuple[Annotated[str, BeforeValidator(_codec)], ...], BeforeValidator(_listed)]
Families = Annotated[tuple[Family, ...], BeforeValidator(_listed)]


class OnlyIf(Keys):
    """Which files a preset is for. Every key that is given must hold; bounds include their value."""

    min_width: Side | None = Field(None, description="Least width of the upright picture, in pixels.")
    max_width: Side | None = Field(None, description="Most width of the upright picture, in pixels.")
    min_height: Side | None = Field(None, description="Least height of the upright picture, in pixels.")
    max_height: Side | None = Field(None, description="Most height of the upright picture, in pixels.")
    min_duration: Seconds | None = Field(None, description="Least length: seconds, mm:ss or hh:mm:ss.")
    max_duration: Seconds | None = Field(None, description="Most length: seconds, mm:ss or hh:mm:ss.")
    min_fps: Rate | None = Field(None, description="Least average frame rate.")
    max_fps: Rate | None = Field(None, description="Most average frame rate.")
    codecs: Codecs = Field((), description="Codecs of the video, by ffmpeg's names: h264, hevc, av1. [] is any.")
    containers: Families = Field(
        (), description="Kinds of file, whatever their names end in; mp4 and mov are one family, mkv and webm too."
    )
