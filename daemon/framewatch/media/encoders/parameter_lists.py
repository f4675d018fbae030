"""The options of ffmpeg that hold the parameters of an encoder library, as "name=value:name=value". Pure."""

from __future__ import annotations

from collections.abc import Sequence

# By encoder, as presets name it; the option that is written where there is none yet comes first.
_OPTIONS = {
    "libx264": ("x264-params", "x264opts"),
    "libx265": ("x265-params",),
    "libsvtav1": ("svtav1-params",),
}


def stated_parameters(args: Sequence[str], video_codec: str) -> frozenset[str]:
    """Return the names of the parameters that the options (each followed by its value) already state."""
    return frozenset(_stated(args, video_codec))


def stated_value(args: Sequence[str], video_codec: str, name: str) -> str | None:
    """Return what the options state for a parameter of the encoder's library; None: nothing."""
    return _stated(args, video_codec).get(name)


def _stated(args: Sequence[str], video_codec: str) -> dict[str, str]:
    """Return the parameters and their values; of several, the last one counts."""
    positions = _positions(args)
    own = ":".join(args[positions[name]] for name in _OPTIONS[video_codec] if name in positions)
    parts = (part.partition("=") for part in own.split(":"))
    return {name: value for name, _, value in parts}


def with_parameters(args: Sequence[str], video_codec: str, added: Sequence[str]) -> list[str]:
    """Return the options with more parameters, which take precedence over those that are there.

    Args:
        args: options of ffmpeg, each followed by its value.
        video_codec: one of libx264, libx265 and libsvtav1.
        added: parameters, each as "name=value".
    """
    result = list(args)
    first = _OPTIONS[video_codec][0]
    positions = _positions(args)
    if added and first in positions:
        position = positions[first]
        result[position] = ":".join([result[position], *added])
    elif added:
        result += [f"-{first}:v:0", ":".join(added)]
    return result


def _positions(args: Sequence[str]) -> dict[str, int]:
    """Where the value of each option is; of several values, ffmpeg takes the last."""
    return {args[n].removeprefix("-").partition(":")[0]: n + 1 for n in range(0, len(args), 2)}
