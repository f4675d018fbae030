"""Opens media files from strangers: by descriptor, of known containers, and nothing beyond the file."""

from __future__ import annotations

import errno
import io
import os
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, Protocol, cast

import av
from av.codec.context import Flags
from av.codec.hwaccel import HWAccel
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from framewatch.errors import FramewatchError, MediaError, StorageError
from framewatch.media import out_of_memory
from framewatch.media.heartbeat import Beat, unheard
from framewatch.media.limits import TRIED_PIXELS

_WRAPPED_TICKS = 1 << 31
# PyAV 18, the last version for Python 3.11, raises an error for tags that are not UTF-8 unless it is told otherwise.
# PyAV 19 has no such argument: it always returns surrogate escapes.
_TAG_ERRORS: dict[str, Any] = {"metadata_errors": "surrogateescape"} if av.__version__.startswith("18.") else {}
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

# What libav may read to find out what is in a file: its own defaults, written out so that they stay. A broadcast that
# tells less in its first 5 MB is completed by the first picture.
_OPTIONS = {
    "probesize": "5000000",  # bytes
    "analyzeduration": "0",  # microseconds; 0: 5 seconds, and more for containers that need it
    "max_streams": "1000",
    "format_whitelist": ",".join((*VIDEO_DEMUXERS, *AUDIO_DEMUXERS, *PICTURE_DEMUXERS)),
    "protocol_whitelist": "none",
}


def open_file(path: Path, seconds: float | None = None, beat: Beat = unheard) -> BinaryIO:
    """Open a regular file for reading, unbuffered, and never through a symbolic link as its last part.

    Args:
        path: the file.
        seconds: how long it may be read; then each reading raises `media.probe_too_long`. None: no limit.
        beat: called whenever something was read.

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
        raise _unreadable(path, error) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        _not_a_file(path, "not a regular file")
    return cast(BinaryIO, _Reader(descriptor, seconds, beat))


class _Reader(io.FileIO):
    """A file whose failures to read are told from what libav says about its content."""

    def __init__(self, descriptor: int, seconds: float | None, beat: Beat) -> None:
        super().__init__(descriptor)
        self._beat = beat
        self._seconds = seconds
        self._begun = time.monotonic()

    def read(self, size: int | None = -1, /) -> bytes:
        if self._seconds is not None and time.monotonic() - self._begun > self._seconds:
            message = f"after {self._seconds:g} seconds it still is not known what is in this file"
            hint = "look whether the disk or the share is slow, or raise limits.probe_seconds"
            raise MediaError(message, code="media.probe_too_long", hint=hint)
        try:
            found = super().read(size) or b""
        except OSError as error:
            raise StorageError(f"the file cannot be read any further: {error.strerror}") from error
        if found:  # at the end a decoder that hangs may go on asking
            self._beat()
        return found


@contextmanager
def open_media(
    path: Path, hwaccel: str = "", *, max_pixels: int = 0, seconds: float | None = None, beat: Beat = unheard
) -> Iterator[InputContainer]:
    """Open a media file. Libav gets a stream of bytes: it learns no name and can open nothing else.

    Inside, what libav says against the file becomes a `MediaError` with the code `media.unreadable`.
    Where memory is short, it becomes an `OutOfMemoryError` instead.

    Args:
        path: the file.
        hwaccel: ffmpeg's name of the hardware that decodes what it can, such as "cuda"; "" for none.
        max_pixels: of a frame, beyond which a decoder refuses it; 0: as many as libav can count.
        seconds: as for `open_file`.
        beat: as for `open_file`.

    Raises:
        MediaError: it is no media file that framewatch reads, or is broken, or there is no such hardware.
        StorageError: the file system failed.
    """
    tried = {"max_pixels": str(max(max_pixels, TRIED_PIXELS))} if max_pixels else {}
    with open_file(path, seconds, beat) as file, media_errors(path):
        container = av.open(
            file,
            mode="r",
            options=tried,
            container_options=_OPTIONS,
            buffer_size=BUFFER_BYTES,
            io_open=_refuse,
            hwaccel=_hardware(hwaccel),
            **_TAG_ERRORS,
        )
        with container:
            for stream in container.streams.video:
                _prepare(stream, max_pixels)
            yield container


def _prepare(stream: VideoStream, max_pixels: int) -> None:
    """Bound a decoder before its first packet opens it, and have it cut off what the stream hides, to the pixel."""
    context = cast("av.VideoCodecContext | None", stream.codec_context)  # None: there is no decoder
    if context is None:
        return
    context.flags |= Flags.unaligned.value  # else a crop at the left is rounded to what suits the processor
    if max_pixels:
        context.options = {"max_pixels": str(max_pixels)}


def hardware_here(name: str, *, guessed: bool) -> str:
    """The same name; "" where it was only guessed, and there is no such hardware."""
    if not guessed:
        return name
    try:
        _hardware(name)
    except MediaError:
        return ""
    return name


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


class _Ratio(Protocol):
    """A rational number of PyAV: a `Fraction` in version 18, an `AVRational` in version 19."""

    @property
    def numerator(self) -> int: ...

    @property
    def denominator(self) -> int: ...


def fraction(ratio: _Ratio | None) -> Fraction:
    """A time base, rate or aspect ratio of libav; 0 where it is not set."""
    return Fraction(ratio.numerator, ratio.denominator) if ratio else Fraction(0)


def tags(metadata: Mapping[str, str]) -> dict[str, str]:
    """The tags of a container, stream or chapter, with U+FFFD in place of what is not UTF-8."""
    return {_readable(name): _readable(value) for name, value in metadata.items()}


def _readable(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def lasting(packet: Packet[Any]) -> int:
    """How long a packet is shown or heard, in ticks; 0 where it does not say.

    libav gives the trimmed last packet of a Vorbis stream a negative duration, as 32 bits without a sign.
    """
    ticks = packet.duration or 0
    wrapped = ticks >= _WRAPPED_TICKS and packet.stream.type == "audio"  # a subtitle may stay for ever
    return 0 if wrapped else ticks


@contextmanager
def media_errors(path: Path) -> Iterator[None]:
    """Turn libav's complaints into errors that a user can be told about."""
    try:
        yield
    except FramewatchError:
        raise
    except MemoryError as error:  # libav's too
        out_of_memory.blame(error)
        message = f"reading {path.name} needs more memory than there is"
        raise MediaError(message, code="media.out_of_memory") from error
    except av.FFmpegError as error:
        raise MediaError(f"{path.name} cannot be read as media: {error.strerror}") from error


def _refuse(*_: Any) -> NoReturn:
    raise MediaError("this file names other files to be read; framewatch reads one file", code="media.not_media")


def _unreadable(path: Path, error: OSError) -> StorageError:
    message = f"{path.name} cannot be read: {error.strerror}"
    if error.errno in (errno.EACCES, errno.EPERM):
        return StorageError(message, code="storage.denied", hint="let framewatch's user read this file")
    return StorageError(message)


def _not_a_file(path: Path, what: str) -> NoReturn:
    hint = "put the video itself into the folder"
    raise MediaError(f"{path.name} is {what}", code="media.not_a_file", hint=hint)
