"""HDR10's static metadata as a decoded picture carries it, from its bitstream or its container alike.

The numbers come from the file: what no display can be is taken for not told.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import cast

from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame

from framewatch.domain import Hdr, MasteringDisplay

# AVMasteringDisplayMetadata (libavutil/mastering_display_metadata.h): ten AVRationals, each a pair of ints, of red,
# green, blue, white (x and y each), least and greatest luminance; then whether it has colours, and luminance.
_MASTERING = struct.Struct("22i")
_LIGHT = struct.Struct("2I")  # AVContentLightMetadata: MaxCLL and MaxFALL
# ITU-T H.265, D.3.28: other chromaticities mean "unknown".
_LEAST, _GREATEST_X, _GREATEST_Y = Fraction(5, 50_000), Fraction(37_000, 50_000), Fraction(42_000, 50_000)
_GREATEST_LUMINANCE = 10_000  # cd/m²: where PQ ends (SMPTE ST 2084)
_GREATEST_LIGHT = 65_535  # of 16 bits, which all bitstreams have for it


def hdr_of(picture: VideoFrame) -> Hdr | None:
    """What a decoded picture says of the display that it was made on, and how bright it gets; None for nothing."""
    try:
        sides = cast("Mapping[str, SideData]", picture.side_data)
    except ValueError:  # PyAV 18 gives no side data at all when it has no name for one type
        return None
    mastering = mastering_display(bytes(sides.get("MASTERING_DISPLAY_METADATA", b"")))
    light = light_level(bytes(sides.get("CONTENT_LIGHT_LEVEL", b"")))
    return Hdr(mastering=mastering, light=light) if mastering or light else None


def mastering_display(data: bytes) -> MasteringDisplay | None:
    """The record of libav's structure; None where it tells nothing of a display that can be."""
    if len(data) < _MASTERING.size:
        return None
    *numbers, has_colours, has_luminance = _MASTERING.unpack_from(data)
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
    colours = _colours(pairs[:8]) if has_colours else ()
    luminance = _luminance(pairs[8:]) if has_luminance else None
    return MasteringDisplay(colours=colours, luminance=luminance) if colours or luminance else None


def _colours(pairs: Sequence[tuple[int, int]]) -> tuple[tuple[Fraction, Fraction], ...]:
    values = _fractions(pairs)
    spots = tuple(zip(values[::2], values[1::2], strict=True))
    real = spots and all(_LEAST <= x <= _GREATEST_X and _LEAST <= y <= _GREATEST_Y for x, y in spots)
    return spots if real else ()


def _luminance(pairs: Sequence[tuple[int, int]]) -> tuple[Fraction, Fraction] | None:
    match _fractions(pairs):
        case [darkest, brightest] if 0 <= darkest < brightest <= _GREATEST_LUMINANCE:
            return darkest, brightest
    return None


def _fractions(pairs: Sequence[tuple[int, int]]) -> list[Fraction]:
    """The values, or none of them where one is none."""
    return [Fraction(over, under) for over, under in pairs] if all(under > 0 for _, under in pairs) else []


def light_level(data: bytes) -> tuple[int, int] | None:
    """MaxCLL and MaxFALL of libav's structure; None where both are unknown, or one cannot be."""
    if len(data) < _LIGHT.size:
        return None
    most, average = _LIGHT.unpack_from(data)
    return (most, average) if 0 < max(most, average) <= _GREATEST_LIGHT else None
