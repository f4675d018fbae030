"""Finds out by a trial whether an ffmpeg can do what every job needs, before any work is done with it.

A version number would not tell: distributions patch their packages, and builds are named after commits.
"""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import NamedTuple

from framewatch.errors import ConfigError
from framewatch.media.containers import CodecSet
from framewatch.media.ffmpeg.discovery import (
    FileVersion,
    NamedProgram,
    decoded_codecs,
    encoders,
    file_version,
    find_ffmpeg,
    hwaccels,
    known_codecs,
    run,
    version,
)

OLDEST = "5.1"  # the first release with all options of the trial: -fps_mode is from 5.1, -movie_timescale from 5.0

_PACKETS, _SAMPLES, _RATE = 5, 1024, 48_000
_CLOCK = 1000  # ticks per second in Matroska, the container of the trial
_ERROR = "16"  # ffmpeg's level of messages that are always shown
_TIME = re.compile(r"(?:^|\] )(\d+\.\d+)$", re.MULTILINE)  # later versions say first who prints
_UNKNOWN_OPTION = re.compile(r"^.*(?:Unrecognized option|Option .* not found|No such filter).*$", re.MULTILINE)


class Ffmpeg(NamedTuple):
    """An ffmpeg that can do what framewatch needs, and what else it can do on this machine."""

    path: Path
    encoders: frozenset[str]
    hwaccels: frozenset[str]
    decoded: CodecSet
    known: CodecSet


def able_ffmpeg(named: NamedProgram | None) -> Ffmpeg:
    """Return the ffmpeg to use, after a trial; a program that has not changed since is not tried again.

    Raises:
        ConfigError: it is not there, does not run, or cannot do what framewatch needs.
    """
    path = find_ffmpeg(named)
    require_able(path)
    return Ffmpeg(path, encoders(path), hwaccels(path), decoded_codecs(path), known_codecs(path))


def require_able(ffmpeg: Path) -> None:
    """Return if this ffmpeg can do what every job needs; the answer is kept until the file changes.

    Raises:
        ConfigError: `ffmpeg.missing`: it does not run. `ffmpeg.too_old`: it lacks an option. `ffmpeg.unsuitable`: it
            gives wrong times.
    """
    _try(ffmpeg, file_version(ffmpeg))


def keeps_hidden_edges(ffmpeg: Path) -> bool:
    """Return whether the program reads, applies and writes what a container says of hidden edges.

    Raises:
        ConfigError: it does not run.
    """
    return _knows_cropping(ffmpeg, file_version(ffmpeg))


def flushes_subtitles(ffmpeg: Path) -> bool:
    """Return whether the last subtitle that is encoded comes out of a bitstream filter; with 5.1 it does not.

    Raises:
        ConfigError: it does not run.
    """
    return _flushes_subtitles(ffmpeg, file_version(ffmpeg))


@cache
def _flushes_subtitles(ffmpeg: Path, _version: FileVersion) -> bool:
    text = b64encode(b"1\n00:00:00,000 --> 00:00:01,000\nword\n").decode()
    source = ["-f", "srt", "-i", f"data:text/plain;base64,{text}"]
    encoded = ["-c:s", "ass", "-bsf:s", "setts=pts=PTS", "-f", "ass", "pipe:1"]
    return b"word" in run(ffmpeg, "-hide_banner", "-nostdin", "-v", "error", *source, *encoded).stdout


@cache
def _knows_cropping(ffmpeg: Path, _version: FileVersion) -> bool:
    """All of that came with the option that switches it off, in 7.1."""
    source = ["-apply_cropping", "all", "-f", "lavfi", "-i", "color=s=16x16", "-frames:v", "1"]
    return run(ffmpeg, "-hide_banner", "-nostdin", "-v", "error", *source, "-f", "null", "-").returncode == 0


@cache
def _try(ffmpeg: Path, _version: FileVersion) -> None:
    """Copy a moment of silence into Matroska, and have a bitstream filter tell the time of each packet.

    Segments are joined with such a filter. Its times depend on when ffmpeg converts them to the container's clock,
    which later versions than 5.1 do after it; `-time_base` makes both alike. The other options are only parsed.
    """
    done = run(ffmpeg, *_trial_args())
    said = done.stderr.decode("utf-8", "replace")
    if done.returncode == 0 and _times_are_right(said):
        return
    shown = version(ffmpeg)
    if done.returncode and (found := _UNKNOWN_OPTION.search(said)):
        reason = f"this is ffmpeg {shown}, which is too old: {found[0].strip()}"
        hint = f"install ffmpeg {OLDEST} or newer, or remove the setting `ffmpeg` to use the packaged one"
        raise ConfigError(reason, code="ffmpeg.too_old", hint=hint, where=str(ffmpeg))
    what = "gives packets wrong times" if done.returncode == 0 else f"fails: {_last_line(said)}"
    hint = f"use another build, of version {OLDEST} or newer, or remove the setting `ffmpeg` to use the packaged one"
    message = f"this is ffmpeg {shown}, which cannot do what framewatch needs; a trial {what}"
    raise ConfigError(message, code="ffmpeg.unsuitable", hint=hint, where=str(ffmpeg))


def _trial_args() -> list[str]:
    source = ["-f", "lavfi", "-i", f"anullsrc=r={_RATE}:n={_SAMPLES}", "-t", f"{_PACKETS * _SAMPLES / _RATE:.6f}"]
    tell = f"setts=pts=print(PTS/{_CLOCK}\\,{_ERROR})*0+PTS"
    timed = ["-c:a", "copy", "-time_base:a:0", f"1:{_CLOCK}", "-bsf:a:0", tell]
    parsed = ["-fps_mode", "passthrough", "-movie_timescale", str(_CLOCK), "-enc_time_base", f"1:{_CLOCK}"]
    return ["-hide_banner", "-nostdin", "-v", "error", *source, *timed, *parsed, "-f", "matroska", "pipe:1"]


def _times_are_right(said: str) -> bool:
    wanted = [number * _SAMPLES / _RATE for number in range(_PACKETS)]
    times = [float(each) for each in _TIME.findall(said)]
    return len(times) == len(wanted) and all(abs(a - b) <= 1 / _CLOCK for a, b in zip(times, wanted, strict=True))


def _last_line(said: str) -> str:
    return next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "it says nothing")
