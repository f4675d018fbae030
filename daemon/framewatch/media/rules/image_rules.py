"""The rules for presets that make still images. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from framewatch.errors import Finding
from framewatch.media.containers import rules
from framewatch.media.preset.preset import Preset

ENCODERS = {"png": "png", "jpg": "mjpeg", "webp": "libwebp", "bmp": "bmp", "tiff": "tiff"}
"""ffmpeg's encoder for each container."""

# Keys that a preset for images may contain. Those of video and audio encoders have no effect here and do no harm,
# since a preset for images may extend one for video. All others would be expected to change the image.
_USED = ("container", "ml_upscale", "extends", "only_if", "else_", "image_quality", "image_lossless")
_IGNORED = ("video_", "crf", "quality", "preset", "nvenc_", "videotoolbox_", "audio_", "selected_", "hw_decode")


def is_image_preset(preset: Preset) -> bool:
    """Return whether a preset makes still images."""
    return rules().containers[preset.container].kind == "image"


def check_image(preset: Preset) -> list[Finding]:
    """Return what is wrong with a preset for images, whatever the file."""
    return [*_mode(preset), *_without_effect(preset)]


def check_image_tools(preset: Preset, encoders: frozenset[str]) -> list[Finding]:
    """Return a finding where this machine's ffmpeg has no encoder for the container."""
    encoder = ENCODERS[preset.container]
    if encoder in encoders:
        return []
    others = [name for name, each in ENCODERS.items() if each in encoders]
    hint = f"use container {', '.join(others)}" if others else "use another ffmpeg"
    return [Finding("encoder.missing", f"this ffmpeg was built without {encoder}", hint, "container")]


def _mode(preset: Preset) -> Iterator[Finding]:
    if preset.processing_mode == "copy":
        message, hint = "an image is always encoded", 'use processing_mode "reencode"'
        yield Finding("image.copy_mode", message, hint, "processing_mode")
    if preset.image_lossless and preset.container == "jpg":
        message = "jpg is always lossy"
        yield Finding("image.lossless", message, "use container png, or webp with image_lossless", "image_lossless")


def _without_effect(preset: Preset) -> Iterator[Finding]:
    for name, info in type(preset).model_fields.items():
        if name in (*_USED, "processing_mode") or name.startswith(_IGNORED):
            continue
        if getattr(preset, name) != info.get_default(call_default_factory=True):
            message = f"{name} has no effect on images"
            hint = "remove it, or use a container for video"
            yield Finding("image.key_without_effect", message, hint, name)
