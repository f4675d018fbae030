"""HDR10 static metadata for the output: as parameters of each encoder, or a warning. Pure.

Frames from the network are bare pixels, and ffmpeg 5.1 passes nothing from a decoder to an encoder. So the encoder is
told, and the only options of ffmpeg that do so are the parameter lists of the encoder libraries.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple

from framewatch.domain import Hdr, MasteringDisplay
from framewatch.errors import Finding
from framewatch.media.containers import rules
from framewatch.media.encoders.parameter_lists import stated_parameters, with_parameters
from framewatch.media.preset.preset import Preset


class _Parameters(NamedTuple):
    """One value for each part of the metadata; None where the encoder cannot signal it."""

    display: str | None
    light: str | None


# By encoder: the library's names for both parts.
_NAMES = {
    "libx264": _Parameters("mastering-display", "cll"),
    "libx265": _Parameters("master-display", "max-cll"),
    "libsvtav1": _Parameters("mastering-display", "content-light"),
}
_HDR_MUXERS = ("mp4", "mov", "matroska", "webm")  # write it for every codec
_CODECS_WITHOUT_HDR = ("mpeg2video", "gif")


def with_hdr(args: Sequence[str], video_codec: str, hdr: Hdr | None) -> list[str]:
    """Add HDR10 metadata to the options of an encoder.

    Args:
        args: options and values in turn. What they already state is kept.
        video_codec: the encoder, as presets name it; one that cannot signal HDR10 keeps its options unchanged.
        hdr: of the source.
    """
    if video_codec not in _NAMES:
        return list(args)
    stated = stated_parameters(args, video_codec)
    values = zip(_NAMES[video_codec], _parameters(video_codec, hdr), strict=True)
    added = [f"{name}={value}" for name, value in values if value and name not in stated]
    return with_parameters(args, video_codec, added)


def hdr_warnings(preset: Preset, hdr: Hdr | None, where: str) -> list[Finding]:
    """Return what the output of a preset that encodes cannot signal; `where` is the source's stream."""
    if hdr is None or not (lost := _lost(preset, hdr)):
        return []
    message = f"{' and '.join(lost)} of HDR10 are dropped: {preset.video_codec} cannot signal them"
    hint = "libx265 keeps them, and so do libx264 and libsvtav1"
    return [Finding("video.hdr_metadata_dropped", message, hint, where)]


def left_to_container(video_codec: str, hdr: Hdr | None) -> Hdr | None:
    """Return what this encoder cannot be told, and what a container can state in its place; None: nothing."""
    parameters = _parameters(video_codec, hdr)
    whole = hdr and hdr.mastering and hdr.mastering.colours and hdr.mastering.luminance
    mastering = hdr.mastering if hdr and whole and parameters.display is None else None
    light = hdr.light if hdr and parameters.light is None else None
    return Hdr(mastering=mastering, light=light) if mastering or light else None


def _lost(preset: Preset, hdr: Hdr) -> list[str]:
    muxed = rules().containers[preset.container].muxer in _HDR_MUXERS
    if not preset.upscales:
        left = hdr if preset.video_codec in _CODECS_WITHOUT_HDR and not muxed else Hdr()
        return _named(left)
    parameters = _parameters(preset.video_codec, hdr)
    stated = (left_to_container(preset.video_codec, hdr) if muxed else None) or Hdr()
    return _named(
        Hdr(
            mastering=None if parameters.display or stated.mastering else hdr.mastering,
            light=None if parameters.light or stated.light else hdr.light,
        )
    )


def _named(hdr: Hdr) -> list[str]:
    display = ["the mastering display"] if hdr.mastering else []
    return [*display, *(["MaxCLL and MaxFALL"] if hdr.light else [])]


def _parameters(video_codec: str, hdr: Hdr | None) -> _Parameters:
    """Return the metadata as parameters of an encoder library."""
    if hdr is None or video_codec not in _NAMES:
        return _Parameters(None, None)
    av1 = video_codec == "libsvtav1"
    display = _display(hdr.mastering, _decimal if av1 else _steps) if hdr.mastering else None
    if av1 and hdr.mastering and not (hdr.mastering.colours and hdr.mastering.luminance):
        display = None  # AV1 has no value for "unknown"
    has_light = hdr.light and (hdr.light[0] or not av1)  # SVT-AV1 drops both values where MaxCLL is unknown
    return _Parameters(display, "{},{}".format(*hdr.light) if hdr.light and has_light else None)


def _display(display: MasteringDisplay, number: Callable[[Fraction, int], str]) -> str:
    """Return the whole display. What is unknown is 0: out of range, which H.265 treats as unspecified (D.3.28)."""
    unknown = Fraction(0), Fraction(0)
    red, green, blue, white = display.colours or [unknown] * 4
    darkest, brightest = display.luminance or unknown
    points = {"G": green, "B": blue, "R": red, "WP": white}
    text = "".join(f"{name}({number(x, 50_000)},{number(y, 50_000)})" for name, (x, y) in points.items())
    return f"{text}L({number(brightest, 10_000)},{number(darkest, 10_000)})"


def _steps(value: Fraction, steps: int) -> str:
    """For x264 and x265, which take the integers of H.265 (D.2.28): steps of 0.00002, and of 0.0001 cd/m²."""
    return str(round(value * steps))


def _decimal(value: Fraction, _: int) -> str:
    """For SVT-AV1, which rounds to AV1's own steps: 2^-16, and 2^-8 or 2^-14 cd/m²."""
    return f"{float(value):.9f}"
