"""The preset: what a user wants done, as read from YAML.

Keys are snake_case; Frame's camelCase names are accepted too, and numbers as text, as Frame saves them in
JSON. A key that is not here is refused: what cannot be done is never silently ignored. Which wishes go
together is decided in `framewatch.media.rules.preset_rules`, from the table in container_rules.yaml.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field

from framewatch.documents import FindingError
from framewatch.media.preset.audio_keys import AudioWishes
from framewatch.media.preset.metadata_keys import Metadata
from framewatch.media.preset.only_if import OnlyIf
from framewatch.media.preset.picture_keys import PictureKeys
from framewatch.media.preset.timing_keys import TimingKeys
from framewatch.media.preset.values import Keys

ProcessingMode = Literal["reencode", "copy"]
ContainerName = Literal[
    "mp4", "mkv", "webm", "mov", "m2t", "mts", "m2ts", "gif", "mp3", "m4a", "wav", "flac",
    "png", "jpg", "webp", "bmp", "tiff",
]  # fmt: skip
UpscaleMode = Literal["none", "esrgan-2x", "esrgan-3x", "esrgan-4x"]
VideoCodec = Literal[
    "libx264", "libx265", "vp9", "prores", "libsvtav1", "mpeg2video", "gif",
    "h264_nvenc", "hevc_nvenc", "av1_nvenc", "h264_videotoolbox", "hevc_videotoolbox",
]  # fmt: skip
AudioCodec = Literal[
    "copy", "aac", "libfdk_aac", "ac3", "libopus", "mp3", "alac", "flac", "vorbis", "mp2", "pcm_s16le",
    "pcm_bluray",
]  # fmt: skip
PixelFormat = Literal[
    "auto", "yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le",
]  # fmt: skip
EncoderPreset = Literal[
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo",
    "p1", "p2", "p3", "p4", "p5", "p6", "p7",
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13",
]  # fmt: skip

SCALES: dict[UpscaleMode, int] = {"none": 1, "esrgan-2x": 2, "esrgan-3x": 3, "esrgan-4x": 4}

Tracks = tuple[int, ...] | Literal["none"]


def _number(value: Any) -> Any:
    """Lets numbers and Frame's numbers as text through, but not YAML's yes and no."""
    if isinstance(value, bool):
        raise FindingError("config.bad_value", "a number is expected here, not true or false")
    return value


def _word(value: Any) -> Any:
    """SVT-AV1's presets are numbers: YAML reads `preset: 6` as one."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _tracks(value: Any) -> Tracks:
    if value == "none":
        return "none"
    items = value if isinstance(value, list | tuple) else None
    if items is None or any(isinstance(item, bool) or not isinstance(item, int) for item in items):
        hint = "[1, 2] keeps these two, [] keeps all, none keeps none"
        raise FindingError("config.bad_value", 'a list of stream numbers, or "none", is expected here', hint)
    if any(item < 0 for item in items):
        raise FindingError("config.bad_value", "stream numbers count from 0")
    if len(set(items)) != len(items):
        raise FindingError("config.bad_value", "a stream is named twice")
    return tuple(items)


Int = Annotated[int, BeforeValidator(_number)]
TrackChoice = Annotated[Tracks, BeforeValidator(_tracks)]


class FlowKeys(Keys):
    """The keys themselves."""

    extends: str | None = Field(
        None,
        min_length=1,
        description="Another preset, by name or path, whose keys hold where this one is silent. Mappings are "
        "merged key by key, a key without a value goes back to its default.",
    )
    only_if: OnlyIf | None = Field(
        None,
        description="Which files this preset is for. Another file goes to done/ untouched, with the status skipped, "
        "or takes the preset in `else`.",
    )
    extra_encoder_args: Annotated[tuple[str, ...], BeforeValidator(_words)] = Field(
        (),
        description="More options of ffmpeg's video encoder, in pairs: [-tune, animation, -g, 240]. Options that "
        "name files, streams, filters or protocols are refused.",
    )
    image_quality: Annotated[int, BeforeValidator(_number)] = Field(
        90, ge=1, le=100, description="Quality of jpg and of lossy webp pictures; higher is better and larger."
    )
    image_lossless: bool = Field(False, description="webp pictures: lose nothing.")


