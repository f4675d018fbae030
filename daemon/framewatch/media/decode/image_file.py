"""Picture files: what one holds, and its pixels, upright, as the engine takes them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple, cast

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from framewatch.domain import MediaInfo, Stream, Video
from framewatch.errors import MediaError
from framewatch.media import colour, out_of_memory
from framewatch.media.decode.decoder import mirror_and_turns, picture_filters
from framewatch.media.filter_graph import Filter, FilterChain
from framewatch.media.heartbeat import Beat, unheard
from framewatch.media.probe.display_matrix import orientation
from framewatch.media.probe.exif import exif_orientation
from framewatch.media.probe.safe_open import fraction, open_file, open_media

MOST_PIXELS = 300_000_000  # of a source: a small file may claim to be a picture that fills any memory
_PEAK = {"rgb24": 255, "rgb48le": 65535}

Pixels = NDArray[Any]


class Opened(NamedTuple):
    """A decoded picture."""

    rgb: Pixels  # (height, width, 3), uint8 or uint16, full range
    alpha: Pixels | None  # (height, width) of the same type; None where the source has none


def with_picture(path: Path, info: MediaInfo, beat: Beat = unheard) -> MediaInfo:
    """What the probe found in a picture file, completed by what the picture itself says.

    `beat` is called as reading gets on.

    Raises:
        MediaError: `media.too_large`, or `media.corrupt` where it cannot be decoded.
    """
    still = info.streams[0]
    frame = _decoded(path, still, beat)
    video = _video(still)
    name = frame.format.name
    matrix = video.colour.matrix or "smpte170m"  # what is not RGB is YCbCr as JPEG has it
    video = video.evolve(
        width=frame.width,
        height=frame.height,
        pixel_format=name,
        bit_depth=max(each.bits for each in frame.format.components),
        alpha=video.alpha or any(each.is_alpha for each in frame.format.components) or _clear_palette(frame),
        colour=video.colour.evolve(matrix=matrix),
    )
    with open_file(path) as file:
        turned = exif_orientation(file) or orientation(frame)
    video = video.evolve(rotation=turned.rotation, mirrored=turned.mirrored)
    return info.evolve(streams=(still.evolve(video=video), *info.streams[1:]))


def open_picture(path: Path, still: Stream, beat: Beat = unheard) -> Opened:
    """The pixels of a picture file, turned as it says.

    Args:
        path: the source.
        still: its stream, from `with_picture`.
        beat: called as reading gets on.

    Raises:
        MediaError: `media.corrupt`.
    """
    frame, video = _decoded(path, still, beat), _video(still)
    working = colour.working_format(video.bit_depth)
    rgb = _filtered(frame, picture_filters(video)).to_ndarray()
    if working == "rgb48le" and video.pixel_format.startswith("yuv"):
        white = colour.WHITE[working]
        rgb = np.minimum(rgb.astype(np.uint32) * _PEAK[working] // white, _PEAK[working])
    kind = np.uint8 if working == "rgb24" else np.uint16
    alpha = None
    if video.alpha:
        deep = "rgba" if working == "rgb24" else "rgba64le"
        filters = (Filter("format", deep), *mirror_and_turns(video))
        alpha = np.ascontiguousarray(_filtered(frame, filters).to_ndarray()[..., 3], dtype=kind)
    return Opened(np.ascontiguousarray(rgb, dtype=kind), alpha)


def on_white(rgb: Pixels, alpha: Pixels) -> Pixels:
    """The picture laid on white, for files that hold no transparency."""
    peak = np.iinfo(rgb.dtype).max
    share = (alpha.astype(np.float64) / peak)[..., None]
    return np.rint(rgb * share + peak * (1 - share)).astype(rgb.dtype)


def bounded(enlarged: Pixels, small: Pixels, scale: int) -> Pixels:
    """An enlarged alpha plane that stays between the least and the most of the 3x3 source pixels around.

    The network draws its edges as sharp as the picture's. Left alone it also makes 253 of 255 here and there, and
    a picture that was opaque would no longer be.
    """
    framed = np.pad(small, 1, mode="edge")
    near = np.lib.stride_tricks.sliding_window_view(framed, (3, 3)).reshape(*small.shape, 9)
    least, most = (_repeated(bound, scale) for bound in (near.min(axis=-1), near.max(axis=-1)))
    return np.clip(enlarged, least, most)


def _repeated(plane: Pixels, scale: int) -> Pixels:
    return plane.repeat(scale, axis=0).repeat(scale, axis=1)


def _decoded(path: Path, still: Stream, beat: Beat) -> VideoFrame:
    video = still.video  # None where the headers alone do not tell
    if video is not None and video.width * video.height > MOST_PIXELS:
        message = f"{video.width}x{video.height} is more than {MOST_PIXELS // 1_000_000} million pixels"
        raise MediaError(message, code="media.too_large", hint="make it smaller, or cut it into parts")
    with open_media(path, max_pixels=MOST_PIXELS, beat=beat) as container:
        stream = cast(VideoStream, container.streams[still.index])
        if cast("av.VideoCodecContext | None", stream.codec_context) is None:
            _video(still)
        try:
            frame = next(container.decode(stream), None)
        except av.FFmpegError as error:
            out_of_memory.blame(error)
            raise _corrupt(path, error.strerror or "") from None
    if frame is None:
        raise _corrupt(path, "there is no picture in it")
    return frame


def _filtered(frame: VideoFrame, filters: tuple[Filter, ...]) -> VideoFrame:
    chain = FilterChain(filters, fraction(frame.time_base) or Fraction(1))
    return next(made for part in (chain.push(frame), chain.drain()) for made in part)


def _clear_palette(frame: VideoFrame) -> bool:
    """Whether a palette has colours that are not opaque; the format's name does not tell."""
    return frame.format.name == "pal8" and bool(frame.to_ndarray(format="rgba")[..., 3].min() < 255)


def _video(still: Stream) -> Video:
    if still.video is None:
        message = f"there is no decoder for this picture ({still.codec})"
        raise MediaError(message, code="media.no_decoder", hint="convert it to png first")
    return still.video


def _corrupt(path: Path, why: str) -> MediaError:
    hint = "open it in an image program and save it anew"
    return MediaError(f"{path.name} is damaged: {why}", code="media.corrupt", hint=hint)
