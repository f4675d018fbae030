"""Preset keys for the frames of a video: size, orientation, burned-in subtitles, filters, decoding, GIF."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from framewatch.media.preset import values
from framewatch.media.preset.values import Integer, Number, PresetSection

Side = Annotated[int | None, BeforeValidator(values.optional_number)]
Degrees = Annotated[Literal[0, 90, 180, 270], BeforeValidator(values.degrees)]
HexColour = Annotated[str, BeforeValidator(values.colour)]


class Crop(PresetSection):
    """A rectangle in pixels of the source, after flips and rotation."""

    @model_validator(mode="before")
    @classmethod
    def _without_editor_state(cls, data: Any) -> Any:
        """Drop what Frame stores of its crop editor beside the rectangle."""
        state = ("sourceWidth", "sourceHeight", "aspectRatio")
        return {key: value for key, value in data.items() if key not in state} if isinstance(data, Mapping) else data

    enabled: bool = Field(True, description="false turns the crop off and keeps its numbers.")
    x: Integer = Field(0, description="Columns to remove on the left.")
    y: Integer = Field(0, description="Rows to remove at the top.")
    width: Integer = Field(0, description="Columns to keep.")
    height: Integer = Field(0, description="Rows to keep.")


class VideoKeys(PresetSection):
    """Preset keys for the frames of a video. Filters run in the same order as in Frame."""

    resolution: Literal["original", "480p", "720p", "1080p", "custom"] = Field(
        "original", description="Output height, scaled up or down; custom uses custom_width and custom_height."
    )
    custom_width: Side = Field(
        None,
        description="Width in pixels; -1 keeps the aspect ratio. With custom_height, the video is fitted inside and "
        "padded with black.",
    )
    custom_height: Side = Field(None, description="Height in pixels; -1 keeps the aspect ratio.")
    scaling_algorithm: Literal["bicubic", "lanczos", "bilinear", "nearest"] = Field(
        "bicubic", description="Scaling filter for `resolution`."
    )
    output_width: Side = Field(
        None,
        description="Maximum width in pixels: a wider video is scaled down after upscaling (lanczos), a smaller one "
        "is never scaled up.",
    )
    output_height: Side = Field(None, description="Maximum height in pixels; see output_width.")

    rotation: Degrees = Field(0, description="Degrees clockwise: 0, 90, 180 or 270. Applied before upscaling.")
    flip_horizontal: bool = Field(False, description="Mirror left to right, before rotation.")
    flip_vertical: bool = Field(False, description="Mirror top to bottom, before rotation.")
    crop: Annotated[Crop | None, BeforeValidator(values.blank_as_none)] = Field(
        None, description="The part to keep, measured after flips and rotation and cut before upscaling."
    )

    subtitle_burn_path: Annotated[str | None, BeforeValidator(values.path_text)] = Field(
        None,
        description="A .srt, .ass, .ssa or .vtt file to draw onto the video. A relative path starts from the folder "
        "of the preset or of the video.",
    )
    subtitle_font_name: Annotated[str | None, BeforeValidator(values.blank_as_none)] = Field(
        None, max_length=100, pattern=r"^[\w .+-]+$", description="Font of burned-in subtitles."
    )
    subtitle_font_size: Annotated[int | None, BeforeValidator(values.optional_number)] = Field(
        None, ge=8, le=120, description="Size of burned-in subtitles, in 1/288 of the video's height."
    )
    subtitle_font_color: Annotated[HexColour | None, BeforeValidator(values.blank_as_none)] = Field(
        None, description='Colour of burned-in subtitles, "#RRGGBB".'
    )
    subtitle_outline_color: Annotated[HexColour | None, BeforeValidator(values.blank_as_none)] = Field(
        None, description='Outline colour of burned-in subtitles, "#RRGGBB".'
    )
    subtitle_position: Annotated[Literal["bottom", "middle", "top"] | None, BeforeValidator(values.blank_as_none)] = (
        Field(None, description="Position of burned-in subtitles.")
    )

    deinterlace: Annotated[Literal["off", "auto", "on"], BeforeValidator(values.switch)] = Field(
        "off",
        description="auto: deinterlace frames that are marked as interlaced; on: all frames (bwdif; the rate stays).",
    )
    brightness: Number = Field(0.0, ge=-1, le=1, description="Added to the luma; 1 turns black into white.")
    contrast: Number = Field(1.0, ge=0, le=3, description="Factor on the luma around mid-grey; 1 changes nothing.")
    saturation: Number = Field(1.0, ge=0, le=3, description="Factor on the chroma; 0 is grey, 1 changes nothing.")
    gamma: Number = Field(1.0, ge=0.1, le=10, description="Luma to the power of 1 / gamma; above 1 is lighter.")
    hue: Number = Field(0.0, ge=-180, le=180, description="Rotation of all hues, in degrees.")
    sharpen: Number = Field(0.0, ge=0, le=2, description="Strength of an unsharp mask of 5x5 luma pixels; 0 is off.")
    blur: Number = Field(0.0, ge=0, le=50, description="Sigma of a Gaussian blur, in output pixels; 0 is off.")
    denoise: Number = Field(0.0, ge=0, le=20, description="Strength of the hqdn3d denoiser; 4 is medium, 0 is off.")
    deband: Number = Field(0.0, ge=0, le=5, description="Strength of debanding; 1 is medium, 0 is off.")
    vignette: Number = Field(
        0.0, ge=0, le=1, description="Darkens the corners; 0.4 is like a common lens, 0 is off. 8-bit only."
    )
    grayscale: bool = Field(False, description="Remove all colour.")

    hw_decode: bool = Field(
        False,
        description="Decode in hardware. Takes effect with an nvenc or videotoolbox encoder, or when upscaling.",
    )
    gif_colors: Integer = Field(256, description="Number of colours of a GIF, 2 to 256.")
    gif_dither: Literal["none", "bayer", "floyd_steinberg", "sierra2_4a"] = Field(
        "sierra2_4a", description="Dithering of a GIF."
    )
    gif_loop: Integer = Field(0, ge=0, le=65535, description="Number of times a GIF repeats; 0 is forever.")

    @property
    def active_crop(self) -> Crop | None:
        """The crop, unless it is missing or turned off."""
        return self.crop if self.crop and self.crop.enabled else None

    @property
    def reorients(self) -> bool:
        """Whether the preset mirrors or rotates frames."""
        return bool(self.rotation or self.flip_horizontal or self.flip_vertical)

    def changed_keys(self, *names: str) -> list[str]:
        """Return the keys among `names` that are not at their defaults."""
        fields: Any = type(self).model_fields
        return [name for name in names if getattr(self, name) != fields[name].default]
