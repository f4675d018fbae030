"""Fits pictures of another size, shape or colour coding into the frame that a video begins with. Pure.

A picture is shown as wide and as high as it can be without being stretched or cropped: scaled by its display shape,
with black beside it. What comes after sees one size, one pixel format and one colour coding.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from framewatch.domain import Changes, Colour, Picture, Record, Video
from framewatch.media import colour
from framewatch.media.filter_graph import Filter
from framewatch.media.filters.upright import upright_filters
from framewatch.media.siting import siting_options

_SCALER = f"flags={colour.EXACT_FLAGS}"
# Formats that hardware decoders give where software decoders give another with the same samples.
_OF_HARDWARE = ("nv12", "nv16", "nv24", "p010le", "p012le", "p016le", "p210le", "p216le", "p410le", "p416le")
# Codecs whose frames may have other sizes between key frames, which the scan of the packets does not see.
_RESIZED = ("av1", "vp9")
_MOST_SHAPES = 500  # in an argument of ffmpeg, which may have 128 KiB; beyond them the last one stays
_MAX_INT = 2**31 - 1
_SLACK = 0.0005  # seconds, shorter than any frame; times in Matroska are whole milliseconds


class Frame(NamedTuple):
    """What is known of a decoded frame."""

    width: int
    height: int
    pixel_format: str


def fit_filters(frame: Frame, picture: Picture | None, first: Picture | None, video: Video) -> tuple[Filter, ...]:
    """Return the filters that make a decoded frame one of `video`; none where it is.

    Args:
        frame: as it was decoded.
        picture: what the scan of the packets says of it; None where nothing was seen to change.
        first: the same of the frame that `video` describes.
        video: what all frames are to be.
    """
    sar = picture.sar if picture else video.sar
    coding = _coding_of(picture, first, video)
    options = _coding_options(*coding) if coding else ""
    recoded = coding is not None and _coding_options(coding[1], coding[1]) != options
    same_format = frame.pixel_format == video.pixel_format or frame.pixel_format in _OF_HARDWARE
    if (frame.width, frame.height, sar) == (video.width, video.height, video.sar) and not recoded and same_format:
        return ()
    width, height = fitted_size(frame.width, frame.height, sar, video)
    made_format = frame.pixel_format if same_format or colour.is_rgb(video) else video.pixel_format
    siting = _siting(video, frame.pixel_format, made_format)
    made = [Filter("scale", f"{width}:{height}:{_SCALER}{options}{siting}")]
    if not same_format and not colour.is_rgb(video):
        made.append(Filter("format", video.pixel_format))
    if (width, height) != (video.width, video.height):
        made.append(Filter("pad", f"{video.width}:{video.height}:(ow-iw)/2:(oh-ih)/2:black"))
    return tuple(made)


def fitted_size(width: int, height: int, sar: Fraction, video: Video) -> tuple[int, int]:
    """Return the largest size, in pixels of `video`, at which such a frame keeps its shape inside it."""
    wide = video.height * width * sar / height / video.sar
    high = video.width * height / (width * sar) * video.sar
    rounded = Fraction(1, width) + Fraction(1, height)
    return _side(wide, video.width, wide * rounded), _side(high, video.height, high * rounded)


def _siting(video: Video, given: str, made: str) -> str:
    return siting_options("in", video.siting, given) + siting_options("out", video.siting, made)


def _side(exact: Fraction, most: int, rounded: Fraction) -> int:
    """Return a side that subsampled chroma can have; all of what there is if only rounding makes it less.

    Encoders that make frames smaller to save bits (AV1, VP9) round their sides: `rounded` is what a pixel of them is.
    """
    missing = max(Fraction(1), rounded)
    return most if exact > most - missing else max(2, 2 * int(exact / 2 + Fraction(1, 2)))


def _coding_of(picture: Picture | None, first: Picture | None, video: Video) -> tuple[Colour, Colour] | None:
    """Return how a frame's colours are coded, and how they are to be; None where one of both is RGB."""
    if colour.is_rgb(video) or (picture and colour.is_rgb_format(picture.pixel_format)):
        return None
    wanted = colour.resolve_video(video)
    if picture is None or first is None or picture.colour == first.colour:
        return wanted, wanted
    return colour.resolve(picture.colour, picture.height, picture.width), wanted


def _coding_options(now: Colour, wanted: Colour) -> str:
    """Return the options of `scale`, with a colon before them: filters may choose another range if none is stated."""
    matrix = f":in_color_matrix={colour.coefficients(now)}:out_color_matrix={colour.coefficients(wanted)}"
    return f"{matrix}:in_range={now.range}:out_range={wanted.range}"


