"""Image files: their properties, and their pixels, upright, as the engine takes them."""

from __future__ import annotations

import os
from fractions import Fraction
from typing import Any, NamedTuple, cast

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from framewatch.domain import IccProfile, MediaInfo, Stream, Video
from framewatch.errors import MediaError
from framewatch.media import colour, out_of_memory
from framewatch.media.decode.decoder import upright_rgb_filters
from framewatch.media.decode.icc_profile import attached_icc, split_icc
from framewatch.media.decode.tiled_frame import TiledFrame
from framewatch.media.filter_graph import Filter, FilterChain
from framewatch.media.filters.upright import upright_filters
from framewatch.media.heartbeat import Beat, no_beat
from framewatch.media.icc import icc_flaw
from framewatch.media.iso_files.heif_grid import Grid, read_grid
from framewatch.media.limits import MAX_IMAGE_PIXELS, require_image_size
from framewatch.media.probe.display_matrix import Orientation, orientation
from framewatch.media.probe.pyav_values import fraction, packets
from framewatch.media.probe.safe_open import AnyFile, media_errors, open_file, open_media
from framewatch.media.siting import siting_of

_WHITE = {"rgb24": 255, "rgb48le": 65535}

Pixels = NDArray[Any]


class DecodedImage(NamedTuple):
    """The pixels of an image."""

    rgb: Pixels  # (height, width, 3), uint8 or uint16, full range
    alpha: Pixels | None  # (height, width) of the same type; None if the source has none
    icc: bytes | None = None  # the source's ICC profile, unless it has a flaw


class _Decoded(NamedTuple):
    frame: VideoFrame
    icc: bytes | None
    orientation: Orientation


def with_image_details(source: AnyFile, info: MediaInfo, beat: Beat = no_beat) -> MediaInfo:
    """Complete what the probe found in an image file by what only the decoded image tells.

    `beat` is called as reading makes progress.

    Raises:
        MediaError: `media.too_large`, or `media.corrupt` if it cannot be decoded.
    """
    stream = info.streams[0]
    with media_errors(source):
        frame, icc, turned = _decode(source, stream, beat)
        video = _with_frame_facts(stream, frame, turned)
        if icc is not None:
            video = video.evolve(icc=IccProfile(size=len(icc), flaw=icc_flaw(icc)))
    return info.evolve(streams=(stream.evolve(video=video), *info.streams[1:]))


def _with_frame_facts(stream: Stream, frame: VideoFrame, found: Orientation) -> Video:
    """Complete what the headers say, if they say anything, by what the image says."""
    name, stated = frame.format.name, stream.video
    video = stated or Video(width=frame.width, height=frame.height, pixel_format=name, bit_depth=8, rate=None)
    matrix = video.colour.matrix or "smpte170m"  # what is not RGB is YCbCr as in JPEG (JFIF)
    return video.evolve(
        width=frame.width,
        height=frame.height,
        pixel_format=name,
        bit_depth=max(each.bits for each in frame.format.components),
        alpha=video.alpha or any(each.is_alpha for each in frame.format.components) or _has_clear_palette(frame),
        colour=video.colour.evolve(matrix=matrix),
        siting=siting_of(stated.siting if stated else None, stream.codec, name),
        rotation=found.rotation,
        mirrored=found.mirrored,
    )


def read_image(source: AnyFile, stream: Stream, beat: Beat = no_beat) -> DecodedImage:
    """Decode an image file and turn it upright.

    Args:
        source: the file.
        stream: its image, from `with_image_details`.
        beat: called as reading makes progress.

    Raises:
        MediaError: `media.corrupt`.
    """
    with media_errors(source):
        frame, icc, _ = _decode(source, stream, beat)
        rgb, alpha = _upright(frame, _video(stream))
        return DecodedImage(rgb, alpha, icc if icc is not None and icc_flaw(icc) is None else None)


def _upright(frame: VideoFrame, video: Video) -> tuple[Pixels, Pixels | None]:
    """Return RGB and alpha of an image as it is shown."""
    working = colour.working_format(video.bit_depth)
    rgb = _filtered(frame, upright_rgb_filters(video, _WHITE[working])).to_ndarray()
    if working == "rgb48le" and video.pixel_format.startswith("yuv"):
        white = colour.WHITE[working]
        rgb = np.minimum(rgb.astype(np.uint32) * _WHITE[working] // white, _WHITE[working])
    dtype = np.uint8 if working == "rgb24" else np.uint16
    alpha = None
    if video.alpha:
        rgba = "rgba" if working == "rgb24" else "rgba64le"
        filters = (Filter("format", rgba), *upright_filters(video))
        alpha = np.ascontiguousarray(_filtered(frame, filters).to_ndarray()[..., 3], dtype=dtype)
    return np.ascontiguousarray(rgb, dtype=dtype), alpha


def flatten_on_white(rgb: Pixels, alpha: Pixels) -> Pixels:
    """Blend an image with white, for file formats without transparency."""
    white = np.iinfo(rgb.dtype).max
    opacity = (alpha.astype(np.float64) / white)[..., None]
    return np.rint(rgb * opacity + white * (1 - opacity)).astype(rgb.dtype)


def bound_alpha(upscaled: Pixels, source: Pixels, scale: int) -> Pixels:
    """Clip an upscaled alpha plane to the range of the 3x3 source pixels around each pixel.

    Alpha goes through the network as grey, so that its edges are as sharp as those of the image. The network also
    makes 253 of 255 here and there; without this bound an opaque image would not stay opaque.
    """
    padded = np.pad(source, 1, mode="edge")
    neighbours = np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).reshape(*source.shape, 9)
    low, high = (
        bound.repeat(scale, axis=0).repeat(scale, axis=1)
        for bound in (neighbours.min(axis=-1), neighbours.max(axis=-1))
    )
    return np.clip(upscaled, low, high)


