"""The frame geometry of an output: size, sample aspect ratio and pixel format, from the source to the file. Pure."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from framewatch.domain import Stream, Video
from framewatch.errors import Finding
from framewatch.media.containers import HARDWARE, rules
from framewatch.media.encoders.hardware import decoding_hardware
from framewatch.media.encoders.hdr_args import hdr_warnings
from framewatch.media.plan.stream_table import location
from framewatch.media.preset.preset import Preset

_HEIGHTS = {"480p": 480, "720p": 720, "1080p": 1080}
_SCALERS = {"bicubic": "bicubic", "lanczos": "lanczos", "bilinear": "bilinear", "nearest": "neighbor"}


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"

    @property
    def transposed(self) -> Size:
        """The size after a quarter turn."""
        return Size(self.height, self.width)


class FrameGeometry(NamedTuple):
    """The size of a frame at each step, its SAR and its pixel format."""

    decoded: Size  # a frame of the source: upright, then rotated and cropped as the preset says
    upscaled: Size  # after the network; what the encoder's command gets
    scaled: Size  # after scaling to the preset's resolution
    padded: Size  # with black bars
    output: Size  # what is written: without the last column or row where the pixel format needs even sides
    scaler: str  # swscale's name of the algorithm
    sar: Fraction  # of the output
    pixel_format: str  # of the output


def encoded_geometry(preset: Preset, video: Video) -> FrameGeometry:
    """Return the geometry for a preset that encodes."""
    sideways = (video.rotation + preset.rotation) % 180 == 90
    decoded = size_after_crop(preset, Size(*video.upright))
    upscaled = Size(decoded.width * preset.scale, decoded.height * preset.scale)
    pixel_format = output_pixel_format(preset, video)
    sar = 1 / video.sar if sideways and video.sar else video.sar
    target = target_size(preset, upscaled, pixel_format)
    encodable = _encodable_sar(preset, sar, even_size(target.padded, pixel_format), decoded.width)
    if encodable is None:
        target = target_size(preset, _with_square_pixels(upscaled, sar, pixel_format), pixel_format)
        encodable = Fraction(1)
    output = even_size(target.padded, pixel_format)
    return FrameGeometry(
        decoded, upscaled, target.scaled, target.padded, output, target.scaler, encodable, pixel_format
    )


def copied_geometry(preset: Preset, video: Video) -> FrameGeometry:
    """Return the geometry of a copied stream: nothing changes, and players still rotate it."""
    size = Size(video.width, video.height)
    scaler = _SCALERS[preset.scaling_algorithm]
    return FrameGeometry(size, size, size, size, size, scaler, video.sar, video.pixel_format)


def size_after_crop(preset: Preset, upright: Size) -> Size:
    """Return the size after the preset's rotation and crop."""
    rotated = upright.transposed if preset.rotation in (90, 270) else upright
    crop = preset.active_crop
    return Size(crop.width, crop.height) if crop else rotated


def same_shape(one: Fraction, other: Fraction, width: int) -> bool:
    """Return whether a frame is shown equally wide with either SAR, to within half a pixel.

    SARs cannot be compared exactly: Matroska and WebM store the displayed width in whole pixels, and libx264 stores
    the SAR in numbers up to 4096.
    """
    return abs(one - other) * width <= Fraction(1, 2)


# --- resolution and padding ----------------------------------------------------------------------------------------


class TargetSize(NamedTuple):
    """What the preset's resolution makes of a size."""

    scaled: Size
    padded: Size
    scaler: str


def target_size(preset: Preset, size: Size, pixel_format: str) -> TargetSize:
    """Return the size that `output_width` and `output_height`, or `resolution`, make of `size`."""
    scaler = _SCALERS[preset.scaling_algorithm]
    if preset.output_width or preset.output_height:
        limits = ((preset.output_width, size.width), (preset.output_height, size.height))
        ratio = min(Fraction(limit, side) for limit, side in limits if limit)
        if ratio >= 1:
            return TargetSize(size, size, scaler)
        smaller = _scaled(ratio, size, pixel_format)
        return TargetSize(smaller, smaller, "lanczos")  # a largest size only makes smaller, where lanczos is sharpest
    if preset.resolution == "original":
        return TargetSize(size, size, scaler)
    width, height = _requested_sides(preset)
    if width and height:
        ratio = min(Fraction(width, size.width), Fraction(height, size.height))
        inside = _scaled(ratio, size, pixel_format)
        return TargetSize(Size(min(inside.width, width), min(inside.height, height)), Size(width, height), scaler)
    ratio = Fraction(width, size.width) if width else Fraction(height or size.height, size.height)
    kept = _scaled(ratio, size, pixel_format)
    exact = Size(width or kept.width, height or kept.height)
    return TargetSize(exact, exact, scaler)


def _requested_sides(preset: Preset) -> tuple[int | None, int | None]:
    """Width and height that `resolution` asks for; None where a side follows from the aspect ratio."""
    if preset.resolution != "custom":
        return None, _HEIGHTS[preset.resolution]
    custom = (preset.custom_width, preset.custom_height)  # -1, as in ffmpeg: keep the aspect ratio
    width, height = (side if side is not None and side > 0 else None for side in custom)
    return width, height


