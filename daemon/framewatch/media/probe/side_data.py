"""What decoders attach to a frame, read without PyAV's two faults.

`frame.side_data` of PyAV 18 and 19 wraps everything that is attached. If an entry has metadata of its own, such as
the name of a PNG's ICC profile, PyAV frees them and then libav does so again: the process dies by a signal. PyAV 18
also raises ValueError if it has no name for one of the types. So a frame passes through libavfilter first, which
deletes everything but what is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from fractions import Fraction
from typing import cast

from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame

from framewatch.media.filter_graph import Filter, FilterChain

TYPES = range(64)  # FFmpeg 9 has types 0 to 34


class SideDataType(IntEnum):
    """The types that framewatch reads: enum AVFrameSideDataType of libavutil/frame.h, which only ever grows."""

    PANSCAN = 0
    STEREO3D = 2
    DISPLAYMATRIX = 6
    MASTERING_DISPLAY_METADATA = 11
    SPHERICAL = 13
    CONTENT_LIGHT_LEVEL = 14
    ICC_PROFILE = 15  # with metadata if a PNG decoder attached it: do not ask for it there
    SEI_UNREGISTERED = 20
    AMBIENT_VIEWING_ENVIRONMENT = 26


def side_data(frame: VideoFrame, *types: SideDataType) -> dict[SideDataType, bytes]:
    """Return the side data of these types that a decoded frame has; the frame stays as it is."""
    unwanted = (Filter("sidedata", f"mode=delete:type={number}") for number in TYPES if number not in types)
    chain = FilterChain(unwanted, Fraction(1))
    clean = next(made for part in (chain.push(frame), chain.drain()) for made in part)
    found = cast("Mapping[str, SideData]", clean.side_data)
    return {each: bytes(data) for each in types if (data := found.get(each.name)) is not None}
