"""The rules about video: sizes, crop, cut, frame rate, burned subtitles, gif, and what a copy cannot do. Pure."""

from __future__ import annotations

from pathlib import Path

from framewatch.errors import Finding
from framewatch.media.containers import rules
from framewatch.media.encoders.hardware import decoding_hardware, encoding_hardware
from framewatch.media.preset.preset import Preset
from framewatch.media.preset.subtitle_file import SUBTITLE_DEMUXERS, subtitle_demuxer
from framewatch.media.preset.video_keys import Crop

LARGEST_SIDE = 16_384  # pixels: the limit of AV1 and of most decoders
GIF_FASTEST = 50  # frames per second; viewers play anything faster at 10
GIF_BYTES = 2 << 30  # of frames that are kept until the palette is chosen

_EFFECTS = (
    "deinterlace", "brightness", "contrast", "saturation", "gamma", "hue", "sharpen", "blur", "denoise", "deband",
    "vignette", "grayscale",
)  # fmt: skip
# What copied video cannot have: the last part of the code, what it is, and the keys that ask for it.
_NOT_COPIED = (
    ("burned_subtitles", "burned subtitles", ("subtitle_burn_path",)),
    ("turn", "rotation and flips", ("rotation", "flip_horizontal", "flip_vertical")),
    ("resolution", "another resolution", ("resolution", "output_width", "output_height")),
    ("fps", "another frame rate", ("fps",)),
    ("hw_decode", "hardware decoding", ("hw_decode",)),
    ("filters", "video filters", _EFFECTS),
)


def check_video(preset: Preset) -> list[Finding]:
    """Return what a preset asks of the video that cannot be done, whatever the file."""
    found = [*_sizes(preset), *_crop(preset), *_times(preset), *_burned(preset), *_gif(preset)]
    return [*found, *_copied(preset)] if preset.processing_mode == "copy" else found


def check_hardware_decoding(preset: Preset, hwaccels: frozenset[str]) -> list[Finding]:
    """Return a finding where this machine's ffmpeg does not have the hardware decoding that the preset needs."""
    wanted = decoding_hardware(preset)
    if not wanted or wanted in hwaccels or encoding_hardware(preset) is None:  # a guess may be wrong
        return []
    message = f"this ffmpeg cannot decode with {wanted}"
    return [Finding("decode.no_hardware", message, "use hw_decode false, or another ffmpeg", "hw_decode")]


def _sizes(preset: Preset) -> list[Finding]:
    custom = {"custom_width": preset.custom_width, "custom_height": preset.custom_height}
    largest = {"output_width": preset.output_width, "output_height": preset.output_height}
    found = [_bad_side(key, "size.output", value) for key, value in largest.items() if not _fits(value)]
    if preset.resolution == "custom":
        wrong = {key: value for key, value in custom.items() if value != -1 and not _fits(value)}
        found += [_bad_side(key, "size.custom", value) for key, value in wrong.items()]
        if all(value in (None, -1) for value in custom.values()):
            hint = "set custom_width, custom_height or both; -1 keeps the ratio"
            found.append(Finding("size.custom_missing", "resolution custom has no size", hint, "resolution"))
    if preset.resolution != "original" and preset.changed_keys("output_width", "output_height"):
        hint = "use resolution, which scales up and down, or output_height, which only scales down"
        found.append(Finding("size.two_targets", "two sizes are set", hint, "output_height"))
    return found


def _fits(side: int | None) -> bool:
    return side is None or 0 < side <= LARGEST_SIDE


def _bad_side(key: str, code: str, value: int | None) -> Finding:
    hint = f"1 to {LARGEST_SIDE} pixels" + (", or -1 to keep the ratio" if code == "size.custom" else "")
    return Finding(code, f"{value} cannot be the {key.replace('_', ' ')}", hint, key)


def _crop(preset: Preset) -> list[Finding]:
    crop = preset.active_crop
    if crop is None or (min(crop.x, crop.y) >= 0 and min(crop.width, crop.height) > 0):
        return []
    message = f"{rectangle(crop)} cannot be part of a frame"
    return [Finding("crop.invalid", message, "x and y from 0, width and height from 1", "crop")]


def rectangle(crop: Crop) -> str:
    """Return the crop for a message: `100x50 at 10,20`."""
    return f"{crop.width}x{crop.height} at {crop.x},{crop.y}"


def _times(preset: Preset) -> list[Finding]:
    found = []
    start, end = preset.start_time or 0.0, preset.end_time
    if end is not None and end <= start:
        message = f"end_time {end:g} s is not after start_time {start:g} s"
        found.append(
            Finding("time.end_before_start", message, "both are counted from the beginning of the source", "end_time")
        )
    if preset.frame_timing == "preserve" and preset.fps != "original":
        hint = "use frame_timing cfr, or fps original"
        found.append(Finding("timing.preserve_fps", "fps cannot be combined with frame_timing preserve", hint, "fps"))
    fixed = preset.video_codec == "mpeg2video" and preset.processing_mode == "reencode"
    if preset.frame_timing == "preserve" and fixed:
        message = "mpeg2video needs a constant frame rate"
        found.append(Finding("timing.preserve_codec", message, "use frame_timing cfr", "frame_timing"))
    return found


def _burned(preset: Preset) -> list[Finding]:
    path = preset.subtitle_burn_path
    if path is None or subtitle_demuxer(Path(path)):
        return []
    hint = f"use {', '.join(SUBTITLE_DEMUXERS)}"
    return [Finding("subtitle.burn_kind", f"{path} is not a subtitle file", hint, "subtitle_burn_path")]


def _gif(preset: Preset) -> list[Finding]:
    found = []
    if not 2 <= preset.gif_colors <= 256:
        message = f"a gif cannot have {preset.gif_colors} colours"
        found.append(Finding("gif.colors", message, "2 to 256", "gif_colors"))
    if rules().containers[preset.container].kind == "animation" and preset.pixel_format != "auto":
        message = f"{preset.container} has only one pixel format"
        found.append(Finding("container.no_pixel_format", message, "remove pixel_format", "pixel_format"))
    return found


def _copied(preset: Preset) -> list[Finding]:
    found = []
    for code, what, keys in _NOT_COPIED:
        asked = preset.changed_keys(*keys)
        if asked:
            found.append(_not_copied(code, what, asked[0]))
    if preset.active_crop:
        found.append(_not_copied("crop", "a crop", "crop"))
    if preset.container == "gif":
        hint = 'use processing_mode "reencode"'
        found.append(Finding("mode.copy_gif", "a gif is always encoded", hint, "processing_mode"))
    return found


def _not_copied(code: str, what: str, key: str) -> Finding:
    hint = f'remove {key}, or use processing_mode "reencode"'
    return Finding(f"mode.copy_{code}", f"copied video cannot have {what}", hint, key)
