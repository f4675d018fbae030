"""The rules for `only_if`, `else` and `extra_encoder_args`. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from framewatch.errors import Finding
from framewatch.media.containers import rules
from framewatch.media.encoders.extra_args import check_extra_args
from framewatch.media.preset.preset import Preset

_RANGES = ("width", "height", "duration", "fps")


def check_flow(preset: Preset) -> list[Finding]:
    """Return what is wrong with these keys, whatever the file."""
    return [*_only_if(preset), *_extra_args(preset)]


def _only_if(preset: Preset) -> Iterator[Finding]:
    if preset.only_if is None:
        if preset.else_ is not None:
            message = "`else` is never used: every file matches a preset without only_if"
            yield Finding("else.without_only_if", message, "add only_if, or remove else", "else")
        return
    for name in _RANGES:
        least, most = (getattr(preset.only_if, f"{bound}_{name}") for bound in ("min", "max"))
        if least is not None and most is not None and least > most:
            message = f"no file matches: min_{name} {least:g} is more than max_{name} {most:g}"
            yield Finding("only_if.empty_range", message, "swap the two", f"only_if.min_{name}")


def _extra_args(preset: Preset) -> Iterator[Finding]:
    if not preset.extra_encoder_args:
        return
    container = rules().containers[preset.container]
    if preset.processing_mode == "copy":
        message = "copied video is not encoded, so encoder options have no effect"
        hint = 'remove extra_encoder_args, or use processing_mode "reencode"'
        yield Finding("mode.copy_extra_args", message, hint, "extra_encoder_args")
    elif container.audio_only:
        message = f"{preset.container} has no video, so options of the video encoder have no effect"
        yield Finding("extra_args.no_video", message, "remove extra_encoder_args", "extra_encoder_args")
    elif container.kind != "image":  # `image_rules` refuses the key
        yield from check_extra_args(preset.extra_encoder_args, preset.video_codec)