def _decode(source: AnyFile, stream: Stream, beat: Beat) -> _Decoded:
    video = stream.video  # None if the headers alone do not tell
    if video is not None:
        require_image_size(video.width, video.height)
    with open_media(source, max_pixels=MAX_IMAGE_PIXELS, beat=beat) as container:
        av_stream = cast(VideoStream, container.streams[stream.index])
        if cast("av.VideoCodecContext | None", av_stream.codec_context) is None:
            raise _no_decoder(stream)
        grid = _grid(source, beat) if container.format.name.startswith("mov") else None
        try:
            if grid is not None:
                return _decode_tiles(source, container, grid, beat)
            frame, icc = _first_image(container, av_stream)
        except av.FFmpegError as error:
            out_of_memory.raise_if_unaffordable(error, f"decoding {source.name}")
            raise _corrupt(source, error.strerror or "") from None
    if frame is None:
        raise _corrupt(source, "there is no image in it")
    return _Decoded(frame, icc, orientation(frame))


def _grid(source: AnyFile, beat: Beat) -> Grid | None:
    with open_file(source, beat=beat) as file:
        return read_grid(file, file.seek(0, os.SEEK_END))


def _decode_tiles(source: AnyFile, container: InputContainer, grid: Grid, beat: Beat) -> _Decoded:
    """Put the image together from its tiles, each of which is a stream with one packet."""
    whole: TiledFrame | None = None
    missing = {tile: number for number, tile in enumerate(grid.tiles)}
    profile = grid.icc
    for packet in packets(container):
        number = missing.pop(packet.stream.id, None) if packet.size else None
        if number is None:
            continue
        frame, icc = _decode_tile(cast(VideoStream, packet.stream), packet)
        if frame is None:
            raise _corrupt(source, f"tile {number + 1} of {len(grid.tiles)} cannot be decoded")
        whole = whole or TiledFrame(frame, grid)
        if not whole.put(frame, number):
            raise _corrupt(source, f"tile {number + 1} of {len(grid.tiles)} does not fit to the others")
        profile = profile or icc
        beat()
    if whole is None or missing:
        raise _corrupt(source, f"{len(missing)} of {len(grid.tiles)} tiles are missing")
    return _Decoded(whole.frame(), profile, Orientation(grid.rotation, grid.mirrored))


def _decode_tile(stream: VideoStream, packet: Packet[Any]) -> tuple[VideoFrame | None, bytes | None]:
    stream.codec_context.thread_count = 1  # there may be a thousand of them
    frame, icc = _decode_packet(stream.codec_context, packet)
    if frame is None:
        frame = next(iter(stream.codec_context.decode(None)), None)  # decoders hold frames back
        icc = attached_icc(frame, stream.codec_context.name, b"") if frame else None
    return frame, icc


def _first_image(container: InputContainer, stream: VideoStream) -> tuple[VideoFrame | None, bytes | None]:
    for packet in packets(container, stream):
        frame, icc = _decode_packet(stream.codec_context, packet)
        if frame is not None:
            return frame, icc
    return None, None


def _decode_packet(context: VideoCodecContext, packet: Packet[Any]) -> tuple[VideoFrame | None, bytes | None]:
    given = bytes(packet)
    data, icc = split_icc(context.name, given)
    frames = packet.decode() if data is given else context.decode(Packet(data))
    if not frames:
        return None, None
    return frames[0], attached_icc(frames[0], context.name, data) if icc is None else icc


def _filtered(frame: VideoFrame, filters: tuple[Filter, ...]) -> VideoFrame:
    chain = FilterChain(filters, fraction(frame.time_base) or Fraction(1))
    return next(made for part in (chain.push(frame), chain.drain()) for made in part)


def _has_clear_palette(frame: VideoFrame) -> bool:
    """Return whether a palette has colours that are not opaque, which the name of its format does not tell."""
    return frame.format.name == "pal8" and bool(frame.to_ndarray(format="rgba")[..., 3].min() < 255)


def _video(stream: Stream) -> Video:
    if stream.video is None:
        raise _no_decoder(stream)
    return stream.video


def _no_decoder(stream: Stream) -> MediaError:
    message = f"there is no decoder for this image ({stream.codec})"
    return MediaError(message, code="media.no_decoder", hint="convert it to png first")


def _corrupt(source: AnyFile, reason: str) -> MediaError:
    hint = "open it in an image editor and save it again"
    return MediaError(f"{source.name} is damaged: {reason}", code="media.corrupt", hint=hint)
