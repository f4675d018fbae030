"""Colour: a video's matrix and range, and the filters and tags that keep them on the way through RGB.

The engine works on full-range RGB. `decode_filters` converts the source to it, `encode_filter` converts back to YUV
with the source's matrix and range, and `tag_args` states them in the output.

Accuracy, measured with an engine that only repeats pixels: at most 1 code value off at 8 and at 10 bit (0 for limited
range), everywhere in 4:4:4, and in 4:2:0 and 4:2:2 wherever the chroma is flat for four pixels around. At chroma
edges the chroma is interpolated (bicubic, from where it lies: `siting.py`), because repeating it would show the
network stairs that were never there.

Why these filters:

- YUV is converted to planar `gbrp` first and then interleaved: swscale has fast code for both steps, but none for YUV
  with interpolated chroma to `rgb24` (at 1080p on one core 366 against 64 million pixels per second).
- swscale's 16-bit white is 65280 (255 x 256), not 65535. It produces and expects this value itself, except when it
  decodes full-range YUV deeper than 8 bit, which it only shifts; such video is converted to limited range at 16 bit
  first.
"""

from __future__ import annotations

from typing import Literal

from framewatch.domain import ChromaSiting, Colour, Video
from framewatch.media.filter_graph import Filter
from framewatch.media.siting import siting_options, subsampling

WorkingFormat = Literal["rgb24", "rgb48le"]

WHITE: dict[WorkingFormat, int] = {"rgb24": 255, "rgb48le": 65280}
"""The code value of nominal white. 16-bit video may exceed it, up to 65535, where the source does."""

# `accurate_rnd` and `full_chroma_*` switch off shortcuts that cost up to 2 code values; with `bitexact` all machines
# give the same result.
EXACT_FLAGS = "bicubic+accurate_rnd+full_chroma_int+full_chroma_inp+bitexact"

# swscale's name for the coefficients of each matrix tag. The constant-luminance and chroma-derived systems have none
# of their own: BT.2020 is close, and since the same is used in both directions the code values come back unchanged.
_COEFFICIENTS = {
    "bt709": "bt709",
    "fcc": "fcc",
    "bt470bg": "smpte170m",
    "smpte170m": "smpte170m",
    "smpte240m": "smpte240m",
    "bt2020nc": "bt2020",
    "bt2020c": "bt2020",
    "chroma-derived-nc": "bt2020",
    "chroma-derived-c": "bt2020",
}

