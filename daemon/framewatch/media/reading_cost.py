"""How much memory it takes to read a file: to open it, to scan its packets, and to decode its frames. Pure.

These are upper bounds for files within the limits, not estimates: no file that can be processed may fail by them.
What they keep out is a small file that claims to be large.
"""

from __future__ import annotations

from framewatch.domain import Video
from framewatch.media.limits import MAX_IMAGE_PIXELS, Limits

_BASE = 256 * 2**20  # buffers of demuxers and decoders, and a thread or two
# libav decodes while it opens a file, with one thread: a frame of 8-bit 4:2:0 takes 1.5 bytes a pixel, and H.264 and
# HEVC hold up to 16 frames.
_OPENING_BYTES = 24  # for each pixel that a frame may have
# Of every byte of the file: packets take 36 bytes in libav's index, and at least 4 in the file.
_INDEX_BYTES = 10
_MAX_INDEX = 4 * 2**30  # 24 hours at 60 frames a second, with sound in 20 languages
# For each packet, a scan holds two or three numbers and the report that is made of them: 200 bytes; and
# where it lies in the file, which is sorted if some of it is missing: 100 bytes. A frame that shows something new
# takes 10 bytes at the least.
_SCAN_BYTES = 30
_REFERENCE_FRAMES = 16
_FRAMES_ON_THE_WAY = 8  # in filters, in conversions, and out to the caller
# Decoders of JPEG 2000 and JPEG XL hold a number or two of 32 bits for each component, and wavelets beside them.
_IMAGE_DECODER_BYTES = 32
_IMAGE_COPIES = 8  # of the file: in a parser, in packets, and in what is taken out of them
_MOST_PIXEL_BYTES = 16  # four components of 32 bits
_STACK_BYTES = 16 * 2**20  # of a thread, with its buffers
_CONVERSIONS = 4  # the decoded frame, and what filters and arrays make of it


def opening_bytes(limits: Limits, size: int) -> int:
    """Return the memory to open a file of `size` bytes and read its headers."""
    return _BASE + _OPENING_BYTES * limits.max_pixels + min(_INDEX_BYTES * size, _MAX_INDEX)


def scanning_bytes(size: int) -> int:
    """Return the memory to scan all packets of a file of `size` bytes, and to report them."""
    return _BASE + min((_INDEX_BYTES + _SCAN_BYTES) * size, 2 * _MAX_INDEX)


def decoding_bytes(video: Video, threads: int) -> int:
    """Return the memory to decode a video, with a frame for each thread."""
    return frames_bytes(video.width * video.height, pixel_bytes(video), threads)


def least_decoding_bytes(video: Video) -> int:
    """Return the memory without which no decoder decodes a video: two frames, with as little chroma as there is."""
    return 2 * video.width * video.height * (1 if video.bit_depth <= 8 else 2)


def frames_bytes(pixels: int, each: int, threads: int) -> int:
    """Return the memory to decode frames of so many `pixels` of `each` bytes."""
    return _BASE + (_REFERENCE_FRAMES + _FRAMES_ON_THE_WAY + threads) * pixels * each


def pixel_bytes(video: Video) -> int:
    """Return the most bytes that a pixel of a decoded frame takes: a sample for each component."""
    fourth = video.alpha or video.pixel_format == "bgra"  # an opaque GIF has one, too
    return (4 if fourth else 3) * (1 if video.bit_depth <= 8 else 2 if video.bit_depth <= 16 else 4)


def image_bytes(video: Video | None, size: int, threads: int) -> int:
    """Return the memory to decode an image from a file of `size` bytes and convert it.

    Args:
        video: what is known of the image; None: not even its size.
        size: bytes of the file.
        threads: of a chain of filters.
    """
    if video is None:
        pixels, each = MAX_IMAGE_PIXELS, 6
    else:
        pixels, each = video.width * video.height, pixel_bytes(video)
    return _image_file_bytes(size) + _STACK_BYTES * threads + pixels * (_CONVERSIONS * each + _IMAGE_DECODER_BYTES)


def opening_image_bytes(pixels: int, size: int) -> int:
    """Return the memory to open an image file of `size` bytes that states its `pixels`."""
    return _image_file_bytes(size) + pixels * (_MOST_PIXEL_BYTES + _IMAGE_DECODER_BYTES)


def _image_file_bytes(size: int) -> int:
    return _BASE + _IMAGE_COPIES * size
