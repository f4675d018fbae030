"""The plan for a picture: what is made of it, and the command that writes it. Pure."""

from __future__ import annotations

from typing import Literal, NamedTuple

from framewatch.domain import MediaInfo, Record, Stream, Video
from framewatch.errors import Finding, MediaError, RuleError
from framewatch.media.colour import WorkingFormat, working_format
from framewatch.media.plan.stream_table import place
from framewatch.media.preset.preset import ContainerName, Preset
from framewatch.media.probe.file_kind import is_image
from framewatch.media.rules.image_rules import check_image, is_image_preset

MOST_OUTPUT_PIXELS = 600_000_000


class Format(NamedTuple):
    """What a kind of picture file can hold."""

    alpha: bool
    deep: bool  # 16 bit
    most: int  # pixels a side


FORMATS = {
    "png": Format(alpha=True, deep=True, most=2**31 - 1),
    "tiff": Format(alpha=True, deep=True, most=2**31 - 1),
    "webp": Format(alpha=True, deep=False, most=16_383),
    "jpg": Format(alpha=False, deep=False, most=65_500),
    "bmp": Format(alpha=False, deep=False, most=2**15 - 1),
}

FedFormat = Literal["rgb24", "rgba", "rgb48le", "rgba64le"]


class ImagePlan(Record):
    """What will be done with one picture."""

    mode: Literal["image"] = "image"
    preset_name: str
    preset: Preset
    container: ContainerName
    source: Stream
    scale: int
    working_format: WorkingFormat  # of what goes through the engine
    decoded_width: int  # upright pixels
    decoded_height: int
    width: int  # of the output
    height: int
    pixel_format: FedFormat  # of what the encoder gets
    alpha: Literal["none", "kept", "on white"]
    bit_depth: Literal[8, 16]  # of the output
    frames: int = 1
    warnings: tuple[Finding, ...]

    @property
    def has_video(self) -> bool:
        """True: there is something to see."""
        return True

    @property
    def extension(self) -> str:
        """The ending of the output's name, without its dot."""
        return self.container


def make_image_plan(preset: Preset, preset_name: str, info: MediaInfo) -> ImagePlan:
    """Decide everything about one picture.

    Args:
        preset: one for pictures.
        preset_name: its name.
        info: what the probe found, completed by `with_image_details`.

    Raises:
        MediaError: `media.not_a_picture`: it is a video, or sound.
        RuleError: with everything that does not fit.
    """
    if not is_image_preset(preset):
        raise ValueError("not a preset for pictures")
    if not is_image(info):
        message = f"this is not a still picture, and {preset.container} holds one"
        hint = "put it into a folder whose preset has a container for video"
        raise MediaError(message, code="media.not_a_picture", hint=hint)
    still, video = info.streams[0], info.streams[0].video
    if video is None:
        message = f"there is no decoder for this picture ({still.codec})"
        raise MediaError(message, code="media.no_decoder", hint="convert it to png first")
    width, height = video.upright
    findings = [*check_image(preset), *_size(preset, width * preset.scale, height * preset.scale)]
    if findings:
        raise RuleError.of(findings)
    return _plan(preset, preset_name, still, video)


def _plan(preset: Preset, name: str, still: Stream, video: Video) -> ImagePlan:
    (width, height), form = video.upright, FORMATS[preset.container]
    working = working_format(video.bit_depth)
    kept = video.alpha and form.alpha
    fed: dict[WorkingFormat, tuple[FedFormat, FedFormat]] = {
        "rgb24": ("rgb24", "rgba"),
        "rgb48le": ("rgb48le", "rgba64le"),
    }
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
        pixel_format=fed[working][kept],
        alpha="kept" if kept else "on white" if video.alpha else "none",
        bit_depth=16 if form.deep and video.bit_depth > 8 else 8,
        warnings=tuple(_warnings(preset, still, video)),
    )


def _warnings(preset: Preset, still: Stream, video: Video) -> list[Finding]:
    form, found = FORMATS[preset.container], []
    if video.alpha and not form.alpha:
        message = f"{preset.container} holds no transparency: the picture is laid on white"
        found.append(Finding("image.alpha_dropped", message, "png, webp and tiff keep it", place(still)))
    if video.bit_depth > 8 and not form.deep:
        message = f"{video.bit_depth} bit become 8 bit: {preset.container} holds no more"
        found.append(Finding("image.depth_lowered", message, "png and tiff keep 16 bit", place(still)))
    return found


def _size(preset: Preset, width: int, height: int) -> list[Finding]:
    most = FORMATS[preset.container].most
    if max(width, height) <= most and width * height <= MOST_OUTPUT_PIXELS:
        return []
    limit = f"{most} pixels a side" if max(width, height) > most else f"{MOST_OUTPUT_PIXELS // 1_000_000} megapixels"
    message = f"{width}x{height} is too large: at most {limit}"
    return [Finding("image.too_large", message, "enlarge it less, or use png", "container")]
