"""The preset: what a user wants done with a file, as read from YAML.

Keys are snake_case; Frame's camelCase names are accepted too, and numbers as text, as Frame saves them in JSON. An
unknown key is an error: nothing is silently ignored. Which values go together is decided in
`framewatch.media.rules.preset_rules`, from the table in container_rules.yaml.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field, WithJsonSchema

from framewatch.documents import FindingError
from framewatch.media.containers import rules
from framewatch.media.preset.audio_keys import AudioKeys
from framewatch.media.preset.metadata_keys import Metadata
from framewatch.media.preset.only_if import OnlyIf
from framewatch.media.preset.timing_keys import TimingKeys
from framewatch.media.preset.values import Integer, PresetSection
from framewatch.media.preset.video_keys import VideoKeys

ProcessingMode = Literal["reencode", "copy"]
ContainerName = Literal[
    "mp4", "mkv", "webm", "mov", "m2t", "mts", "m2ts", "gif",
    "mp3", "m4a", "wav", "flac",
    "png", "jpg", "webp", "bmp", "tiff",
]  # fmt: skip
UpscaleMode = Literal["none", "esrgan-2x", "esrgan-3x", "esrgan-4x"]
VideoCodec = Literal[
    "libx264", "libx265", "vp9", "prores", "libsvtav1", "mpeg2video", "gif",
    "h264_nvenc", "hevc_nvenc", "av1_nvenc", "h264_videotoolbox", "hevc_videotoolbox",
]  # fmt: skip
AudioCodec = Literal[
    "copy", "aac", "libfdk_aac", "ac3", "libopus", "mp3", "alac", "flac", "vorbis", "mp2", "pcm_s16le", "pcm_bluray"
]
PixelFormat = Literal["auto", "yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le"]
EncoderPreset = Literal[
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo",
    "p1", "p2", "p3", "p4", "p5", "p6", "p7",
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13",
]  # fmt: skip

SCALES: dict[UpscaleMode, int] = {"none": 1, "esrgan-2x": 2, "esrgan-3x": 3, "esrgan-4x": 4}

Tracks = tuple[int, ...] | Literal["none"]

_MAX_TRACKS = 1000  # streams of a file, whatever `limits.max_streams` says


_VIDEO_ALIASES = {
    **dict.fromkeys(("h264", "h.264", "avc", "x264"), "libx264"),
    **dict.fromkeys(("h265", "h.265", "hevc", "x265"), "libx265"),
    **dict.fromkeys(("av1", "svtav1", "svt-av1"), "libsvtav1"),
    **dict.fromkeys(("libvpx-vp9", "libvpx_vp9"), "vp9"),
    **dict.fromkeys(("mpeg2", "mpeg-2"), "mpeg2video"),
    "prores_ks": "prores",
}
_AUDIO_ALIASES = {"opus": "libopus", "libmp3lame": "mp3", "libvorbis": "vorbis", "ac-3": "ac3", "pcm": "pcm_s16le"}
_CONTAINER_ALIASES = {"matroska": "mkv", "jpeg": "jpg", "tif": "tiff"}
_UPSCALE_ALIASES = {f"{scale}{end}": f"esrgan-{scale}x" for scale in (2, 3, 4) for end in ("", "x")}


def _alias(names: Mapping[str, str]) -> BeforeValidator:
    """Return the validator that reads other common names of a value, in any case."""
    return BeforeValidator(lambda value: names.get(str(value).lower(), value) if type(value) in (str, int) else value)


def _integer_as_word(value: Any) -> Any:
    """Read `preset: 6`: SVT-AV1's presets are numbers."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _tracks(value: Any) -> Tracks:
    if value == "none":
        return "none"
    items = value if isinstance(value, list | tuple) else None
    if items is None or any(isinstance(item, bool) or not isinstance(item, int) for item in items):
        hint = "[1, 2] keeps these two, [] keeps all, none keeps none"
        raise FindingError("config.bad_value", 'a list of stream numbers, or "none", is expected here', hint)
    if len(items) > _MAX_TRACKS:
        raise FindingError("config.bad_value", f"{len(items)} streams; {_MAX_TRACKS} are allowed", "[] keeps all")
    if any(item < 0 for item in items):
        raise FindingError("config.bad_value", "stream numbers count from 0", "remove the negative number")
    if len(set(items)) != len(items):
        raise FindingError("config.bad_value", "a stream number appears twice", "keep one of the two")
    return tuple(items)


def _video_track(value: Any) -> Any:
    number = (
        int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 5 else value
    )
    if number == "auto" or (type(number) is int and 0 <= number < _MAX_TRACKS):
        return number
    hint = "0 is the first stream of a file; auto chooses"
    raise FindingError("config.bad_value", 'a stream number, or "auto", is expected here', hint)


def _option_list(value: Any) -> Any:
    if isinstance(value, str) or not isinstance(value, list | tuple):
        hint = "[-tune, animation, -g, 240]"
        raise FindingError("config.bad_value", "a list of options and their values is expected here", hint)
    return tuple(str(item) if type(item) in (int, float) else item for item in value)


VideoTrack = Annotated[
    Literal["auto"] | Annotated[int, Field(ge=0)],
    BeforeValidator(_video_track),
    WithJsonSchema({"anyOf": [{"const": "auto"}, {"type": "integer", "minimum": 0}]}),
]
TrackChoice = Annotated[Tracks, BeforeValidator(_tracks)]


