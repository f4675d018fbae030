"""The part of a preset that is about the picture: its size, turn, filters and burned subtitles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, AliasGenerator, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from framewatch.domain import Record
from framewatch.media.preset import values

Whole = Annotated[int, BeforeValidator(values.number)]
Amount = Annotated[float, BeforeValidator(values.number)]
Side = Annotated[int | None, BeforeValidator(values.optional_number)]
Degrees = Annotated[Literal[0, 90, 180, 270], BeforeValidator(values.whole)]
HexColour = Annotated[str, BeforeValidator(values.colour)]


class Crop(Record):
    """A rectangle in pixels of the source, as it stands after flips and rotation."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=AliasGenerator(validation_alias=lambda name: AliasChoices(name, to_camel(name))),
    )

    @model_validator(mode="before")
    @classmethod
    def _without_editor_state(cls, data: Any) -> Any:
        """Frame also stores what its crop editor showed; the rectangle alone says what is cut."""
        state = ("sourceWidth", "sourceHeight", "aspectRatio")
        return {key: value for key, value in data.items() if key not in state} if isinstance(data, Mapping) else data

    enabled: bool = Field(True, description="false keeps the numbers for later and cuts nothing.")
    x: Whole = Field(0, description="Columns left out on the left.")
    y: Whole = Field(0, description="Rows left out at the top.")
    width: Whole = Field(0, description="Columns that are kept.")
    height: Whole = Field(0, description="Rows that are kept.")


class PictureKeys(Record):
    """What a preset says of the picture. Filters run in the order in which Frame has them."""

    resolution: Literal["original", "480p", "720p", "1080p", "custom"] = Field(
        "original", description="Height of the output, up or down; custom takes custom_width and custom_height."
    )
    custom_width: Side = Field(
        None, description="Pixels, -1 keeps the ratio. With a height: fitted inside and padded with black."
    )
    custom_height: Side = Field(None, description="Pixels, -1 keeps the ratio.")
    scaling_algorithm: Literal["bicubic", "lanczos", "bilinear", "nearest"] = Field(
        "bicubic", description="How `resolution` scales."
    )
    output_width: Side = Field(
        None, description="At most so wide: what is larger after upscaling is made smaller (lanczos), never larger."
    )
    output_height: Side = Field(None, description="At most so high; see output_width.")

    rotation: Degrees = Field(0, description="Degrees clockwise: 0, 90, 180 or 270. Before upscaling.")
    flip_horizontal: bool = Field(False, description="Mirror left to right, before rotation.")
    flip_vertical: bool = Field(False, description="Mirror top to bottom, before rotation.")
    crop: Annotated[Crop | None, BeforeValidator(values.unset)] = Field(
        None, description="The part to keep, after flips and rotation and before upscaling."
    )

    subtitle_burn_path: Annotated[str | None, BeforeValidator(values.unset)] = Field(
        None, description="A .srt, .ass, .ssa or .vtt file to draw into the picture, beside the preset or the video."
    )
    subtitle_font_name: Annotated[str | None, BeforeValidator(values.unset)] = Field(
        None, max_length=100, pattern=r"^[\w .+-]+$", description="Font of burned subtitles."
    )
    subtitle_font_size: Annotated[int | None, BeforeValidator(values.optional_number)] = Field(
        None, ge=8, le=120, description="Size of burned subtitles, in 288ths of the picture's height."
    )
    subtitle_font_color: Annotated[HexColour | None, BeforeValidator(values.unset)] = Field(
        None, description='Colour of burned subtitles, "#RRGGBB".'
    )
    subtitle_outline_color: Annotated[HexColour | None, BeforeValidator(values.unset)] = Field(
        None, description='Colour of the line around them, "#RRGGBB".'
    )
    subtitle_position: Annotated[Literal["bottom", "middle", "top"] | None, BeforeValidator(values.unset)] = Field(
        None, description="Where burned subtitles stand."
    )

    deinterlace: Annotated[Literal["off", "auto", "on"], BeforeValidator(values.switch)] = Field(
        "off", description="auto: frames that say that they are interlaced; on: all (bwdif, same frame rate)."
    )
    brightness: Amount = Field(0.0, ge=-1, le=1, description="Added to the luma; 1 makes black white.")
    contrast: Amount = Field(1.0, ge=0, le=3, description="Luma around mid-grey times this.")
    saturation: Amount = Field(1.0, ge=0, le=3, description="Colour difference times this; 0 is grey.")
    gamma: Amount = Field(1.0, ge=0.1, le=10, description="Luma to the power of 1 / gamma; above 1 is lighter.")
    hue: Amount = Field(0.0, ge=-180, le=180, description="Turn of all colours, in degrees.")
    sharpen: Amount = Field(0.0, ge=0, le=2, description="Strength of an unsharp mask of 5x5 luma pixels.")
    blur: Amount = Field(0.0, ge=0, le=50, description="Gaussian blur: its sigma in pixels of the output.")
    denoise: Amount = Field(0.0, ge=0, le=20, description="Strength of the hqdn3d denoiser; 4 is medium.")
    deband: Amount = Field(0.0, ge=0, le=5, description="Smooths banding; 1 is medium.")
    vignette: Amount = Field(0.0, ge=0, le=1, description="Darkens the corners; 0.4 is a usual lens. 8-bit only.")
    grayscale: bool = Field(False, description="Take the colour out.")

    hw_decode: bool = Field(
        False, description="Decode in hardware, where an nvenc or videotoolbox encoder is used, or upscaling is done."
    )
    gif_colors: Whole = Field(256, description="Colours of a gif, 2 to 256.")
    gif_dither: Literal["none", "bayer", "floyd_steinberg", "sierra2_4a"] = Field(
        "sierra2_4a", description="How a gif imitates colours that it does not have."
    )
    gif_loop: Whole = Field(0, ge=0, le=65535, description="How often a gif starts again; 0: for ever.")

    @property
    def cropped(self) -> Crop | None:
        """The crop that is to be done."""
        return self.crop if self.crop and self.crop.enabled else None

    @property
    def turns(self) -> bool:
        """Whether the picture is mirrored or rotated."""
        return bool(self.rotation or self.flip_horizontal or self.flip_vertical)

    def changed(self, *names: str) -> list[str]:
        """Which of these keys are not at their defaults."""
        fields: Any = type(self).model_fields
        return [name for name in names if getattr(self, name) != fields[name].default]
