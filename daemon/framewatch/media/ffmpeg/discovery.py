"""Finds ffmpeg, and what it can do on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import imageio_ffmpeg

from framewatch.errors import ConfigError
from framewatch.media.containers import rules

_TIMEOUT_SECONDS = 30  # a listing takes no time; a graphics driver that hangs must not block the daemon


def find_ffmpeg(configured: Path | None) -> Path:
    """Return the ffmpeg to use: the configured one, else the one on PATH, else the one in the imageio-ffmpeg wheel.

    Raises:
        ConfigError: the configured one is not a program, or there is none at all.
    """
    if configured is not None:
        path = find_program(configured)
        if path is None:
            hint = "name another program, or remove the setting to use the installed one"
            raise ConfigError("this is not a program", code="ffmpeg.missing", hint=hint, where=str(configured))
        return path
    on_path = shutil.which("ffmpeg")
    return Path(on_path).absolute() if on_path else _bundled()


def find_program(named: Path) -> Path | None:
    """Find a program by its path, or by its name on PATH; None if there is none.

    A name alone may also be a file in the current directory, since `Path` drops a leading "./".
    """
    named = named.expanduser()
    found = shutil.which(named) or shutil.which(named.absolute())
    return Path(found).absolute() if found else None


def version(ffmpeg: Path) -> str:
    """Return the version that the program states, such as "7.1.1".

    Raises:
        ConfigError: it does not run.
    """
    words = _output(ffmpeg, "-version").split()
    return words[2] if words[:2] == ["ffmpeg", "version"] else "unknown"


def encoders(ffmpeg: Path) -> frozenset[str]:
    """Return the encoders that work here. An encoder that needs hardware is tried, because ffmpeg lists it anyway.

    Raises:
        ConfigError: the program does not run.
    """
    try:
        mtime_ns = ffmpeg.stat().st_mtime_ns
    except OSError as error:
        raise _missing(ffmpeg, error.strerror or "") from None
    return _encoders(ffmpeg, mtime_ns)


@cache
def hwaccels(ffmpeg: Path) -> frozenset[str]:
    """Return the hardware that the program was built to decode with, such as "cuda".

    Raises:
        ConfigError: the program does not run.
    """
    return frozenset(_output(ffmpeg, "-hide_banner", "-hwaccels").split("\n")[1:])


@cache
def _encoders(ffmpeg: Path, _mtime_ns: int) -> frozenset[str]:
    """The modification time is in the cache key, so that a replaced program is asked again."""
    lines = _output(ffmpeg, "-hide_banner", "-encoders").partition("------")[2].splitlines()
    listed = {line.split()[1] for line in lines if len(line.split()) > 1}
    hardware = {each.program for each in rules().video_encoders.values() if each.hardware}
    return frozenset(name for name in listed if name not in hardware or _can_encode(ffmpeg, name))


def _can_encode(ffmpeg: Path, encoder: str) -> bool:
    """Return whether one black frame can be encoded. 256x256 is above the minimum size of every hardware encoder."""
    source = ["-f", "lavfi", "-i", "color=black:size=256x256:rate=25", "-frames:v", "1"]
    try:
        done = subprocess.run(
            [os.fspath(ffmpeg), "-v", "quiet", "-nostdin", *source, "-c:v", encoder, "-f", "null", "-"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _output(ffmpeg: Path, *args: str) -> str:
    try:
        done = subprocess.run(
            [os.fspath(ffmpeg), *args],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_SECONDS,
            check=True,
        )
    except OSError as error:
        raise _missing(ffmpeg, error.strerror or "") from None
    except subprocess.SubprocessError as error:
        raise _missing(ffmpeg, str(error)) from None
    return done.stdout.decode("utf-8", "replace")


def _bundled() -> Path:
    try:
        return Path(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError:
        hint = "install ffmpeg, or set its path in the configuration"
        raise ConfigError("there is no ffmpeg", code="ffmpeg.missing", hint=hint) from None


def _missing(ffmpeg: Path, reason: str) -> ConfigError:
    hint = "set the path of an ffmpeg that runs in the configuration"
    return ConfigError(f"it does not run: {reason}", code="ffmpeg.missing", hint=hint, where=str(ffmpeg))