# The matrix tags that ffmpeg's filters accept on frames (vf_scale and drawutils of ffmpeg 7 to 9).
_SWSCALE_TAGS = ("gbr", "bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "bt2020nc")

_RGB = ("rgb", "bgr", "gbr", "argb", "abgr", "0rgb", "0bgr", "x2rgb", "x2bgr", "pal8")
_GREY = ("gray", "mono", "ya")

# Weights of red and blue in luma (ITU-T H.273, table 4) for the coefficients that swscale uses.
_LUMA_WEIGHTS = {
    "bt709": (0.2126, 0.0722),
    "fcc": (0.30, 0.11),
    "smpte170m": (0.299, 0.114),
    "smpte240m": (0.212, 0.087),
    "bt2020": (0.2627, 0.0593),
}

# Transfers whose name as an option of the program, in all versions, differs from the one that filters take.
_OPTION_NAMES = {"bt470m": "gamma22", "bt470bg": "gamma28"}

# These encoders cannot signal full range: players take their output for limited range.
LIMITED_ONLY = ("prores", "mpeg2video")


def working_format(bit_depth: int) -> WorkingFormat:
    """Return the RGB format that the engine gets: 8 bits per component for 8-bit sources, 16 for deeper ones."""
    return "rgb24" if bit_depth <= 8 else "rgb48le"


def luma_weights(colour: Colour) -> tuple[float, float] | None:
    """Return the weights of red and blue in luma, for tags completed by `resolve`; None where swscale knows none."""
    return _LUMA_WEIGHTS.get(_COEFFICIENTS.get(colour.matrix or "", ""))


def is_rgb(video: Video) -> bool:
    """Return whether the pixels are RGB, or a palette of RGB, whatever the matrix tag says."""
    return is_rgb_format(video.pixel_format)


def is_rgb_format(pixel_format: str) -> bool:
    """Return whether a pixel format is RGB, or a palette of RGB."""
    return pixel_format.startswith(_RGB)


def converts_to_rgb(video: Video) -> bool:
    """Return whether swscale can convert this video to RGB: it knows no coefficients for YCgCo, ICtCp and IPT."""
    return is_rgb(video) or video.colour.matrix in (None, "gbr", *_COEFFICIENTS)


def resolve_video(video: Video) -> Colour:
    """`resolve` the tags of `video`; a matrix tag that makes no sense on RGB pixels is ignored."""
    tags = video.colour
    if is_rgb(video) and tags.matrix not in _COEFFICIENTS:
        tags = tags.evolve(matrix="gbr")
    return resolve(tags, video.height, video.width)


def stand_in_matrix(colour: Colour) -> str | None:
    """Return the matrix tag to put on frames while they go through ffmpeg's filters; None where their own can stay.

    `scale`, `format`, `pad` and `subtitles` refuse frames with a matrix tag that swscale does not know, even where
    YUV stays YUV and the matrix takes no part in the result.
    """
    if colour.matrix is None or colour.matrix in _SWSCALE_TAGS:
        return None
    return "bt2020nc" if coefficients(colour) == "bt2020" else "bt709"


def resolve(colour: Colour, height: int, width: int = 0) -> Colour:
    """Return the tags, with matrix and range filled in where the source does not state them.

    The matrix is guessed by size, as players do: BT.709 from 1280 wide or above 576 high, else BT.601 (its 625-line
    or 525-line tag; the coefficients are the same). An RGB source also gets the matrix of its size, since what is
    encoded is YUV. An unknown range is limited. Primaries and transfer stay unknown, since nothing is computed with
    them.

    Args:
        colour: the source's tags.
        height: of the source, in pixels.
        width: of the source, in pixels; without it wide, low frames (1280x536) are taken for SD.
    """
    high = height > 576 or width >= 1280
    guess = "bt709" if high else "bt470bg" if height == 576 else "smpte170m"
    rgb = colour.matrix == "gbr"
    matrix = guess if rgb or colour.matrix is None else colour.matrix
    return colour.evolve(matrix=matrix, range="limited" if rgb or colour.range is None else colour.range)


def decode_filters(video: Video, white: int | None = None) -> tuple[Filter, ...]:
    """Return the filters that convert decoded frames to full-range RGB in `working_format(video.bit_depth)`.

    Args:
        video: what is decoded.
        white: the code value of white where the source is RGB or grey; None: as in `WHITE`.
    """
    target = working_format(video.bit_depth)
    planar = "gbrp" if target == "rgb24" else "gbrp16le"
    last = (Filter("scale", "flags=bicubic"), Filter("format", target))
    if is_rgb(video) or video.pixel_format.startswith(_GREY):
        return (*last, *_levels(video, WHITE[target] if white is None else white))
    used = resolve_video(video)
    own = coefficients(used)
    given, to_limited = video.pixel_format, tuple[Filter, ...]()
    if used.range == "full" and target == "rgb48le":
        deep, same = _deepest(given), f"in_color_matrix={own}:out_color_matrix={own}"
        siting = siting_options("in", video.siting, given) if subsampling(deep) != subsampling(given) else ""
        to_limited = (
            Filter("scale", f"{same}:in_range=full:out_range=limited{siting}:flags={EXACT_FLAGS}"),
            Filter("format", deep),
        )
        given = deep
    in_range = "limited" if to_limited else used.range
    to_rgb = (
        f"in_color_matrix={own}:in_range={in_range}:out_range=full"
        f"{siting_options('in', video.siting, given)}:flags={EXACT_FLAGS}"
    )
    return (*to_limited, Filter("scale", to_rgb), Filter("format", planar), *last)


def _levels(video: Video, white: int) -> tuple[Filter, ...]:
    """Return the filter that moves black to 0 and white to `white`; none where both are there already.

    swscale repeats the bits of deep RGB, shifts deep grey, and takes all grey for full range.
    """
    depth, size = min(video.bit_depth, 16), 8 if video.bit_depth <= 8 else 16
    low, high = 0, (1 << size) - 1
    if is_limited_grey(video):
        low, high = 16 << (size - 8), 235 << (size - 8)
    elif video.pixel_format.startswith("gray"):
        high = ((1 << depth) - 1) << (size - depth)
    if (low, high) == (0, white):
        return ()
    return (Filter("lutrgb", _each_level(f"clip(round((val-{low})*{white}/{high - low}),0,{(1 << size) - 1})")),)


def is_limited_grey(video: Video) -> bool:
    """Return whether a video is grey of limited range, which new versions of swscale take for full range."""
    return video.pixel_format.startswith("gray") and video.colour.range == "limited"


def limited_grey_filter(pixel_format: str) -> str:
    """Return the `-vf` fragment that converts grey of limited range to YUV of the same range, in all versions."""
    same = f"scale=in_range=full:out_range=full:flags={EXACT_FLAGS}"
    return f"setparams=range=pc,{same},format={pixel_format},setparams=range=tv"


def rgb_levels(working: WorkingFormat) -> list[str]:
    """Return the `-vf` fragments that give deep RGB of a source the white that `encode_filter` expects."""
    if working == "rgb24":
        return []
    return ["format=rgb48le", f"lutrgb={_each_level(f'round(val*{WHITE[working]}/65535)')}"]


def _each_level(expression: str) -> str:
    return ":".join(f"{component}='{expression}'" for component in "rgb")


def encode_filter(
    colour: Colour, video_height: int, pixel_format: str, codec: str | None = None, siting: ChromaSiting = "left"
) -> str:
    """Return the `-vf` fragment that converts rgb24 or rgb48le from stdin to YUV with the source's matrix and range.

    Args:
        colour: the source's tags; better, `resolve(colour, height, width)` of them.
        video_height: of the source, not the output, in pixels; an unknown matrix is guessed by it.
        pixel_format: ffmpeg's name for what the encoder gets, such as "yuv420p10le"; the fragment ends with it.
        codec: ffmpeg's encoder name, or None for one that signals both ranges; ProRes and MPEG-2 cannot signal full
            range and get limited range.
        siting: of the result's chroma.
    """
    used = encoded_colour(colour, video_height, codec)
    scale = (
        f"scale=in_range=full:out_color_matrix={coefficients(used)}:out_range={used.range}"
        f"{siting_options('out', siting, pixel_format)}:flags={EXACT_FLAGS}"
    )
    return f"{scale},{_tagged(used, pixel_format)}"


def tagged_filter(colour: Colour, video_height: int, pixel_format: str, codec: str | None = None) -> str:
    """Return the `-vf` fragment for planes from stdin that are YUV already, with the source's matrix and range.

    Takes the same arguments as `encode_filter`.
    """
    return _tagged(encoded_colour(colour, video_height, codec), pixel_format)


def _tagged(used: Colour, pixel_format: str) -> str:
    # The encoder takes its tags from the frames, so primaries and transfer have to be set on these.
    tags = {"colorspace": used.matrix, "color_primaries": used.primaries, "color_trc": used.transfer}
    known = ":".join(f"{key}={value}" for key, value in tags.items() if value)
    return f"setparams=range={used.range}:{known},format={pixel_format}"


def rgb_filter(colour: Colour) -> str:
    """Return the `-vf` fragment that converts YUV to full-range RGB, for a format that stores no tags.

    Args:
        colour: the source's tags, completed by `resolve`.
    """
    coding = f"in_color_matrix={coefficients(colour)}:in_range={colour.range}:out_range=full"
    return f"scale={coding}:flags={EXACT_FLAGS},format=gbrp"


def tag_args(colour: Colour, video_height: int, codec: str) -> list[str]:
    """Return the output options of ffmpeg that state the colours of the encoded video.

    Matrix and range are always stated: they are what `encode_filter` produced, and a player that guesses by size
    would take SD video for HD once it is upscaled. Primaries and transfer are stated only where the source has them.

    Args:
        colour: the source's tags.
        video_height: height of the source, in pixels.
        codec: ffmpeg's encoder name, such as "libx264".
    """
    used = encoded_colour(colour, video_height, codec)
    transfer = _OPTION_NAMES.get(used.transfer or "", used.transfer)
    options = {"-colorspace": used.matrix, "-color_primaries": used.primaries, "-color_trc": transfer}
    known = [word for key, value in options.items() if value for word in (key, value)]
    return [*known, "-color_range", "tv" if used.range == "limited" else "pc"]


def encoded_colour(colour: Colour, height: int, codec: str | None) -> Colour:
    """Return what an encoder gets and signals: the source's tags, except a range that it cannot signal."""
    used = resolve(colour, height)
    return used.evolve(range="limited") if codec and codec.startswith(LIMITED_ONLY) else used


def coefficients(used: Colour) -> str:
    """Return swscale's name of the coefficients for tags completed by `resolve`."""
    return _COEFFICIENTS.get(used.matrix or "", "bt709")


def _deepest(pixel_format: str) -> str:
    """Return the 16-bit format with the same chroma subsampling."""
    chroma = next((mark for mark in ("420", "422") if mark in pixel_format), "444")
    return f"yuv{chroma}p16le"
