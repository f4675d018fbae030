"""HDR10's static metadata on its way into the output: in the words of each encoder, or a warning. Pure.

Where ffmpeg decodes and encodes, its frames carry it. Frames from the network come as bare pixels: the encoder has
to be told, and of ffmpeg's options only lists of the encoders' own hold it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple

from framewatch.domain import Hdr, MasteringDisplay
from framewatch.errors import Finding
from framewatch.media.containers import rules
from framewatch.media.preset.preset import Preset


class _Told(NamedTuple):
    """One value for each part of the metadata, None where it cannot be said."""

    display: str | None
    light: str | None


# By encoder: ffmpeg's options that hold its own list, the one that is written first, and its names for both parts.
_LISTS = {
    "libx264": (("x264-params", "x264opts"), _Told("mastering-display", "cll")),
    "libx265": (("x265-params",), _Told("master-display", "max-cll")),
    "libsvtav1": (("svtav1-params",), _Told("mastering-display", "content-light")),
}
_SAY_IT_BESIDE = ("mp4", "mov", "matroska", "webm")  # muxers that write it, whatever the codec
_SILENT = ("mpeg2video", "gif")  # codecs that have no place for it


def with_hdr(args: Sequence[str], video_codec: str, hdr: Hdr | None) -> list[str]:
    """Options of an encoder, with what it is to say of the picture.

    Args:
        args: names and values in turn. What they say already holds.
        video_codec: the encoder, as presets name it; one that cannot say it keeps its options as they are.
        hdr: of the source.
    """
    made = list(args)
    if video_codec not in _LISTS:
        return made
    lists, names = _LISTS[video_codec]
    places = {_name(made[place]): place + 1 for place in range(0, len(made), 2)}  # of a name's values the last counts
    own = ":".join(made[places[name]] for name in lists if name in places)
    said = [part.partition("=")[0] for part in own.split(":")]
    parts = zip(names, _of_hdr(video_codec, hdr), strict=True)
    added = [f"{name}={value}" for name, value in parts if value and name not in said]
    if added and lists[0] in places:
        place = places[lists[0]]
        made[place] = ":".join([made[place], *added])
    elif added:
        made += [f"-{lists[0]}:v:0", ":".join(added)]
    return made


def hdr_warnings(preset: Preset, hdr: Hdr | None, where: str) -> list[Finding]:
    """What the output cannot say, of a preset that encodes; `where` is the source's stream."""
    if hdr is None or not (lost := _lost(preset, hdr)):
        return []
    message = f"{' and '.join(lost)} of HDR10 are left out: {preset.video_codec} cannot be told of them"
    hint = "libx265 keeps them, and so do libx264 and libsvtav1"
    return [Finding("video.hdr_metadata_dropped", message, hint, where)]


def _lost(preset: Preset, hdr: Hdr) -> list[str]:
    display, light = ["the mastering display"] * bool(hdr.mastering), ["MaxCLL and MaxFALL"] * bool(hdr.light)
    if preset.upscales:
        told = _of_hdr(preset.video_codec, hdr)
        return [*(display if told.display is None else []), *(light if told.light is None else [])]
    beside = rules().containers[preset.container].muxer in _SAY_IT_BESIDE
    return [*display, *light] if preset.video_codec in _SILENT and not beside else []


def _of_hdr(video_codec: str, hdr: Hdr | None) -> _Told:
    """What is said of it in an encoder's own list."""
    if hdr is None or video_codec not in _LISTS:
        return _Told(None, None)
    exact = video_codec == "libsvtav1"
    display = _display(hdr.mastering, _decimal if exact else _steps) if hdr.mastering else None
    if exact and hdr.mastering and not (hdr.mastering.colours and hdr.mastering.luminance):
        display = None  # AV1 has no number for what is not known
    sayable = hdr.light and (hdr.light[0] or not exact)  # SVT-AV1 leaves both out where MaxCLL is unknown
    return _Told(display, "{},{}".format(*hdr.light) if hdr.light and sayable else None)


def _display(display: MasteringDisplay, number: Callable[[Fraction, int], str]) -> str:
    """All of it, with 0 for what is not known: so H.265 has it, by numbers beyond those that mean something."""
    nothing = Fraction(0), Fraction(0)
    red, green, blue, white = display.colours or [nothing] * 4
    darkest, brightest = display.luminance or nothing
    colours = {"G": green, "B": blue, "R": red, "WP": white}
    spots = "".join(f"{name}({number(x, 50_000)},{number(y, 50_000)})" for name, (x, y) in colours.items())
    return f"{spots}L({number(brightest, 10_000)},{number(darkest, 10_000)})"


def _steps(value: Fraction, steps: int) -> str:
    """For x264 and x265, which take the whole numbers of H.265 (D.2.28): steps of 0.00002, and of 0.0001 cd/m²."""
    return str(round(value * steps))


def _decimal(value: Fraction, _: int) -> str:
    """For SVT-AV1, which rounds to AV1's own steps: 2^-16, and 2^-8 or 2^-14 cd/m²."""
    return f"{float(value):.9f}"


def _name(option: str) -> str:
    return option.removeprefix("-").partition(":")[0]
