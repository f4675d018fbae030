"""Which ffmpeg there is, and what it can do on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import imageio_ffmpeg

from framewatch.errors import ConfigError
from framewatch.media.containers import rules

_SECONDS = 30  # a listing takes none; a graphics driver that hangs must not hang the daemon


def find_ffmpeg(configured: Path | None) -> Path:
    """The ffmpeg to use: the configured one, else that on PATH, else that of the imageio-ffmpeg wheel.

    Raises:
        ConfigError: the configured one is no program, or there is none at all.
    """
    if configured is not None:
        path = find_program(configured)
        if path is None:
            hint = "name another, or leave it out to use the one that is installed"
            raise ConfigError("this is not a program", code="ffmpeg.missing", hint=hint, where=str(configured))
        return path
    on_path = shutil.which("ffmpeg")
    return Path(on_path).absolute() if on_path else _bundled()


def find_program(named: Path) -> Path | None:
    """A program by its path, or by its name on PATH; None where it is none.

    A `Path` does not know a leading "./": a name alone may be a file beside which the user stands, too.
    """
    there = named.expanduser().absolute()
    found = shutil.which(named.expanduser()) or shutil.which(there)
    return Path(found).absolute() if found else None


def version(ffmpeg: Path) -> str:
    """What the program calls itself, such as "7.1.1".

    Raises:
        ConfigError: it does not run.
    """
    words = _output(ffmpeg, "-version").split()
    return words[2] if words[:2] == ["ffmpeg", "version"] else "unknown"


def encoders(ffmpeg: Path) -> frozenset[str]:
    """The encoders that work here. Those that need hardware are tried: being listed is not enough.

    Raises:
        ConfigError: the program does not run.
    """
    try:
        changed = ffmpeg.stat().st_mtime_ns
    except OSError as error:
        raise _missing(ffmpeg, error.strerror or "") from None
    return _encoders(ffmpeg, changed)


@cache
def hwaccels(ffmpeg: Path) -> frozenset[str]:
    """The hardware that the program was built to decode with, such as "cuda".

    Raises:
        ConfigError: the program does not run.
    """
    return frozenset(_output(ffmpeg, "-hide_banner", "-hwaccels").split("\n")[1:])


@cache
def _encoders(ffmpeg: Path, _changed: int) -> frozenset[str]:
    lines = _output(ffmpeg, "-hide_banner", "-encoders").partition("------")[2].splitlines()
    listed = {line.split()[1] for line in lines if len(line.split()) > 1}
    hardware = {each.program for each in rules().video_encoders.values() if each.hardware}
    return frozenset(name for name in listed if name not in hardware or _encodes(ffmpeg, name))


def _encodes(ffmpeg: Path, encoder: str) -> bool:
    """Whether one black frame goes through. 256 is above the least size of every hardware encoder."""
    argv = [
        "-v",
        "quiet",
        "-nostdin",
        "-f",
        "lavfi",
        "-i",
        "color=black:size=256x256:rate=25",
        "-frames:v",
        "1",
    ]
    try:
        done = subprocess.run(
            [os.fspath(ffmpeg), *argv, "-c:v", encoder, "-f", "null", "-"],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _output(ffmpeg: Path, *args: str) -> str:
    try:
        done = subprocess.run(
            [os.fspath(ffmpeg), *args],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=True,
        )  # fmt: skip
    except OSError as error:
        raise _missing(ffmpeg, error.strerror or "") from None
    except subprocess.SubprocessError as error:
        raise _missing(ffmpeg, str(error)) from None
    return done.stdout.decode("utf-8", "replace")


def _bundled() -> Path:
    try:
        return Path(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError:
        hint = "install ffmpeg, or name it in the settings"
        raise ConfigError("there is no ffmpeg", code="ffmpeg.missing", hint=hint) from None


def _missing(ffmpeg: Path, reason: str) -> ConfigError:
    hint = "name an ffmpeg that runs in the settings"
    return ConfigError(f"it does not run: {reason}", code="ffmpeg.missing", hint=hint, where=str(ffmpeg))
