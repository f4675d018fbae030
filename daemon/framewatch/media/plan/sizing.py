"""How large the picture becomes: turned, cropped, enlarged, scaled, padded. Pure arithmetic."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from framewatch.media.preset.preset import Preset

_HEIGHTS = {"480p": 480, "720p": 720, "1080p": 1080}


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"

    @property
    def turned(self) -> Size:
        """On its side."""
        return Size(self.height, self.width)


class Fitted(NamedTuple):
    """What a preset makes of a picture's size."""

    scaled: Size  # the picture
    padded: Size  # with black around it
    lanczos: bool = False  # scaled by the wish for a largest size, which chooses its own algorithm


def shaped(preset: Preset, upright: Size) -> Size:
    """The size after rotation and crop."""
    turned = upright.turned if preset.rotation in (90, 270) else upright
    crop = preset.active_crop
    return Size(crop.width, crop.height) if crop else turned


def fitted(preset: Preset, size: Size, format_name: str) -> Fitted:
    """The size that a preset's resolution, or its largest size, makes of `size`."""
    if preset.output_width or preset.output_height:
        return _within(preset, size, format_name)
    if preset.resolution == "original":
        return Fitted(size, size)
    wide, high = (preset.custom_width or -1, preset.custom_height or -1)
    if preset.resolution != "custom":
        wide, high = -1, _HEIGHTS[preset.resolution]
    if wide > 0 and high > 0:
        ratio = min(Fraction(wide, size.width), Fraction(high, size.height))
        whole = Size(wide, high)
        inside = even_up(ratio, size, format_name)
        return Fitted(Size(min(inside.width, wide), min(inside.height, high)), whole)
    ratio = Fraction(wide, size.width) if wide > 0 else Fraction(high, size.height)
    kept = even_up(ratio, size, format_name)
    made = Size(wide if wide > 0 else kept.width, high if high > 0 else kept.height)
    return Fitted(made, made)


def _within(preset: Preset, size: Size, format_name: str) -> Fitted:
    limits = ((preset.output_width, size.width), (preset.output_height, size.height))
    ratio = min(Fraction(limit, side) for limit, side in limits if limit)
    if ratio >= 1:
        return Fitted(size, size)
    made = even_up(ratio, size, format_name)
    return Fitted(made, made, lanczos=True)


def even_up(ratio: Fraction, size: Size, format_name: str) -> Size:
    """`size` times `ratio`, to the nearest sides that the format's chroma subsampling can hold."""
    across, down = steps(format_name)
    return Size(_nearest(size.width * ratio, across), _nearest(size.height * ratio, down))


def even_size(size: Size, format_name: str) -> Size:
    """The size without the last column or row that the format's chroma subsampling cannot hold."""
    across, down = steps(format_name)
    return Size(size.width - size.width % across or size.width, size.height - size.height % down or size.height)


def steps(format_name: str) -> tuple[int, int]:
    """Of how many columns and rows the sides of a picture in this format have to be multiples."""
    return 2 if format_name.startswith(("yuv420", "yuv422")) else 1, 2 if format_name.startswith("yuv420") else 1


def _nearest(exact: Fraction, step: int) -> int:
    return max(step, round(exact / step) * step)