def _scaled(ratio: Fraction, size: Size, pixel_format: str) -> Size:
    """`size` times `ratio`, rounded to sides that the chroma subsampling of `pixel_format` can hold."""
    columns, rows = side_multiples(pixel_format)
    return Size(_rounded(size.width * ratio, columns), _rounded(size.height * ratio, rows))


def _rounded(exact: Fraction, multiple: int) -> int:
    return max(multiple, round(exact / multiple) * multiple)


def even_size(size: Size, pixel_format: str) -> Size:
    """`size` without the last column or row that the chroma subsampling of `pixel_format` cannot hold."""
    columns, rows = side_multiples(pixel_format)
    return Size(size.width - size.width % columns or size.width, size.height - size.height % rows or size.height)


def side_multiples(pixel_format: str) -> tuple[int, int]:
    """Return what width and height must be multiples of in this pixel format."""
    columns = 2 if pixel_format.startswith(("yuv420", "yuv422")) else 1
    rows = 2 if pixel_format.startswith("yuv420") else 1
    return columns, rows


# --- sample aspect ratio and pixel format --------------------------------------------------------------------------


def _encodable_sar(preset: Preset, sar: Fraction, size: Size, width: int) -> Fraction | None:
    """Return the SAR as the output can store it; None where it cannot. Viewers of a gif assume square pixels.

    MPEG-2 stores the display aspect ratio of the whole frame, and only a few of them.
    """
    shapes = rules().video_encoders[preset.video_codec].shapes
    if sar == 1 or (shapes is None and preset.container != "gif"):
        return sar
    if shapes is None:
        return None
    ratios = (shape * size.height / size.width for shape in shapes)
    return next((ratio for ratio in ratios if same_shape(ratio, sar, width)), None)


def _with_square_pixels(size: Size, sar: Fraction, pixel_format: str) -> Size:
    columns, _ = side_multiples(pixel_format)
    return Size(_rounded(size.width * sar, columns), size.height)


def output_pixel_format(preset: Preset, video: Video) -> str:
    """Return the output's pixel format: the preset's or, for `auto`, one that follows from source and encoder.

    Upscaled: 10-bit 4:2:0 for a source deeper than 8 bit where the encoder takes it, else 8-bit 4:2:0. Transcoded:
    the source's own format where the encoder takes it, else the same. An encoder that takes neither gets its first.
    """
    if preset.pixel_format != "auto":
        return preset.pixel_format
    allowed = rules().pixel_formats(preset.container, preset.video_codec)
    own = video.pixel_format.replace("yuvj", "yuv")
    if not preset.upscales and own in allowed:
        return own
    deep, shallow = "yuv420p10le", "yuv420p"
    preferred = (deep, shallow) if video.bit_depth > 8 else (shallow, deep)
    return next((name for name in preferred if name in allowed), allowed[0])


# --- warnings ------------------------------------------------------------------------------------------------------


def geometry_warnings(preset: Preset, main: Stream, video: Video, geometry: FrameGeometry) -> list[Finding]:
    """Return what the frames lose on the way to the output, and what is unusual about them."""
    where = location(main)
    return [
        *_shape_warnings(preset, video, geometry, where),
        *_vignette_warnings(preset, video, geometry),
        *_source_warnings(preset, video, where),
        *hdr_warnings(preset, video.hdr, where),
    ]


def _shape_warnings(preset: Preset, video: Video, geometry: FrameGeometry, where: str) -> list[Finding]:
    found = []
    if geometry.output != geometry.padded:
        message = f"{geometry.padded} is cut to {geometry.output}: {geometry.pixel_format} needs even sides"
        hint = "pixel_format yuv444p keeps odd sizes, where the encoder takes it"
        found.append(Finding("video.cut_to_even", message, hint, where))
    if geometry.sar == 1 and video.sar != 1:
        message = f"pixels with the aspect ratio {video.sar} become square: {preset.video_codec} cannot store it"
        found.append(Finding("video.squared", message, "other encoders keep it", where))
    return found


def _vignette_warnings(preset: Preset, video: Video, geometry: FrameGeometry) -> list[Finding]:
    if video.bit_depth <= 8 or not preset.vignette or not geometry.pixel_format.endswith("10le"):
        return []
    message = "the vignette is drawn with 8 bits per component"
    return [Finding("video.depth_lowered", message, "remove vignette to keep 10 bit", "vignette")]


def _source_warnings(preset: Preset, video: Video, where: str) -> list[Finding]:
    found = []
    if video.interlaced and preset.deinterlace == "off":
        message = "the video is interlaced and is not deinterlaced"
        found.append(Finding("video.interlaced", message, "use deinterlace auto", where))
    if preset.hw_decode and not decoding_hardware(preset):
        message = f"hw_decode has no effect with {preset.video_codec} unless the video is upscaled"
        found.append(Finding("decode.software", message, f"it works with {' and '.join(HARDWARE)}", "hw_decode"))
    return found
