"""Burned subtitles: the script that is drawn, and the filter that draws it. Pure.

The filter that draws guesses the format of whatever file it is given and opens it. So it never gets the user's file,
which may be a playlist in disguise, but an ASS script that ffmpeg has made of it with a demuxer for text subtitles.
"""

from __future__ import annotations

import os
from pathlib import Path

from framewatch.media.preset.preset import Preset

# A forced style uses SSA's numbers: 2 is the middle of the line, to which the top adds 4 and the centre 8.
_ALIGNMENTS = {"bottom": 2, "middle": 10, "top": 6}
_HALF_MILLISECOND = 500  # microseconds


def script_path(out: Path) -> Path:
    """Return where the script for `out` is written."""
    return out.with_name("burned.ass")


def burn_filter(preset: Preset, script: Path, shift: float) -> list[str]:
    """Return the filters that draw `script`, with the source's times, on frames that start `shift` seconds into it.

    The filter truncates a frame's time to whole milliseconds, in floating point. Half a millisecond, added on a clock
    of microseconds and subtracted afterwards, keeps a text that starts exactly with a frame from appearing one frame
    late.
    """
    style = force_style(preset)
    draw = f"subtitles=filename={escaped(os.fspath(script))}"
    draw += f":force_style={escaped(style)}" if style else ""
    ticks = round(shift * 1_000_000) + _HALF_MILLISECOND
    return ["settb=AVTB", f"setpts=PTS+{ticks}", draw, f"setpts=PTS-{ticks}"]


def force_style(preset: Preset) -> str:
    """Return the preset's style, in the words of ASS: `Fontname=Arial,FontSize=24`."""
    colours = (preset.subtitle_font_color, preset.subtitle_outline_color)
    fill, outline = (f"&H00{each[5:7]}{each[3:5]}{each[1:3]}" if each else None for each in colours)
    style = {
        "FontName": preset.subtitle_font_name,
        "FontSize": preset.subtitle_font_size,
        "PrimaryColour": fill,
        "OutlineColour": outline,
        "Alignment": _ALIGNMENTS.get(preset.subtitle_position or ""),
    }
    return ",".join(f"{key}={value}" for key, value in style.items() if value is not None)


def escaped(value: str) -> str:
    """Return a filter option's value, escaped for both of ffmpeg's parsers: the option's and the filter chain's."""
    option = "".join(f"\\{letter}" if letter in "\\':" else letter for letter in value)
    return "".join(f"\\{letter}" if letter in "\\'[],;" else letter for letter in option)