class Shape(Record):
    """The sample aspect ratio from a time on."""

    seconds: float  # on the container's clock
    sar: Fraction


class Fitting(Record):
    """What all frames of a transcode are made like, because they are not alike."""

    width: int  # coded pixels
    height: int
    sar: Fraction
    pixel_format: str | None  # None: it is RGB, and becomes YUV later
    shapes: tuple[Shape, ...]  # in order; the first one holds from the beginning
    coding: str  # options of `scale` that change matrix and range, and say where chroma lies
    upright: tuple[Filter, ...]  # what ffmpeg would do with each frame before ours, and must not


def fitting(changes: Changes, video: Video, codec: str) -> Fitting | None:
    """Return what a transcode fits its frames to; None where they are alike."""
    upright = upright_filters(video)
    if len(changes.pictures) < 2 and (codec not in _RESIZED or upright):  # old versions of ffmpeg cannot do both
        return None
    shapes = tuple(Shape(seconds=each.seconds, sar=each.picture.sar) for each in changes.pictures)
    return Fitting(
        width=video.width,
        height=video.height,
        sar=video.sar,
        pixel_format=None if colour.is_rgb(video) else video.pixel_format,
        shapes=shapes or (Shape(seconds=0.0, sar=video.sar),),
        coding=_coding(changes, video) + _siting(video, video.pixel_format, video.pixel_format),
        upright=upright,
    )


def fit_chain(target: Fitting, offset: float) -> list[str]:
    """Return the same as `fit_filters` for one ffmpeg command, which evaluates them for each frame anew.

    `offset`: seconds by which the frames are moved from the container's clock.

    No filter before them may depend on the size: with `-reinit_filter 0`, ffmpeg gives all frames to one graph, and
    of its filters only `scale` follows a change. Building the graph again would restart the clock of all of them.
    """
    width, height, sar = target.width, target.height, f"{target.sar.numerator}/{target.sar.denominator}"
    shown = f"(iw*({_sar_expression(target.shapes, offset)}))"
    wide = _side_expression(f"{height}*{shown}/ih/({sar})", width)
    high = _side_expression(f"{width}*ih/{shown}*({sar})", height)
    # ffmpeg is told not to turn the frames, so what says how they are turned has to go.
    turned = ["sidedata=mode=delete:type=DISPLAYMATRIX", *map(str, target.upright)] if target.upright else []
    return [
        f"scale=w='{wide}':h='{high}':eval=frame:interl=-1:{_SCALER}{target.coding}",
        *([f"format={target.pixel_format}"] if target.pixel_format else []),
        f"pad={width}:{height}:(ow-iw)/2:(oh-ih)/2:black:eval=frame",
        f"setsar={sar}:max={_MAX_INT}",
        *turned,
    ]


def _sar_expression(shapes: tuple[Shape, ...], offset: float) -> str:
    """Return the SAR by the time of a frame: ffmpeg 9 gives each the SAR that the file begins with.

    It is a tree of comparisons, since ffmpeg limits how deep an expression is.
    """
    steps = [shapes[0], *(then for before, then in pairwise(shapes) if then.sar != before.sar)]
    return _tree(steps[:_MOST_SHAPES], offset - _SLACK)


def _tree(steps: Sequence[Shape], offset: float) -> str:
    if len(steps) == 1:
        return f"{steps[0].sar.numerator}/{steps[0].sar.denominator}"
    half = len(steps) // 2
    before, then = _tree(steps[:half], offset), _tree(steps[half:], offset)
    return f"if(lt(t,{steps[half].seconds + offset:.6f}),{before},{then})"


def _side_expression(exact: str, most: int) -> str:
    fitted = f"if(gt(ld(0),{most}-max(1,ld(0)*(1/iw+1/ih))),{most},max(2,2*trunc(ld(0)/2+0.5)))"
    return f"0*st(0,{exact})+{fitted}"  # stored, since it may be long


def _coding(changes: Changes, video: Video) -> str:
    """Return the options that give all frames the coding of `video`, by the tags of each: all must have them."""
    tags = [each.picture.colour for each in changes.pictures]
    wanted = colour.resolve_video(video)
    matrix = len({each.matrix for each in tags}) > 1 and all(each.matrix for each in tags)
    coded = f":in_color_matrix=auto:out_color_matrix={colour.coefficients(wanted)}" if matrix else ""
    ranges = {each.range or "limited" for each in tags}
    return coded + (f":in_range=auto:out_range={wanted.range}" if len(ranges) > 1 else "")
