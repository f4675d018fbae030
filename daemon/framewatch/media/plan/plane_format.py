"""Whether a video can go through the engine as planes of YUV 4:2:0, and how its colours are coded in them. Pure.

Planes are what most videos are decoded to and encoded from. Where nothing but the network lies between, they need not
become RGB on the processor: that is left to an engine that does it on its device. The rest goes as RGB.
"""

from __future__ import annotations

from typing import Literal

from framewatch.domain import Edges, Record, Video
from framewatch.media import colour
from framewatch.media.plan.plan import Plan

PlaneFormat = Literal["yuv420p", "yuv420p10le"]

_DEPTHS: dict[str, int] = {"yuv420p": 8, "yuv420p10le": 10}
_FORMATS: dict[int, PlaneFormat] = {8: "yuv420p", 10: "yuv420p10le"}


class PlaneCoding(Record):
    """The planes that go into an engine, and those that come out."""

    kr: float  # the matrix's weights of red and blue in luma
    kb: float
    full: bool  # all code values are used
    depth: int  # bits of a value that goes in
    out_depth: int

    @property
    def format(self) -> PlaneFormat:
        """The pixel format of what goes in."""
        return _FORMATS[self.depth]

    @property
    def out_format(self) -> PlaneFormat:
        """The pixel format of what comes out."""
        return _FORMATS[self.out_depth]


def plane_coding(plan: Plan, video: Video) -> PlaneCoding | None:
    """The coding for a render; None where it needs RGB.

    RGB is needed for an odd size, for a picture that is turned, flipped or cropped first (chroma lies between
    pixels), for other formats than 4:2:0 of 8 or 10 bits on either side, and where the encoder takes another range.
    """
    preset, encoder = plan.preset, next(iter(plan.of_kind("video"))).encoder
    shaped = video.rotation or video.mirrored or video.hidden != Edges() or preset.reorients or preset.active_crop
    odd = video.width % 2 or video.height % 2
    weights = colour.luma_weights(plan.colour)
    if shaped or odd or weights is None or not {video.pixel_format, plan.pixel_format} <= _DEPTHS.keys():
        return None
    if colour.written(plan.colour, plan.source_height, encoder).range != plan.colour.range:
        return None
    return PlaneCoding(
        kr=weights[0],
        kb=weights[1],
        full=plan.colour.range == "full",
        depth=_DEPTHS[video.pixel_format],
        out_depth=_DEPTHS[plan.pixel_format],
    )
