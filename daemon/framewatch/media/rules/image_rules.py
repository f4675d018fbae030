"""Rules for presets that make pictures. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from framewatch.errors import Finding
from framewatch.media.containers import rules
from framewatch.media.preset.preset import Preset

PROGRAMS = {"png": "png", "jpg": "mjpeg", "webp": "libwebp", "bmp": "bmp", "tiff": "tiff"}

# Keys that a preset for pictures may hold. Those of encoders and of sound have nothing to do here and do no harm:
# a preset for pictures may be built upon one for video. All others would be expected to show in the picture.
_USED = ("container", "ml_upscale", "extends", "only_if", "else_", "image_quality", "image_lossless")
_HARMLESS = ("video_", "crf", "quality", "preset", "nvenc_", "videotoolbox_", "audio_", "selected_", "hw_decode")


def is_image_preset(preset: Preset) -> bool:
    """Whether it makes still pictures."""
    return rules().containers[preset.container].kind == "image"


def check_image(preset: Preset) -> list[Finding]:
    """What is wrong with a preset for pictures, whatever the file."""
    return [*_mode(preset), *_without_effect(preset)]


def check_image_tools(preset: Preset, encoders: frozenset[str]) -> list[Finding]:
    """What this machine cannot do."""
    program = PROGRAMS[preset.container]
    if program in encoders:
        return []
    others = [name for name, each in PROGRAMS.items() if each in encoders]
    hint = f"use container {', '.join(others)}" if others else "use another ffmpeg"
    return [Finding("encoder.missing", f"this ffmpeg was built without {program}", hint, "container")]


def _mode(preset: Preset) -> Iterator[Finding]:
    if preset.processing_mode == "copy":
        message, hint = "a picture is always written anew", 'use processing_mode "reencode"'
        yield Finding("image.copy_mode", message, hint, "processing_mode")
    if preset.image_lossless and preset.container == "jpg":
        message = "jpg always loses something"
        yield Finding("image.lossless", message, "use container png, or webp with image_lossless", "image_lossless")


def _without_effect(preset: Preset) -> Iterator[Finding]:
    for name, info in type(preset).model_fields.items():
        if name in (*_USED, "processing_mode") or name.startswith(_HARMLESS):
            continue
        if getattr(preset, name) != info.get_default(call_default_factory=True):
            message = f"{name} has no effect on pictures"
            hint = "leave it out, or use a container for video"
            yield Finding("image.key_without_effect", message, hint, name)
