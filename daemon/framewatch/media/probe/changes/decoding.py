"""What a single packet says of picture or sound, by decoding it alone."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple, cast

import av
from av.audio.frame import AudioFrame
from av.codec.context import Flags
from av.packet import Packet
from av.video.frame import VideoFrame

from framewatch.domain import Picture, Sound
from framewatch.media import out_of_memory
from framewatch.media.limits import TRIED_PIXELS
from framewatch.media.probe.colour_tags import colour_of
from framewatch.media.probe.pyav_values import fraction


class Sample(NamedTuple):
    """A packet that can be decoded alone, in bytes of our own."""

    data: bytes
    extradata: bytes


def decode_picture(codec: str, sample: Sample) -> tuple[Picture, Fraction] | None:
    """Return the picture of a key frame, without a shape, and the shape that its codec states; None: it is broken.

    A frame beyond all limits is not decoded either; those of the file are up to the caller.
    """
    context: Any = av.CodecContext.create(codec, "r")
    context.flags |= Flags.unaligned.value
    context.options = {"max_pixels": str(TRIED_PIXELS)}
    frame = cast("VideoFrame | None", _first_frame(context, sample))
    if frame is None:
        return None
    name = frame.format.name
    picture = Picture(
        width=frame.width,
        height=frame.height,
        sar=Fraction(1),
        pixel_format=name,
        bit_depth=max(each.bits for each in frame.format.components),
        colour=colour_of(frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc, name),
    )
    return picture, fraction(context.sample_aspect_ratio)


def decode_sound(codec: str, sample: Sample) -> Sound | None:
    """Return the sound of a packet; None if it is broken."""
    context: Any = av.CodecContext.create(codec, "r")
    frame = cast("AudioFrame | None", _first_frame(context, sample))
    if frame is None:
        return None
    layout = frame.layout
    return Sound(sample_rate=frame.sample_rate, layout=layout.name, channels=layout.nb_channels)


def _first_frame(context: Any, sample: Sample) -> Any:
    """Return the first frame that a packet gives, at the latest when the decoder is told that no other follows."""
    context.thread_count = 1
    if sample.extradata:
        context.extradata = sample.extradata
    for packet in (Packet(sample.data), None):
        try:
            frames = context.decode(packet)
        except av.FFmpegError as error:
            out_of_memory.raise_if_short(error)
            return None
        if frames:
            return frames[0]
    return None
