"""Frame rates that an encoder cannot write. Pure."""

from __future__ import annotations

from fractions import Fraction

from framewatch.domain import MediaInfo, Video
from framewatch.errors import Finding
from framewatch.media.colour import converts_to_rgb
from framewatch.media.containers import rules
from framewatch.media.plan.sizing import Size, shaped
from framewatch.media.plan.stream_table import place, stream_table
from framewatch.media.preset.preset import Preset
from framewatch.media.rules.video_rules import GIF_BYTES, GIF_FASTEST, _rectangle

# frame_rate_extension_n and _d of MPEG-2 (ISO/IEC 13818-2, section 6.3.5): the rate is multiplied by (n+1)/(d+1).
_TIMES, _PARTS = range(1, 5), range(1, 33)


def check_rate(preset: Preset, rate: Fraction) -> list[Finding]:
    """What is wrong with `rate`, the output's frames a second, for the preset's encoder."""
    container, encoder = rules().containers[preset.container], rules().video_encoders[preset.video_codec]
    if preset.processing_mode == "copy" or container.audio_only or not encoder.rates:
        return []
    if any(rate == base * times / parts for base in encoder.rates for times in _TIMES for parts in _PARTS):
        return []
    message = f"{preset.video_codec} cannot write {float(rate):.3f} frames a second"
    hint = f"it takes {', '.join(map(str, encoder.rates))}; other encoders take every rate"
    return [Finding("video.frame_rate", message, hint, "video_codec")]


def check_file(preset: Preset, info: MediaInfo) -> list[Finding]:
    """What is wrong with a preset for this file. The preset is one that `check_preset` lets through."""
    return stream_table(preset, info).errors + _colour(preset, info) + picture_file_findings(preset, info)


def _colour(preset: Preset, info: MediaInfo) -> list[Finding]:
    """Colour that cannot be converted to RGB matters only to what works on RGB: a copy or a transcode keeps YUV."""
    main = info.main_video
    if not _needs_rgb(preset) or main is None or main.video is None or converts_to_rgb(main.video):
        return []
    message = f"the colours of this video ({main.video.colour.matrix}) cannot be converted to RGB"
    hint = "convert it to BT.709 or BT.2020 first"
    return [Finding("media.colour_unsupported", message, hint, place(main))]


def _needs_rgb(preset: Preset) -> bool:
    """Whether the network, a gif's palette or the colours of burned subtitles need the matrix."""
    if preset.processing_mode == "copy" or rules().containers[preset.container].audio_only:
        return False
    return preset.upscales or preset.container == "gif" or preset.subtitle_burn_path is not None


def picture_file_findings(preset: Preset, info: MediaInfo) -> list[Finding]:
    """What it asks that this file's picture does not allow."""
    main = info.main_video
    if main is None or main.video is None or preset.processing_mode == "copy":
        return []
    gif = _gif_of(preset, info, main.video) if preset.container == "gif" else []
    return [*_crop_of(preset, main.video), *gif]


def _crop_of(preset: Preset, video: Video) -> list[Finding]:
    crop = preset.active_crop
    if crop is None:
        return []
    whole = shaped(preset.evolve(crop=None), Size(*video.upright))
    if crop.x + crop.width <= whole.width and crop.y + crop.height <= whole.height:
        return []
    message = f"the crop {_rectangle(crop)} reaches beyond the picture, which is {whole} after rotation"
    return [Finding("crop.outside", message, "choose a smaller crop", "crop")]


def _gif_of(preset: Preset, info: MediaInfo, video: Video) -> list[Finding]:
    rate = float(video.rate or 25) if preset.fps == "original" else float(preset.fps)
    if rate > GIF_FASTEST:
        message = f"viewers show a gif of {rate:g} frames a second far too slowly"
        return [Finding("gif.rate", message, f"set fps to {GIF_FASTEST} or less, such as 25", "fps")]
    lasts = min(preset.end_time or info.duration, info.duration) - (preset.start_time or 0.0)
    needed = max(lasts, 0.0) * rate * video.width * video.height * 4
    if needed <= GIF_BYTES:
        return []
    message = f"a gif of {lasts:.0f} s at this size and rate needs {needed / (1 << 30):.1f} GiB of memory"
    return [Finding("gif.too_long", message, "cut it with start_time and end_time, or use a lower fps", "container")]
