"""Burned subtitles: finding the user's file, and drawing it. Its text goes through ffmpeg once before, into ASS.

The filter that draws opens whatever it is given by guessing its kind. So it never gets the user's file, which may
be a playlist in disguise, but one that was made of it by the demuxers for text subtitles alone.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from framewatch.errors import Finding
from framewatch.media.preset import Preset

DEMUXERS = {".srt": "srt", ".ass": "ass", ".ssa": "ass", ".vtt": "webvtt"}
_MAX_BYTES = 16 << 20  # the longest scripts with every sign typeset have a tenth of it
# A forced style has SSA's numbers: 2 is the middle of the line, to which the top adds 4 and the centre 8.
_ALIGNMENTS = {"bottom": 2, "middle": 10, "top": 6}
_HALF_MILLISECOND = 500  # microseconds


def anchored(path: str, folder: Path) -> str:
    """A preset's subtitle file, named in full where it lies in `folder`, beside the preset."""
    beside = folder.absolute() / path
    return str(beside) if beside.is_file() else path


def outside(path: str, where: str) -> Finding | None:
    """What a preset that may be a stranger's must not name: a subtitle file outside the folder of the video."""
    if not Path(path).is_absolute() and ".." not in Path(path).parts:
        return None
    hint = "in a watched folder, name a file that lies beside the videos or below them"
    return Finding("preset.outside_path", f"{path} lies elsewhere", hint, where)


def locate(preset: Preset, source: Path) -> tuple[Path | None, list[Finding]]:
    """The subtitle file that a preset burns in, and what is wrong with it. Relative paths start beside the video."""
    if preset.subtitle_burn_path is None:
        return None, []
    path = source.parent / preset.subtitle_burn_path
    # What lies beside the video may be a stranger's: a link there leads nowhere.
    wrong = _problem(path, follow=Path(preset.subtitle_burn_path).is_absolute())
    return (None, [wrong]) if wrong else (path, [])


def demuxer(path: Path) -> str | None:
    """Ffmpeg's name of the subtitle format that a file's ending stands for."""
    return DEMUXERS.get(path.suffix.lower())


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


def _problem(path: Path, *, follow: bool) -> Finding | None:
    key = "subtitle_burn_path"
    if demuxer(path) is None:
        return Finding("subtitle.burn_kind", f"{path.name} is no subtitle file", f"use {', '.join(DEMUXERS)}", key)
    try:
        found = path.stat(follow_symlinks=follow)
        readable = stat.S_ISREG(found.st_mode) and 0 < found.st_size <= _MAX_BYTES
        text = path.read_bytes() if readable else b""
    except OSError as error:
        hint = "paths start beside the preset, then beside the video; or name it in full"
        return Finding("subtitle.burn_missing", f"{path} cannot be read: {error.strerror}", hint, key)
    if not text:
        message = f"{path} is empty, too large or no plain file"
        return Finding("subtitle.burn_kind", message, "name a subtitle file", key)
    if not text.startswith((b"\xff\xfe", b"\xfe\xff")) and not _is_utf8(text):
        return Finding("subtitle.burn_encoding", f"{path.name} is not Unicode text", "save it as UTF-8", key)
    return None


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
