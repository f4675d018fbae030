"""Opens media files that anybody may have made: by descriptor, known containers only, and nothing beyond the file."""

from __future__ import annotations

import errno
import io
import os
import stat
import struct
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, cast

import av
from av.codec.context import Flags
from av.codec.hwaccel import HWAccel
from av.container import InputContainer
from av.video.stream import VideoStream

from framewatch.domain import InputFile, SourceClock
from framewatch.errors import FramewatchError, MediaError, StorageError
from framewatch.media import out_of_memory
from framewatch.media.clock.corrected import ClockCorrection
from framewatch.media.heartbeat import Beat, no_beat
from framewatch.media.image_files.png_text import hidden_chunks
from framewatch.media.limits import TRIED_PIXELS
from framewatch.media.probe.structure.content import HEAD, demuxer_of
from framewatch.storage.files import NO_FILE, READ, not_a_file, open_input

AnyFile = InputFile | Path
"""A file to read. A path is for one that framewatch has made, in a folder of its own: its folders may be links."""

# PyAV 18, the last version for Python 3.11, raises an error for tags that are not UTF-8 unless it is told otherwise.
# PyAV 19 has no such argument: it always returns surrogate escapes.
_TAG_ERRORS: dict[str, Any] = {"metadata_errors": "surrogateescape"} if av.__version__.startswith("18.") else {}
BUFFER_BYTES = 256 * 1024  # of one read; on a NAS each is a round trip
_MAX_READ_BYTES = 16 * BUFFER_BYTES  # libav asks for as much as a file states; Python reserves it before it reads

# How a file system answers to an offset that no file of it can have. Sizes in a damaged or hostile file make such
# offsets, so this says nothing about the disk or the share.
_IMPOSSIBLE_OFFSET = (errno.EINVAL, errno.EOVERFLOW, errno.EFBIG)
# What PyAV and Python raise about values that make no sense, apart from libav's own errors.
_SENSELESS_VALUES = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)

# Containers that users have. Playlists, manifests and concat scripts are missing because they make libav open other
# files. Raw streams and two more formats are read where the first bytes say so (`structure/content.py`): libav would
# guess at them, and take noise for one.
VIDEO_DEMUXERS = (
    "mov", "matroska", "avi", "mpegts", "mpeg", "flv", "ogg", "asf", "mxf", "dv", "ivf", "rm", "wtv", "gif", "apng",
)  # fmt: skip
AUDIO_DEMUXERS = (
    "mp3", "aac", "ac3", "eac3", "dts", "wav", "w64", "flac", "aiff", "caf", "ape", "wv", "tta", "amr",
)  # fmt: skip
IMAGE_DEMUXERS = (
    "png_pipe", "jpeg_pipe", "jpegxl_pipe", "jpegls_pipe", "j2k_pipe", "webp_pipe", "bmp_pipe", "tiff_pipe",
    "gif_pipe", "psd_pipe", "exr_pipe", "dpx_pipe", "qoi_pipe", "hdr_pipe", "pam_pipe", "pbm_pipe", "pgm_pipe",
    "ppm_pipe", "ico",
)  # fmt: skip

# How much libav may read to find out what is in a file: its own defaults, written out so that they stay. If the first
# 5 MB of a broadcast tell less, the first decoded frame tells the rest.
_CONTAINER_OPTIONS = {
    "probesize": "5000000",  # bytes
    "analyzeduration": "0",  # microseconds; 0: 5 seconds, and more for containers that need it
    "max_streams": "1000",
    "format_whitelist": ",".join((*VIDEO_DEMUXERS, *AUDIO_DEMUXERS, *IMAGE_DEMUXERS)),
    "protocol_whitelist": "none",
}
_LONGEST_LOOK = 600_000_000  # microseconds: as many bytes as are allowed count, not their time


def reading_options(reach: int) -> dict[str, str]:
    """Return the options of libav, and of ffmpeg, that have it look for streams in so many bytes, however long."""
    return {"probesize": str(reach), "analyzeduration": str(_LONGEST_LOOK)}


def open_file(source: AnyFile, seconds: float | None = None, beat: Beat = no_beat) -> BinaryIO:
    """Open a regular file for reading, unbuffered. A link is refused, for an input file also on the way to it.

    Args:
        source: the file.
        seconds: time limit, after which each read raises `media.probe_too_long`; None: no limit.
        beat: called after each read that returned something.

    Raises:
        MediaError: it is a link, a folder, a pipe or a device (`media.not_a_file`), or another version of the file
            (`source.changed`).
        StorageError: it is gone or cannot be read now.
    """
    return cast(BinaryIO, _open_reader(source, seconds, beat))


