"""The `only_if` key of a preset: which files the preset is for."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any, Literal

import av
from pydantic import BeforeValidator, Field

from framewatch.documents import FindingError, shown, suggestion
from framewatch.media.preset import values
from framewatch.media.preset.values import Integer, Number, PresetSection

# A user's word for a kind of file, and the demuxers that read it. One demuxer reads mp4 and all that is made like it,
# and one reads mkv and webm, so those cannot be told apart.
DEMUXERS_OF: dict[str, tuple[str, ...]] = {
    "mp4": ("mov",),
    "mov": ("mov",),
    "m4v": ("mov",),
    "3gp": ("mov",),
    "avif": ("mov",),
    "heic": ("mov",),
    "heif": ("mov",),
    "mkv": ("matroska",),
    "webm": ("matroska",),
    "avi": ("avi",),
    "ts": ("mpegts",),
    "m2ts": ("mpegts",),
    "mpg": ("mpeg",),
    "flv": ("flv",),
    "ogg": ("ogg",),
    "wmv": ("asf",),
    "mxf": ("mxf",),
    "dv": ("dv",),
    "nut": ("nut",),
    "y4m": ("yuv4mpegpipe",),
    "raw": ("h264", "hevc", "mpegvideo", "m4v", "obu", "av1"),
    "ivf": ("ivf",),
    "rm": ("rm",),
    "wtv": ("wtv",),
    "gxf": ("gxf",),
    "gif": ("gif", "gif_pipe"),
    "apng": ("apng",),
    "png": ("png_pipe", "apng"),
    "jpg": ("jpeg_pipe",),
    "webp": ("webp_pipe",),
    "bmp": ("bmp_pipe",),
    "tiff": ("tiff_pipe",),
    "jxl": ("jpegxl_pipe",),
    "jp2": ("j2k_pipe",),
    "psd": ("psd_pipe",),
    "exr": ("exr_pipe",),
    "dpx": ("dpx_pipe",),
    "qoi": ("qoi_pipe",),
    "hdr": ("hdr_pipe",),
    "ico": ("ico",),
    "jls": ("jpegls_pipe",),
    "pnm": ("pam_pipe", "pbm_pipe", "pgm_pipe", "ppm_pipe"),
    "m4a": ("mov",),
    "mp3": ("mp3",),
    "aac": ("aac",),
    "ac3": ("ac3",),
    "eac3": ("eac3",),
    "dts": ("dts",),
    "wav": ("wav", "w64"),
    "flac": ("flac",),
    "aiff": ("aiff",),
    "caf": ("caf",),
    "ape": ("ape",),
    "wv": ("wv",),
    "tta": ("tta",),
    "amr": ("amr",),
    "au": ("au",),
    "voc": ("voc",),
    "thd": ("truehd",),
}

FileType = Literal[
    "mp4", "mov", "m4v", "3gp", "avif", "heic", "heif", "mkv", "webm", "avi", "ts", "m2ts", "mpg", "flv", "ogg",
    "wmv", "mxf", "dv", "nut", "y4m", "raw", "ivf", "rm", "wtv", "gxf",
    "gif", "apng", "png", "jpg", "webp", "bmp", "tiff", "jxl", "jp2", "psd", "exr", "dpx", "qoi", "hdr", "ico",
    "jls", "pnm",
    "m4a", "mp3", "aac", "ac3", "eac3", "dts", "wav", "flac", "aiff", "caf", "ape", "wv", "tta", "amr",
    "au", "voc", "thd",
]  # fmt: skip

_CODEC_SYNONYMS = {
    "h265": "hevc",
    "h.265": "hevc",
    "x265": "hevc",
    "avc": "h264",
    "h.264": "h264",
    "x264": "h264",
    "mpeg2": "mpeg2video",
    "xvid": "mpeg4",
    "divx": "mpeg4",
}
_COMMON_CODECS = ("h264", "hevc", "av1", "vp9", "vp8", "mpeg2video", "mpeg4", "prores", "mjpeg", "vc1")


def _codec(value: Any) -> Any:
    """Check the name of a video codec: a mistyped one would match no file, and nothing would say so."""
    word = shown(value)
    canonical = _CODEC_SYNONYMS.get(word.lower(), "")
    if not canonical:
        with suppress(ValueError):
            canonical = av.Codec(word.lower(), "r").canonical_name
    if canonical:
        return canonical
    hint = f"{suggestion(word, _COMMON_CODECS)} such as {', '.join(_COMMON_CODECS)}".strip()
    raise FindingError("only_if.unknown_codec", f'"{word}" is not the name of a codec that framewatch reads', hint)


Pixels = Annotated[Integer, Field(gt=0)]
Rate = Annotated[Number, Field(gt=0)]
Duration = Annotated[float | None, BeforeValidator(values.clock_time), values.CLOCK_TIME_SCHEMA]
Codecs = Annotated[tuple[Annotated[str, BeforeValidator(_codec)], ...], BeforeValidator(values.one_or_more)]
AnyCaseType = Annotated[FileType, BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value)]
FileTypes = Annotated[tuple[AnyCaseType, ...], BeforeValidator(values.one_or_more)]


class OnlyIf(PresetSection):
    """Conditions on a file. A file matches if it meets every key that is given; limits include their value."""

    min_width: Pixels | None = Field(None, description="Minimum width in pixels, after rotation.")
    max_width: Pixels | None = Field(None, description="Maximum width in pixels, after rotation.")
    min_height: Pixels | None = Field(None, description="Minimum height in pixels, after rotation.")
    max_height: Pixels | None = Field(None, description="Maximum height in pixels, after rotation.")
    min_duration: Duration = Field(None, description="Minimum duration: seconds, mm:ss or h:mm:ss.")
    max_duration: Duration = Field(None, description="Maximum duration: seconds, mm:ss or h:mm:ss.")
    min_fps: Rate | None = Field(None, description="Minimum average frame rate.")
    max_fps: Rate | None = Field(None, description="Maximum average frame rate.")
    codecs: Codecs = Field(
        (), description="Video codecs by their ffmpeg names, such as h264, hevc, av1. [] matches any."
    )
    containers: FileTypes = Field(
        (),
        description="File types, whatever the file name ends in; raw is any video stream without a container. mp4, "
        "mov, m4v, m4a, 3gp, avif, heic and heif match each other, and so do mkv and webm. [] matches any.",
    )
