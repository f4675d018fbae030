"""Burned subtitles: finding the user's file, and drawing it. Its text goes through ffmpeg once before, into ASS.

The filter that draws opens whatever it is given by guessing its kind. So it never gets the user's file, which may
be a playlist in disguise, but one that was made of it by the demuxers for text subtitles alone.
"""

from __future__ import annotations

import os
from pathlib import Path

from framewatch.media.preset.preset import Preset

# A forced style has SSA's numbers: 2 is the middle of the line, to which the top adds 4 and the centre 8.
_ALIGNMENTS = {"bottom": 2, "middle": 10, "top": 6}
_HALF_MILLISECOND = 500  # microseconds


def script_path(out: Path) -> Path:
    """Where the script waits that is drawn into `out`."""
    return out.with_name("burned.ass")


def burn_filter(preset: Preset, script: Path, shift: float) -> list[str]:
    """The filters that draw `script`, whose times are the source's, on frames that begin `shift` seconds in.

    The filter cuts a frame's time to whole milliseconds, in floating point. Half of one more, added in a clock of
    microseconds and taken back, keeps a text that begins exactly with a frame from coming one later.
    """
    style = force_style(preset)
    drawn = f"subtitles=filename={escaped(os.fspath(script))}"
    drawn += f":force_style={escaped(style)}" if style else ""
    ticks = round(shift * 1_000_000) + _HALF_MILLISECOND
    return ["settb=AVTB", f"setpts=PTS+{ticks}", drawn, f"setpts=PTS-{ticks}"]


def force_style(preset: Preset) -> str:
    """What the preset says of the look, in the words of ASS: `Fontname=Arial,FontSize=24`."""
    colours = (preset.subtitle_font_color, preset.subtitle_outline_color)
    fill, outline = (f"&H00{each[5:7]}{each[3:5]}{each[1:3]}" if each else None for each in colours)
    wishes = {
        "FontName": preset.subtitle_font_name,
        "FontSize": preset.subtitle_font_size,
        "PrimaryColour": fill,
        "OutlineColour": outline,
        "Alignment": _ALIGNMENTS.get(preset.subtitle_position or ""),
    }
    return ",".join(f"{key}={value}" for key, value in wishes.items() if value is not None)


def escaped(value: str) -> str:
    """A value for a filter's option, through both of ffmpeg's readings: the option's, and the whole chain's."""
    option = "".join(f"\\{letter}" if letter in "\\':" else letter for letter in value)
    return "".join(f"\\{letter}" if letter in "\\'[],;" else letter for letter in option)
