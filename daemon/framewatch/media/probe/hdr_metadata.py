"""HDR10's static metadata of a decoded frame, whether the bitstream or the container states it.

The numbers come from the file, so values that no display can have count as unknown.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction

from av.video.frame import VideoFrame

from framewatch.domain import Hdr, MasteringDisplay
from framewatch.media.probe.side_data import SideDataType, side_data

# AVMasteringDisplayMetadata (libavutil/mastering_display_metadata.h): ten AVRationals, each a pair of ints: x and y
# of red, green, blue and white, minimum and maximum luminance; then two flags: has primaries, has luminance.
_MASTERING = struct.Struct("22i")
_LIGHT = struct.Struct("2I")  # AVContentLightMetadata: MaxCLL and MaxFALL
# ITU-T H.265, D.3.28: chromaticities outside of these mean "unknown".
_MIN_XY, _MAX_X, _MAX_Y = Fraction(5, 50_000), Fraction(37_000, 50_000), Fraction(42_000, 50_000)
_MAX_LUMINANCE = 10_000  # cd/m², the end of the PQ curve (SMPTE ST 2084)
_MAX_LIGHT_LEVEL = 65_535  # 16 bits in every bitstream


def hdr_metadata(frame: VideoFrame) -> Hdr | None:
    """Read the mastering display and the content light level of a decoded frame; None if it has neither."""
    found = side_data(frame, SideDataType.MASTERING_DISPLAY_METADATA, SideDataType.CONTENT_LIGHT_LEVEL)
    mastering = mastering_display(found.get(SideDataType.MASTERING_DISPLAY_METADATA, b""))
    light = light_level(found.get(SideDataType.CONTENT_LIGHT_LEVEL, b""))
    return Hdr(mastering=mastering, light=light) if mastering or light else None


def mastering_display(data: bytes) -> MasteringDisplay | None:
    """Parse libav's structure; None if it states nothing that a display can have."""
    if len(data) < _MASTERING.size:
        return None
    *numbers, has_primaries, has_luminance = _MASTERING.unpack_from(data)
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
    colours = _colours(pairs[:8]) if has_primaries else ()
    luminance = _luminance(pairs[8:]) if has_luminance else None
    return MasteringDisplay(colours=colours, luminance=luminance) if colours or luminance else None


def _colours(pairs: Sequence[tuple[int, int]]) -> tuple[tuple[Fraction, Fraction], ...]:
    values = _fractions(pairs)
    points = tuple(zip(values[::2], values[1::2], strict=True))
    valid = points and all(_MIN_XY <= x <= _MAX_X and _MIN_XY <= y <= _MAX_Y for x, y in points)
    return points if valid else ()


def _luminance(pairs: Sequence[tuple[int, int]]) -> tuple[Fraction, Fraction] | None:
    match _fractions(pairs):
        case [darkest, brightest] if 0 <= darkest < brightest <= _MAX_LUMINANCE:
            return darkest, brightest
    return None


def _fractions(pairs: Sequence[tuple[int, int]]) -> list[Fraction]:
    """Return the values of AVRationals; empty if one of them has no value."""
    valid = all(denominator > 0 for _, denominator in pairs)
    return [Fraction(numerator, denominator) for numerator, denominator in pairs] if valid else []


def light_level(data: bytes) -> tuple[int, int] | None:
    """Parse MaxCLL and MaxFALL, in cd/m²; None if both are unknown or one is impossible."""
    if len(data) < _LIGHT.size:
        return None
    max_cll, max_fall = _LIGHT.unpack_from(data)
    return (max_cll, max_fall) if 0 < max(max_cll, max_fall) <= _MAX_LIGHT_LEVEL else None
