"""The plan for a still image. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from framewatch.domain import IccProfile, MediaInfo, Stream, Video
from framewatch.errors import Finding, MediaError, RuleError
from framewatch.media.colour import WorkingFormat, working_format
from framewatch.media.limits import is_frame_size
from framewatch.media.plan.plan import AudioPlan, BasePlan, VideoPlan
from framewatch.media.plan.stream_table import location
from framewatch.media.preset.preset import Preset
from framewatch.media.probe.file_kind import is_image
from framewatch.media.rules.image_rules import check_image, is_image_preset


class ImageFormat(NamedTuple):
    """What an image file format can hold."""

    alpha: bool
    sixteen_bit: bool
    max_side: int  # pixels
    icc: bool = True


FORMATS = {
    "png": ImageFormat(alpha=True, sixteen_bit=True, max_side=2**31 - 1),
    "tiff": ImageFormat(alpha=True, sixteen_bit=True, max_side=2**31 - 1),
    "webp": ImageFormat(alpha=True, sixteen_bit=False, max_side=16_383),
    "jpg": ImageFormat(alpha=False, sixteen_bit=False, max_side=65_500),
    "bmp": ImageFormat(alpha=False, sixteen_bit=False, max_side=2**15 - 1, icc=False),
}

EncoderInput = Literal["rgb24", "rgba", "rgb48le", "rgba64le"]

_ENCODER_INPUTS: dict[tuple[WorkingFormat, bool], EncoderInput] = {
    ("rgb24", False): "rgb24",
    ("rgb24", True): "rgba",
    ("rgb48le", False): "rgb48le",
    ("rgb48le", True): "rgba64le",
}


class ImagePlan(BasePlan):
    """What will be done with one image."""

    kind: Literal["image"] = "image"
    mode: Literal["image"] = "image"
    source: Stream
    scale: int
    working_format: WorkingFormat  # of what goes through the engine
    decoded_width: int  # upright pixels
    decoded_height: int
    width: int  # of the output
    height: int
    pixel_format: EncoderInput
    alpha: Literal["none", "kept", "on white"]
    bit_depth: Literal[8, 16]  # of the output
    keeps_icc: bool = False  # the output gets the source's ICC profile
    frames: Literal[1] = 1


Plan = VideoPlan | AudioPlan | ImagePlan
"""The plan for a file of any kind."""


def make_image_plan(preset: Preset, preset_name: str, info: MediaInfo) -> ImagePlan:
    """Decide everything about one image.

    Args:
        preset: one for images.
        preset_name: its name.
        info: what the probe found, completed by `with_image_details`.

    Raises:
        MediaError: `media.not_a_picture`: it is video or audio; `media.no_decoder`.
        RuleError: with everything that does not fit.
        ValueError: the preset is not for images.
    """
    if not is_image_preset(preset):
        raise ValueError("not a preset for images")
    if not is_image(info):
        message = f"this is not a still image, and {preset.container} holds one"
        hint = "put it into a folder whose preset has a container for video"
        raise MediaError(message, code="media.not_a_picture", hint=hint)
    still, video = info.streams[0], info.streams[0].video
    if video is None:
        message = f"there is no decoder for this image ({still.codec})"
        raise MediaError(message, code="media.no_decoder", hint="convert it to png first")
    width, height = video.upright
    findings = [*check_image(preset), *_size(preset, width * preset.scale, height * preset.scale)]
    if findings:
        raise RuleError.of(findings)
    return _plan(preset, preset_name, still, video)


def _plan(preset: Preset, name: str, still: Stream, video: Video) -> ImagePlan:
    (width, height), output = video.upright, FORMATS[preset.container]
    working = working_format(video.bit_depth)
    keeps_alpha = video.alpha and output.alpha
    return ImagePlan(
        preset_name=name,
        preset=preset,
        container=preset.container,
        source=still,
        scale=preset.scale,
        working_format=working,
        decoded_width=width,
        decoded_height=height,
        width=width * preset.scale,
        height=height * preset.scale,
        pixel_format=_ENCODER_INPUTS[working, keeps_alpha],
        alpha="kept" if keeps_alpha else "on white" if video.alpha else "none",
        bit_depth=16 if output.sixteen_bit and video.bit_depth > 8 else 8,
        keeps_icc=video.icc is not None and _icc_obstacle(preset, video.icc) is None,
        warnings=tuple(_warnings(preset, still, video)),
    )


def _warnings(preset: Preset, still: Stream, video: Video) -> Iterator[Finding]:
    output = FORMATS[preset.container]
    if video.alpha and not output.alpha:
        message = f"{preset.container} holds no transparency: the image is composed on white"
        yield Finding("image.alpha_dropped", message, "png, webp and tiff keep it", location(still))
    if video.bit_depth > 8 and not output.sixteen_bit:
        message = f"{video.bit_depth} bit become 8 bit: {preset.container} holds no more"
        yield Finding("image.depth_lowered", message, "png and tiff keep 16 bit", location(still))
    if video.icc is not None and (obstacle := _icc_obstacle(preset, video.icc)):
        message = f"the colour profile (ICC) of this image is left out: it {obstacle}"
        hint = "its colours may look different; convert the image to sRGB first"
        yield Finding("image.icc_dropped", message, hint, location(still))


def _icc_obstacle(preset: Preset, icc: IccProfile) -> str | None:
    if not FORMATS[preset.container].icc:
        return f"cannot be in {preset.container}"
    return icc.flaw


def _size(preset: Preset, width: int, height: int) -> list[Finding]:
    max_side = FORMATS[preset.container].max_side
    if max(width, height) > max_side:
        limit = f"at most {max_side} pixels per side"
    elif not is_frame_size(width, height):
        limit = "more than ffmpeg can hold in one frame"
    else:
        return []
    message = f"{width}x{height} is too large: {limit}"
    return [Finding("image.too_large", message, "upscale it less, or use png", "container")]