def _open_reader(source: AnyFile, seconds: float | None, beat: Beat) -> _Reader:
    descriptor = open_input(source) if isinstance(source, InputFile) else _open_own(source)
    return _Reader(descriptor, seconds, beat)


def _open_own(path: Path) -> int:
    try:
        descriptor = os.open(path, READ)
    except OSError as error:
        if error.errno in NO_FILE:
            raise not_a_file(path.name, "not a regular file") from None
        raise _unreadable(path, error) from None
    try:
        is_regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
    except OSError as error:
        os.close(descriptor)
        raise _unreadable(path, error) from None
    if not is_regular:
        os.close(descriptor)
        raise not_a_file(path.name, "not a regular file")
    return descriptor


OnRead = Callable[[int, bytes], None]
"""Called with each piece of a file that is read, and its offset."""


class _Reader(io.FileIO):
    """A file whose read errors stay distinguishable from what libav says about its content.

    libav calls `read` and `seek` with sizes and offsets that the file states.
    """

    def __init__(self, descriptor: int, seconds: float | None, beat: Beat) -> None:
        super().__init__(descriptor)
        self._beat = beat
        self._seconds = seconds
        self._opened_at = time.monotonic()
        self._replaced: list[tuple[int, bytes]] = []
        self._correction: ClockCorrection | None = None
        self.on_read: OnRead | None = None

    def replace(self, pieces: Mapping[int, bytes]) -> None:
        """From now on, return these bytes in place of what the file has at some offsets; they do not overlap."""
        self._replaced = sorted(pieces.items())

    def correct(self, clock: SourceClock) -> None:
        """From now on, return the content with these corrections of its clock."""
        try:
            self._correction = ClockCorrection(self.fileno(), clock)
        except OSError as error:
            raise _broken_off(error) from error

    def read(self, size: int | None = -1, /) -> bytes:
        if self._seconds is not None and time.monotonic() - self._opened_at > self._seconds:
            message = f"after {self._seconds:g} seconds it is still not known what is in this file"
            hint = "check whether the disk or the share is slow, or raise limits.probe_seconds"
            raise MediaError(message, code="media.probe_too_long", hint=hint)
        try:
            data = super().read(_MAX_READ_BYTES if size is None or size < 0 else min(size, _MAX_READ_BYTES)) or b""
        except OSError as error:
            if error.errno in _IMPOSSIBLE_OFFSET and self._is_behind_end():
                return b""
            raise _broken_off(error) from error
        if data:  # a decoder that hangs may keep reading at the end of the file: that is no progress
            self._beat()
            if self.on_read is not None:
                self.on_read(self.tell() - len(data), data)
        if self._correction is not None and data:
            try:
                return self._correction.corrected(data, self.tell() - len(data))
            except OSError as error:
                raise _broken_off(error) from error
        return self._with_replaced(data) if self._replaced else data

    def _with_replaced(self, data: bytes) -> bytes:
        end = self.tell()
        begin, made = end - len(data), bytearray(data)
        next_piece = bisect_left(self._replaced, begin, key=lambda piece: piece[0] + len(piece[1]))
        for offset, piece in islice(self._replaced, next_piece, None):
            if offset >= end:
                break
            first, last = max(offset, begin), min(offset + len(piece), end)
            made[first - begin : last - begin] = piece[first - offset : last - offset]
        return bytes(made)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Return the new position or, as libav's own files do, a negative number if there can be no such position.

        An exception would end the reading of a file that libav can go on with.
        """
        try:
            return super().seek(offset, whence)
        except OverflowError:
            return -errno.EOVERFLOW
        except OSError as error:
            if error.errno in _IMPOSSIBLE_OFFSET:
                return -error.errno
            raise _broken_off(error) from error

    def _is_behind_end(self) -> bool:
        try:
            return self.tell() >= os.fstat(self.fileno()).st_size
        except OSError:
            return False

    def close(self) -> None:
        with suppress(OSError):  # nothing was written, so nothing can be lost
            super().close()


@contextmanager
def open_media(
    source: AnyFile,
    hwaccel: str | None = None,
    *,
    max_pixels: int | None = None,
    seconds: float | None = None,
    beat: Beat = no_beat,
    on_read: OnRead | None = None,
    reach: int | None = None,
    raw_rate: int | None = None,
) -> Iterator[InputContainer]:
    """Open a media file. libav gets a stream of bytes: it learns no file name and can open nothing else.

    In the `with` block, libav's errors about the file become a `MediaError` with the code `media.unreadable`, or an
    `OutOfMemoryError` if memory is short.

    Args:
        source: the file.
        hwaccel: ffmpeg's name of the hardware that decodes what it can, such as "cuda"; None: the CPU.
        max_pixels: largest frame that decoders accept; None: no limit but libav's own.
        seconds: as for `open_file`.
        beat: as for `open_file`.
        on_read: gets what libav reads, as it is in the file.
        reach: bytes in which streams are looked for; None: libav's own limit.
        raw_rate: frames per second of a raw stream that states none; None: libav's default.

    Raises:
        MediaError: it is no media file that framewatch reads, or is broken, or there is no such hardware.
        StorageError: the file system failed.
    """
    # While libav opens the file it decodes a frame by itself, within a wider limit: else the size would stay unknown,
    # and the message could not state it.
    options = {"max_pixels": str(max(max_pixels, TRIED_PIXELS))} if max_pixels else {}
    with _open_reader(source, seconds, beat) as file, media_errors(source):
        demuxer = demuxer_of(file.read(HEAD))
        file.replace(hidden_chunks(cast(BinaryIO, file)))
        if isinstance(source, InputFile) and source.clock is not None:
            file.correct(source.clock)
        file.on_read = on_read
        container = av.open(
            file,
            mode="r",
            format=demuxer,
            options=options,
            container_options=_container_options(demuxer, raw_rate) | (reading_options(reach) if reach else {}),
            buffer_size=BUFFER_BYTES,
            io_open=_refuse,
            hwaccel=_hardware(hwaccel) if hwaccel else None,
            **_TAG_ERRORS,
        )
        with container:
            for stream in container.streams.video:
                _prepare_decoder(stream, max_pixels)
            yield container


def _container_options(demuxer: str | None, raw_rate: int | None) -> dict[str, str]:
    if demuxer is None:
        return _CONTAINER_OPTIONS
    rate = {"framerate": str(raw_rate)} if raw_rate else {}
    return _CONTAINER_OPTIONS | {"format_whitelist": demuxer} | rate


def _prepare_decoder(stream: VideoStream, max_pixels: int | None) -> None:
    """Limit a decoder before its first packet opens it, and make it crop to the pixel."""
    context = cast("av.VideoCodecContext | None", stream.codec_context)  # None: there is no decoder
    if context is None:
        return
    context.flags |= Flags.unaligned.value  # else a crop on the left is rounded to the CPU's alignment
    if max_pixels:
        context.options = {"max_pixels": str(max_pixels)}


def has_hwaccel(name: str) -> bool:
    """Return whether this hardware can decode here."""
    try:
        _hardware(name)
    except MediaError:
        return False
    return True


def _hardware(name: str) -> HWAccel:
    """Open the device once to try it: later, libav's errors about it would look like errors of the file."""
    device = HWAccel(device_type=name, allow_software_fallback=True)
    try:
        device.create(av.Codec("h264", "r"))
    except (av.FFmpegError, RuntimeError, NotImplementedError) as error:
        message = f"hardware decoding does not work here ({name}: {error})"
        raise MediaError(message, code="decode.no_hardware", hint="set hw_decode: false") from None
    return device


