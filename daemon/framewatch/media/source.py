"""Opens media files from strangers: by descriptor, of known containers, and nothing beyond the file."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, cast

import av
from av.codec.hwaccel import HWAccel
from av.container import InputContainer

from framewatch.errors import FramewatchError, MediaError, StorageError

BUFFER_BYTES = 256 * 1024  # a read; on a NAS each is a round trip

# Containers that users have. What is only there to be named in a message ("this is a picture") is in the
# second part. Playlists, manifests and concat scripts, which make libav open other files, are left out,
# and so are raw streams, which have no time stamps.
VIDEO_DEMUXERS = (
    "mov", "matroska", "avi", "mpegts", "mpeg", "flv", "ogg", "asf", "mxf", "dv", "ivf", "rm", "wtv",
    "gif", "apng",
)  # fmt: skip
AUDIO_DEMUXERS = (
    "mp3",
    "aac",
    "ac3",
    "eac3",
    "dts",
    "wav",
    "w64",
    "flac",
    "aiff",
    "caf",
    "ape",
    "wv",
    "tta",
    "amr",
)
PICTURE_DEMUXERS = (
    "png_pipe", "jpeg_pipe", "jpegxl_pipe", "jpegls_pipe", "j2k_pipe", "webp_pipe", "bmp_pipe",
    "tiff_pipe", "gif_pipe", "psd_pipe", "exr_pipe", "dpx_pipe", "qoi_pipe", "hdr_pipe", "pam_pipe",
    "pbm_pipe", "pgm_pipe", "ppm_pipe", "ico",
)  # fmt: skip

_OPTIONS = {
    "format_whitelist": ",".join((*VIDEO_DEMUXERS, *AUDIO_DEMUXERS, *PICTURE_DEMUXERS)),
    "protocol_whitelist": "none",
}


def open_file(path: Path) -> BinaryIO:
    """Open a regular file for reading, unbuffered, and never through a symbolic link as its last part.

    Raises:
        MediaError: it is a link, a folder, a pipe or a device (`media.not_a_file`).
        StorageError: it is gone or cannot be read now.
    """
    try:
        # O_NONBLOCK: opening a pipe must not wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ELOOP:
            _not_a_file(path, "a symbolic link")
        raise StorageError(f"{path.name} cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        _not_a_file(path, "not a regular file")
    return cast(BinaryIO, _Reader(descriptor))


class _Reader(io.FileIO):
    """A file whose failures to read are told from what libav says about its content."""

    def read(self, size: int | None = -1, /) -> bytes:
        try:
            return super().read(size) or b""
        except OSError as error:
            raise StorageError(f"the file cannot be read any further: {error.strerror}") from error


@contextmanager
def open_media(path: Path, hwaccel: str = "") -> Iterator[InputContainer]:
    """Open a media file. Libav gets a stream of bytes: it learns no name and can open nothing else.

    Inside, what libav says against the file becomes a `MediaError` with the code `media.unreadable`.

    Args:
        path: the file.
        hwaccel: ffmpeg's name of the hardware that decodes what it can, such as "cuda"; "" for none.

    Raises:
        MediaError: it is no media file that framewatch reads, or is broken, or there is no such hardware.
        StorageError: the file system failed.
    """
    with open_file(path) as file, media_errors(path):
        container = av.open(
            file,
            mode="r",
            container_options=_OPTIONS,
            buffer_size=BUFFER_BYTES,
            metadata_errors="replace",
            io_open=_refuse,
            hwaccel=_hardware(hwaccel),
        )
        with container:
            yield container


def _hardware(name: str) -> HWAccel | None:
    """The device, which is opened on trial: what libav says of it later looks like a fault of the file."""
    if not name:
        return None
    device = HWAccel(device_type=name, allow_software_fallback=True)
    try:
        device.create(av.Codec("h264", "r"))
    except (av.FFmpegError, RuntimeError, NotImplementedError) as error:
        message = f"the hardware does not decode here ({name}: {error})"
        raise MediaError(message, code="decode.no_hardware", hint="use hw_decode false") from None
    return device


@contextmanager
def media_errors(path: Path) -> Iterator[None]:
    """Turn libav's complaints into errors that a user can be told about."""
    try:
        yield
    except FramewatchError:
        raise
    except av.FFmpegError as error:
        raise MediaError(f"{path.name} cannot be read as media: {error.strerror}") from error
    except MemoryError as error:
        message = f"reading {path.name} needs more memory than there is"
        raise MediaError(message, code="media.out_of_memory") from error


def _refuse(*_: Any) -> NoReturn:
    raise MediaError("this file names other files to be read; framewatch reads one file", code="media.not_media")


def _not_a_file(path: Path, what: str) -> NoReturn:
    hint = "put the video itself into the folder"
    raise MediaError(f"{path.name} is {what}", code="media.not_a_file", hint=hint)
