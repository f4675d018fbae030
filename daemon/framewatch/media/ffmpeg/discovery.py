"""Finds ffmpeg, and what it can do on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import imageio_ffmpeg

from framewatch.errors import ConfigError
from framewatch.media.containers import CodecSet, rules
from framewatch.user_folders import expanded

NamedProgram = Path | Literal["system"]
"""An ffmpeg that a user names: by its path, or the one on PATH."""

_TIMEOUT_SECONDS = 30  # a listing takes no time; a graphics driver that hangs must not block the daemon


class FileVersion(NamedTuple):
    """What tells a program from the one that takes its place."""

    mtime_ns: int
    size: int


def find_ffmpeg(named: NamedProgram | None) -> Path:
    """Return the ffmpeg that is named or, by default, the one in the imageio-ffmpeg package.

    Raises:
        ConfigError: it is not there.
    """
    if named is None:
        return _packaged()
    if named == "system":
        on_path = shutil.which("ffmpeg")
        if on_path is None:
            hint = "install ffmpeg, or remove the setting to use the packaged one"
            raise ConfigError("there is no ffmpeg on PATH", code="ffmpeg.missing", hint=hint)
        return Path(on_path).absolute()
    path = find_program(named)
    if path is None:
        hint = "name another program, or remove the setting to use the packaged one"
        raise ConfigError("this is not a program", code="ffmpeg.missing", hint=hint, where=str(named))
    return path


def program_named(text: str) -> NamedProgram:
    """Return the program that a user names with this word: `system`, or a path."""
    return "system" if text == "system" else Path(text)


def find_program(named: Path) -> Path | None:
    """Find a program by its path, or by its name on PATH; None if there is none.

    A name alone may also be a file in the current directory, since `Path` drops a leading "./".
    """
    named = expanded(named) or named
    found = shutil.which(named) or shutil.which(named.absolute())
    return Path(found).absolute() if found else None


def version(ffmpeg: Path) -> str:
    """Return the version that the program states, such as "7.1.1".

    Raises:
        ConfigError: it does not run.
    """
    words = output_of(ffmpeg, "-version").split()
    return words[2] if words[:2] == ["ffmpeg", "version"] else "unknown"


def file_version(program: Path) -> FileVersion:
    """Return the version of a program's file.

    Raises:
        ConfigError: it is not there.
    """
    try:
        found = program.stat()
    except OSError as error:
        raise _missing(program, error.strerror or "") from None
    return FileVersion(found.st_mtime_ns, found.st_size)


def output_of(ffmpeg: Path, *args: str) -> str:
    """Return what the program writes to stdout with these arguments.

    Raises:
        ConfigError: it does not run.
    """
    done = run(ffmpeg, *args)
    if done.returncode:
        raise _missing(ffmpeg, f"`{' '.join(args)}` ends with status {done.returncode}")
    return done.stdout.decode("utf-8", "replace")


def run(ffmpeg: Path, *args: str) -> subprocess.CompletedProcess[bytes]:
    """Run the program to its end, and return what it said.

    Raises:
        ConfigError: it cannot be started, or hangs.
    """
    try:
        return subprocess.run(
            [os.fspath(ffmpeg), *args],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except OSError as error:
        raise _missing(ffmpeg, error.strerror or "") from None
    except subprocess.SubprocessError as error:
        raise _missing(ffmpeg, str(error)) from None


def encoders(ffmpeg: Path) -> frozenset[str]:
    """Return the encoders that work here. An encoder that needs hardware is tried, because ffmpeg lists it anyway.

    Raises:
        ConfigError: the program does not run.
    """
    return _encoders(ffmpeg, file_version(ffmpeg))


def decoded_codecs(ffmpeg: Path) -> CodecSet:
    """Return ffmpeg's names of the codecs that the program has a decoder for, such as "dvb_teletext".

    Raises:
        ConfigError: the program does not run.
    """
    return _codecs(ffmpeg, file_version(ffmpeg), "D")


def known_codecs(ffmpeg: Path) -> CodecSet:
    """Return ffmpeg's names of the codecs that the program knows, also of those that it can only copy.

    Raises:
        ConfigError: the program does not run.
    """
    return _codecs(ffmpeg, file_version(ffmpeg), "")


def hwaccels(ffmpeg: Path) -> frozenset[str]:
    """Return the hardware that the program was built to decode with, such as "cuda".

    Raises:
        ConfigError: the program does not run.
    """
    return _hwaccels(ffmpeg, file_version(ffmpeg))


@cache
def _codecs(ffmpeg: Path, _version: FileVersion, mark: str) -> CodecSet:
    """Return the codecs whose row in ffmpeg's table begins with `mark`."""
    rows = output_of(ffmpeg, "-hide_banner", "-codecs").partition("------")[2].splitlines()
    words = (row.split() for row in rows)
    return CodecSet(names=tuple(each[1] for each in words if len(each) > 1 and each[0].startswith(mark)))


@cache
def _hwaccels(ffmpeg: Path, _version: FileVersion) -> frozenset[str]:
    return frozenset(output_of(ffmpeg, "-hide_banner", "-hwaccels").split("\n")[1:])


@cache
def _encoders(ffmpeg: Path, _version: FileVersion) -> frozenset[str]:
    lines = output_of(ffmpeg, "-hide_banner", "-encoders").partition("------")[2].splitlines()
    listed = {line.split()[1] for line in lines if len(line.split()) > 1}
    hardware = {each.program for each in rules().video_encoders.values() if each.hardware}
    return frozenset(name for name in listed if name not in hardware or _can_encode(ffmpeg, name))


def _can_encode(ffmpeg: Path, encoder: str) -> bool:
    """Return whether one black frame can be encoded. 256x256 is above the minimum size of every hardware encoder."""
    source = ["-f", "lavfi", "-i", "color=black:size=256x256:rate=25", "-frames:v", "1"]
    try:
        done = run(ffmpeg, "-v", "quiet", "-nostdin", *source, "-c:v", encoder, "-f", "null", "-")
    except ConfigError:  # a driver hangs
        return False
    return done.returncode == 0


def _packaged() -> Path:
    """Return the program in the imageio-ffmpeg package.

    The package is not asked for it: it would also take another from PATH or from the environment, and does not notice
    that it was upgraded, after which its program has another name.
    """
    folder = Path(imageio_ffmpeg.__file__).with_name("binaries")
    found = [path for path in sorted(folder.glob("ffmpeg-*")) if path.is_file() and os.access(path, os.X_OK)]
    if not found:
        hint = (
            "run `pip install --force-reinstall imageio-ffmpeg`, or set `ffmpeg: system` to use the one of the system"
        )
        raise ConfigError("the packaged ffmpeg is missing", code="ffmpeg.missing", hint=hint, where=str(folder))
    return found[-1]


def _missing(ffmpeg: Path, reason: str) -> ConfigError:
    hint = "name an ffmpeg that runs, or remove the setting `ffmpeg` to use the packaged one"
    return ConfigError(f"it does not run: {reason}", code="ffmpeg.missing", hint=hint, where=str(ffmpeg))