class Preset(AudioWishes, PictureKeys, TimingKeys, FlowKeys):
    """How a folder's files are processed, encoded and packed."""

    processing_mode: ProcessingMode = Field(
        "reencode", description="reencode makes new video; copy only moves the streams to another container."
    )
    container: ContainerName = Field("mp4", description="The kind of file that is written.")
    ml_upscale: UpscaleMode = Field("none", description="How much larger Real-ESRGAN makes the picture.")

    video_codec: VideoCodec = Field("libx264", description="The video encoder.")
    video_bitrate_mode: Literal["crf", "bitrate"] = Field(
        "crf", description="crf: constant quality (hardware encoders: `quality`); bitrate: `video_bitrate`."
    )
    video_bitrate: Int = Field(5000, ge=0, description="kbit/s, used when video_bitrate_mode is bitrate.")
    crf: Int = Field(
        23, ge=0, le=63, description="Constant rate factor of software encoders; lower is better and larger."
    )
    quality: Int = Field(
        50, ge=0, le=100, description="Constant quality of hardware encoders; higher is better and larger."
    )
    preset: Annotated[EncoderPreset, BeforeValidator(_word)] = Field(
        "medium",
        description="Speed against size: ultrafast to placebo; p1 to p7 for nvenc; 0 to 13 for libsvtav1.",
    )
    nvenc_spatial_aq: bool = Field(False, description="nvenc: more bits for flat areas.")
    nvenc_temporal_aq: bool = Field(False, description="nvenc: more bits for what stays longer on screen.")
    videotoolbox_allow_sw: bool = Field(
        False, description="videotoolbox: encode in software where the hardware cannot."
    )
    pixel_format: PixelFormat = Field(
        "auto", description="auto keeps 10 bit where the encoder takes it and is 8-bit 4:2:0 else."
    )

    audio_codec: AudioCodec = Field("aac", description="The audio encoder; copy keeps the sound as it is.")
    audio_bitrate: Int = Field(128, ge=0, description="kbit/s for each audio track; lossless encoders have none.")
    selected_audio_tracks: TrackChoice = Field(
        (), description="Stream numbers of the source to keep, in this order; [] is all, none is none."
    )
    selected_subtitle_tracks: TrackChoice = Field(
        (), description="Stream numbers of the source to keep, in this order; [] is all, none is none."
    )

    metadata: Metadata = Field(Metadata(), description="What becomes of titles, artists, chapters and other tags.")

    else_: Preset | None = Field(
        None,
        validation_alias=AliasChoices("else", "else_"),
        description="What is done with a file that does not match only_if: another preset, by name, by path or "
        "inline. Without it the file goes to done/ untouched.",
    )

    @property
    def ways(self) -> tuple[Preset, ...]:
        """This preset, and those that files take which do not match its only_if."""
        return (self, *(self.else_.ways if self.else_ else ()))

    @property
    def scale(self) -> int:
        """How many times wider and higher the picture becomes."""
        return SCALES[self.ml_upscale]

    @property
    def needs_gpu(self) -> bool:
        """True where a job may take a share of a GPU, whichever way its file goes: to upscale, or to encode there."""
        return any(way.upscales or way.video_codec.endswith("_nvenc") for way in self.ways)

    @property
    def upscales(self) -> bool:
        """True where the network has something to do."""
        return self.ml_upscale != "none"


def _words(value: Any) -> Any:
    if isinstance(value, str) or not isinstance(value, list | tuple):
        hint = "[-tune, animation, -g, 240]"
        raise FindingError("config.bad_value", "a list of options and their values is expected here", hint)
    return tuple(str(item) if type(item) in (int, float) else item for item in value)
