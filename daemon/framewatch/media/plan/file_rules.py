"""The rules that need the file as well as the preset: streams, colour, crop, gif and frame rate. Pure."""

from __future__ import annotations

from fractions import Fraction

from framewatch.domain import MediaInfo, Stream, Video
from framewatch.errors import Finding
from framewatch.media.colour import converts_to_rgb
from framewatch.media.containers import rules
from framewatch.media.plan.frame_messages import check_dolby_vision
from framewatch.media.plan.geometry import Size, size_after_crop
from framewatch.media.plan.stream_table import StreamTable, location
from framewatch.media.preset.preset import Preset
from framewatch.media.rules.video_rules import GIF_BYTES, GIF_FASTEST, rectangle
from framewatch.media.timeline import FALLBACK_RATE

# frame_rate_extension_n and _d of MPEG-2 (ISO/IEC 13818-2, section 6.3.5): the rate is multiplied by (n+1)/(d+1).
_MPEG2_NUMERATORS, _MPEG2_DENOMINATORS = range(1, 5), range(1, 33)

_ANY_FRAMES = ("yuv4mpegpipe", "nut")  # demuxers of containers that hold raw frames of any format
_NAMED_IN_MATROSKA = ("yuv420p", "yuv422p", "yuv411p", "gray")  # tried with ffmpeg 5.1 and 9


def check_file(preset: Preset, info: MediaInfo, table: StreamTable) -> list[Finding]:
    """Return what this file does not allow of a preset that passes `check_preset`; `table` is their stream table."""
    main = info.main_video
    if main is None or main.video is None:
        return table.errors
    if preset.processing_mode == "copy":
        return [*table.errors, *([] if table.errors else _raw_frames(preset, info, main))]
    vision = check_dolby_vision(preset, info)
    gif = _gif(preset, info, main.video) if preset.container == "gif" else []
    colour = _colour(preset, main.video, location(main))
    return [*table.errors, *vision, *colour, *_crop(preset, main.video), *gif]


def _raw_frames(preset: Preset, info: MediaInfo, main: Stream) -> list[Finding]:
    """Return a finding where a container has no name for the pixel format of raw frames: some write a wrong one."""
    container, pixel_format = preset.container, main.video.pixel_format if main.video else ""
    if main.codec != "rawvideo" or info.container not in _ANY_FRAMES or rules().containers[container].audio_only:
        return []
    if container == "mkv" and pixel_format in _NAMED_IN_MATROSKA:
        return []
    message = f"raw frames of the format {pixel_format} cannot be copied into {container}"
    return [Finding("copy.video_codec", message, 'use processing_mode "reencode"', location(main))]


def check_rate(preset: Preset, rate: Fraction) -> list[Finding]:
    """Return a finding where the preset's encoder cannot write `rate`, the output's frames per second."""
    container, encoder = rules().containers[preset.container], rules().video_encoders[preset.video_codec]
    if preset.processing_mode == "copy" or container.audio_only or not encoder.rates:
        return []
    if any(
        rate == base * numerator / denominator
        for base in encoder.rates
        for numerator in _MPEG2_NUMERATORS
        for denominator in _MPEG2_DENOMINATORS
    ):
        return []
    message = f"{preset.video_codec} cannot write {float(rate):.3f} frames per second"
    hint = f"it takes {', '.join(map(str, encoder.rates))}; other encoders take every rate"
    return [Finding("video.frame_rate", message, hint, "video_codec")]


def _colour(preset: Preset, video: Video, where: str) -> list[Finding]:
    """Colour that cannot be converted to RGB matters only to what works on RGB: a copy or a transcode keeps YUV."""
    if not _needs_rgb(preset) or converts_to_rgb(video):
        return []
    message = f"the colours of this video ({video.colour.matrix}) cannot be converted to RGB"
    return [Finding("media.colour_unsupported", message, "convert it to BT.709 or BT.2020 first", where)]


def _needs_rgb(preset: Preset) -> bool:
    """Return whether the network, a gif's palette or the colours of burned subtitles need the matrix."""
    if rules().containers[preset.container].audio_only:
        return False
    return preset.upscales or preset.container == "gif" or preset.subtitle_burn_path is not None


def _crop(preset: Preset, video: Video) -> list[Finding]:
    crop = preset.active_crop
    if crop is None:
        return []
    frame = size_after_crop(preset.evolve(crop=None), Size(*video.upright))
    if crop.x + crop.width <= frame.width and crop.y + crop.height <= frame.height:
        return []
    message = f"the crop {rectangle(crop)} reaches beyond the frame, which is {frame} after rotation"
    return [Finding("crop.outside", message, "choose a smaller crop", "crop")]


def _gif(preset: Preset, info: MediaInfo, video: Video) -> list[Finding]:
    rate = float(video.rate or FALLBACK_RATE) if preset.fps == "original" else float(preset.fps)
    if rate > GIF_FASTEST:
        message = f"viewers play a gif of {rate:g} frames per second far too slowly"
        return [Finding("gif.rate", message, f"set fps to {GIF_FASTEST} or less, such as 25", "fps")]
    seconds = min(preset.end_time or info.duration, info.duration) - (preset.start_time or 0.0)
    needed = max(seconds, 0.0) * rate * video.width * video.height * 4
    if needed <= GIF_BYTES:
        return []
    message = f"a gif of {seconds:.0f} s at this size and rate needs {needed / (1 << 30):.1f} GiB of memory"
    return [Finding("gif.too_long", message, "cut it with start_time and end_time, or use a lower fps", "container")]
