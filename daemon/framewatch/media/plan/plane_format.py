"""Whether a video can go through the engine as YUV 4:2:0 planes, and how its colours are coded in them. Pure.

Decoders return planes and encoders take them. Where only the network lies between, the frames need not become RGB on
the CPU: an engine that converts on its own device halves the bytes that are moved and leaves swscale nothing to do.
All else goes as packed RGB.
"""

from __future__ import annotations

from typing import Literal

from framewatch.domain import ChromaSiting, Edges, Record, Video
from framewatch.media import colour
from framewatch.media.plan.plan import VideoPlan

PlaneFormat = Literal["yuv420p", "yuv420p10le"]

_DEPTHS: dict[str, int] = {"yuv420p": 8, "yuv420p10le": 10}
_FORMATS: dict[int, PlaneFormat] = {8: "yuv420p", 10: "yuv420p10le"}


class PlaneCoding(Record):
    """How the planes that go into an engine are coded, and those that come out."""

    kr: float  # the matrix's weights of red and blue in luma
    kb: float
    full: bool  # full range
    depth: int  # bits per component, going in
    out_depth: int  # and coming out
    siting: ChromaSiting = "left"  # of chroma, going in
    out_siting: ChromaSiting = "left"  # and coming out

    @property
    def format(self) -> PlaneFormat:
        """The pixel format of what goes in."""
        return _FORMATS[self.depth]

    @property
    def out_format(self) -> PlaneFormat:
        """The pixel format of what comes out."""
        return _FORMATS[self.out_depth]


def plane_coding(plan: VideoPlan, video: Video) -> PlaneCoding | None:
    """Return the coding for a render; None where it needs RGB.

    RGB is needed for odd sizes, for frames that are rotated, flipped or cropped first (chroma lies between luma
    samples), for formats other than 4:2:0 with 8 or 10 bits on either side, and where the encoder takes another
    range.
    """
    preset = plan.preset
    reshaped = video.rotation or video.mirrored or video.hidden != Edges() or preset.reorients or preset.active_crop
    odd = video.width % 2 or video.height % 2
    weights = colour.luma_weights(plan.colour)
    if reshaped or odd or weights is None or not {video.pixel_format, plan.pixel_format} <= _DEPTHS.keys():
        return None
    if colour.encoded_colour(plan.colour, plan.source_height, plan.encoder).range != plan.colour.range:
        return None
    return PlaneCoding(
        kr=weights[0],
        kb=weights[1],
        full=plan.colour.range == "full",
        depth=_DEPTHS[video.pixel_format],
        out_depth=_DEPTHS[plan.pixel_format],
        siting=video.siting,
        out_siting=plan.chroma.siting,
    )