class CoreKeys(PresetSection):
    """Preset keys for composition, output format, encoders and tracks."""

    extends: str | None = Field(
        None,
        min_length=1,
        description="Another preset, by name or path, that supplies the keys not given here. Mappings are merged key "
        "by key; a key without a value returns to its default.",
    )
    only_if: OnlyIf | None = Field(
        None,
        description="Conditions on a file. A file that does not match takes the preset in `else`; without one, it is "
        "moved to done/ unchanged, with the status skipped.",
    )

    processing_mode: ProcessingMode = Field(
        "reencode", description="reencode: encode the video again; copy: move the streams to another container."
    )
    container: Annotated[ContainerName, _alias(_CONTAINER_ALIASES)] = Field(
        "mp4", description="File format of the output."
    )
    ml_upscale: Annotated[UpscaleMode, _alias(_UPSCALE_ALIASES)] = Field(
        "none", description="Upscaling factor of Real-ESRGAN."
    )

    video_codec: Annotated[VideoCodec, _alias(_VIDEO_ALIASES)] = Field(
        "libx264", description="Video encoder. Names of formats work too: h264, h265 or hevc, av1."
    )
    video_bitrate_mode: Literal["crf", "bitrate"] = Field(
        "crf",
        description="crf: constant quality, by `crf` or, for hardware encoders, `quality`; bitrate: by "
        "`video_bitrate`.",
    )
    video_bitrate: Integer = Field(5000, ge=0, description="kbit/s, used with video_bitrate_mode bitrate.")
    crf: Integer = Field(
        23, ge=0, le=63, description="Constant rate factor of software encoders; lower is better and larger."
    )
    quality: Integer = Field(
        50, ge=0, le=100, description="Constant quality of hardware encoders; higher is better and larger."
    )
    preset: Annotated[EncoderPreset, BeforeValidator(_integer_as_word)] = Field(
        "medium",
        description="Encoder preset, speed against size: ultrafast to placebo; p1 to p7 for nvenc; 0 to 13 for "
        "libsvtav1.",
    )
    nvenc_spatial_aq: bool = Field(False, description="nvenc: spatial adaptive quantisation.")
    nvenc_temporal_aq: bool = Field(False, description="nvenc: temporal adaptive quantisation.")
    videotoolbox_allow_sw: bool = Field(False, description="videotoolbox: encode in software if the hardware cannot.")
    pixel_format: PixelFormat = Field(
        "auto", description="auto: 10 bit if the source has it and the encoder takes it, else 8-bit 4:2:0."
    )
    extra_encoder_args: Annotated[tuple[str, ...], BeforeValidator(_option_list)] = Field(
        (),
        description="Further options of ffmpeg's video encoder, in pairs: [-tune, animation, -g, 240]. Options that "
        "name files, streams, filters or protocols are refused.",
    )
    image_quality: Integer = Field(
        90, ge=1, le=100, description="Quality of jpg and lossy webp images; higher is better and larger."
    )
    image_lossless: bool = Field(False, description="Lossless compression of webp images.")

    audio_codec: Annotated[AudioCodec, _alias(_AUDIO_ALIASES)] = Field(
        "aac", description="Audio encoder; copy keeps the audio unchanged."
    )
    audio_bitrate: Integer = Field(
        128, ge=0, description="Bitrate of each audio track in kbit/s; lossless encoders ignore it."
    )
    video_track: VideoTrack = Field(
        "auto",
        description="Stream number of the video to process, counted from 0 over all streams; auto: the default "
        "one or, of several, the largest.",
    )
    selected_audio_tracks: TrackChoice = Field(
        (), description="Stream numbers of the audio tracks to keep, in this order; [] keeps all, none keeps none."
    )
    selected_subtitle_tracks: TrackChoice = Field(
        (), description="Stream numbers of the subtitle tracks to keep, in this order; [] keeps all, none keeps none."
    )

    strict_streams: bool = Field(
        False,
        description="true: a stream that the output cannot hold as it is refuses the file; false: it is converted or "
        "dropped, with a warning.",
    )

    metadata: Metadata = Field(Metadata(), description="Title, artist, chapters and other metadata.")


class Preset(AudioKeys, VideoKeys, TimingKeys, CoreKeys):
    """A preset: how a folder's files are processed."""

    else_: Preset | None = Field(
        None,
        validation_alias=AliasChoices("else", "else_"),
        description="The preset for files that do not match only_if: a name, a path, or its keys. Without it, such a "
        "file is moved to done/ unchanged.",
    )

    @property
    def variants(self) -> tuple[Preset, ...]:
        """This preset and, in the order in which they are tried, those in its `else`."""
        return (self, *(self.else_.variants if self.else_ else ()))

    @property
    def scale(self) -> int:
        """The upscaling factor; 1 without upscaling."""
        return SCALES[self.ml_upscale]

    @property
    def needs_gpu(self) -> bool:
        """Whether a job may need a share of a GPU, whichever variant its file takes: to upscale or to encode."""
        return any(each.upscales or rules().video_encoders[each.video_codec].needs_gpu_slot for each in self.variants)

    @property
    def upscales(self) -> bool:
        """Whether frames go through the network."""
        return self.ml_upscale != "none"