@contextmanager
def media_errors(source: AnyFile) -> Iterator[None]:
    """Turn what libav, PyAV and Python raise about a file's content into errors for users."""
    try:
        yield
    except FramewatchError:
        raise
    except MemoryError as error:  # libav's too
        out_of_memory.raise_if_unaffordable(error, f"reading {source.name}")
        message = f"reading {source.name} needs more memory than there is"
        raise MediaError(message, code="media.out_of_memory") from error
    except av.FFmpegError as error:
        raise MediaError(f"{source.name} cannot be read as media: {error.strerror}") from error
    except _SENSELESS_VALUES as error:
        message = f"{source.name} cannot be read as media: {type(error).__name__}: {error}"
        raise MediaError(message) from error


def _refuse(*_: Any) -> NoReturn:
    raise MediaError("this file refers to other files, which framewatch does not open", code="media.not_media")


def _broken_off(error: OSError) -> StorageError:
    return StorageError(f"the file cannot be read any further: {error.strerror}")


def _unreadable(path: Path, error: OSError) -> StorageError:
    message = f"{path.name} cannot be read: {error.strerror}"
    if error.errno in (errno.EACCES, errno.EPERM):
        return StorageError(message, code="storage.denied", hint="let the user that framewatch runs as read it")
    return StorageError(message)
