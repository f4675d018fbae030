"""The picture on its way: size, sample aspect ratio and pixel format from the source to the output. Pure."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from framewatch.domain import Stream, Video
from framewatch.errors import Finding
from framewatch.media.containers import rules
from framewatch.media.encoders.hardware import decoding_hardware
from framewatch.media.encoders.hdr_args import hdr_warnings
from framewatch.media.plan.sizing import Size, even_size, fitted, shaped, steps
from framewatch.media.plan.stream_table import place
from framewatch.media.preset.preset import Preset


class Picture(NamedTuple):
    """What the picture is at each step."""

    decoded: Size  # a frame of the source: upright, turned and cropped
    enlarged: Size  # after the network; what the encoder is fed
    scaled: Size  # as large as it is shown
    padded: Size  # with black around it
    output: Size  # what is written: without the last column or row where the pixel format cannot hold it
    lanczos: bool  # scaled with lanczos, whatever the preset's algorithm
    sar: Fraction  # of the upright picture
    pixel_format: str  # of the output


_NOTHING = Size(0, 0)
NO_PICTURE = Picture(_NOTHING, _NOTHING, _NOTHING, _NOTHING, _NOTHING, False, Fraction(1), "")
"""Of an output that is sound alone."""


def picture(preset: Preset, video: Video) -> Picture:
    """The picture's way for a preset that encodes."""
    sideways = (video.rotation + preset.rotation) % 180 == 90
    decoded = shaped(preset, Size(*video.upright))
    enlarged = Size(decoded.width * preset.scale, decoded.height * preset.scale)
    chosen = pixel_format(preset, video)
    sar = 1 / video.sar if sideways and video.sar else video.sar
    made = fitted(preset, enlarged, chosen)
    stated = _stated(preset, sar, even_size(made.padded, chosen), decoded.width)
    if stated is None:
        made, stated = fitted(preset, _squared(enlarged, sar, chosen), chosen), Fraction(1)
    output = even_size(made.padded, chosen)
    return Picture(decoded, enlarged, made.scaled, made.padded, output, made.lanczos, stated, chosen)


def alike(one: Fraction, other: Fraction, width: int) -> bool:
    """Whether a picture is shown as wide with one SAR as with the other, but for half a pixel.

    Matroska and WebM state the width that is shown, in whole pixels.
    """
    return abs(one - other) * width <= Fraction(1, 2)


def _stated(preset: Preset, sar: Fraction, size: Size, width: int) -> Fraction | None:
    """The SAR as the output can say it, None where it cannot. The viewers of a gif know square pixels only."""
    shapes = rules().video_encoders[preset.video_codec].shapes
    if sar == 1 or (not shapes and preset.container != "gif"):
        return sar
    ratios = (shape * size.height / size.width for shape in shapes)
    return next((ratio for ratio in ratios if alike(ratio, sar, width)), None)


def _squared(size: Size, sar: Fraction, format_name: str) -> Size:
    across, _ = steps(format_name)
    return Size(max(across, round(size.width * sar / across) * across), size.height)


def picture_as_is(video: Video) -> Picture:
    """The picture's way where the stream is copied: nothing changes, and a player still turns it."""
    size = Size(video.width, video.height)
    return Picture(size, size, size, size, size, False, video.sar, video.pixel_format)


def pixel_format(preset: Preset, video: Video) -> str:
    """The output's pixel format: the preset's, or by the rule for `auto`.

    Upscaled: 10-bit 4:2:0 for a source deeper than 8 bit, where the encoder takes it, else 8-bit 4:2:0.
    Transcoded: the source's own format where the encoder takes it, else the same. An encoder that takes
    neither gets its first.
    """
    if preset.pixel_format != "auto":
        return preset.pixel_format
    allowed = rules().pixel_formats(preset.container, preset.video_codec)
    own = video.pixel_format.replace("yuvj", "yuv")
    if not preset.upscales and own in allowed:
        return own
    deep, shallow = "yuv420p10le", "yuv420p"
    wanted = (deep, shallow) if video.bit_depth > 8 else (shallow, deep)
    return next((name for name in wanted if name in allowed), allowed[0])


def picture_warnings(preset: Preset, main: Stream, video: Video, made: Picture) -> list[Finding]:
    """What the picture loses, or what is odd about it."""
    where, found = place(main), []
    if made.output != made.padded:
        message = f"{made.padded} is cut to {made.output}: {made.pixel_format} needs even sides"
        hint = "pixel_format yuv444p keeps odd sizes, where the encoder takes it"
        found.append(Finding("video.cut_to_even", message, hint, where))
    if made.sar == 1 and video.sar != 1:
        message = f"pixels of {video.sar} become square: {preset.video_codec} cannot say how wide they are"
        found.append(Finding("video.squared", message, "other encoders keep them", where))
    if video.bit_depth > 8 and preset.vignette and made.pixel_format.endswith("10le"):
        message = "the vignette is drawn at 8 bit a component"
        found.append(Finding("video.depth_lowered", message, "leave out vignette to keep 10 bit", "vignette"))
    if video.bit_depth > 8 and not made.pixel_format.endswith("10le"):
        message = f"{video.bit_depth} bit become 8 bit: the output is {made.pixel_format}"
        found.append(Finding("video.depth_lowered", message, "use an encoder that takes 10 bit", where))
    if video.alpha:
        found.append(Finding("video.alpha_dropped", "the transparency is left out", "", where))
    if video.interlaced and preset.deinterlace == "off":
        message = "the picture is interlaced and is processed as it is"
        found.append(Finding("video.interlaced", message, "deinterlace auto makes whole pictures of it", where))
    if preset.hw_decode and not decoding_hardware(preset):
        message = f"hw_decode does nothing with {preset.video_codec} where nothing is upscaled"
        found.append(Finding("decode.software", message, "it goes with nvenc and videotoolbox", "hw_decode"))
    return found + hdr_warnings(preset, video.hdr, where)
