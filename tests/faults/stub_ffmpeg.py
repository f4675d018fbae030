"""A stand-in for the ffmpeg program that runs the real one, until it is told to misbehave.

Run as a script: `stub_ffmpeg.py REAL FOLDER ARGUMENTS`. FOLDER/mode selects the behaviour. When encoding segments:

    nothing   reads every frame, writes no file, exits with 0
    half      writes half of the frames, exits with 0
    fail      reads a few frames, exits with 1
    rotten    writes every frame and overwrites a part of them with zeros, exits with 0
    hang      starts a child that sleeps, and sleeps itself

When joining them, each exiting with 0:

    silent    leaves out the audio
    unmade    writes no file
    garbage   writes a file that is not a video

FOLDER/times is how often; it is counted down.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

SLEEP = ("sleep", "3600")
_JOINING = ("silent", "unmade", "garbage")


def install(folder: Path, real: str) -> Path:
    """Create a program in `folder`, to be named in the settings."""
    folder.mkdir()
    program = folder / "ffmpeg"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{__file__}" "{real}" "{folder}" "$@"\n')
    program.chmod(0o755)
    return program


def misbehave(folder: Path, mode: str, times: int = 1_000_000) -> None:
    """Select a behaviour, and how often it is used."""
    (folder / "times").write_text(str(times))
    (folder / "mode").write_text(mode)


def _mode_for(folder: Path, arguments: list[str]) -> str:
    """Return the mode if it applies to this command and is not used up, else ""."""
    mode, times = folder / "mode", folder / "times"
    wanted = mode.read_text() if mode.exists() else ""
    left = int(times.read_text()) if times.exists() else 0
    encodes = "pipe:0" in arguments
    joins = not encodes and "-copyts" in arguments and "lavfi" not in arguments and "copy" in arguments
    if left < 1 or not (joins if wanted in _JOINING else encodes):
        return ""
    times.write_text(str(left - 1))
    return wanted


def main(real: str, folder: Path, arguments: list[str]) -> int:
    """Return the exit status, or replace this process with the real program."""
    mode = _mode_for(folder, arguments)
    if mode == "nothing":
        return _read_all(0)
    if mode == "fail":
        sys.stdin.buffer.read(100_000)
        sys.stderr.write("[error] the encoder failed on purpose\n")
        return 1
    if mode == "half":
        return _half(real, arguments)
    if mode == "rotten":
        return _rotten(real, arguments)
    if mode == "hang":
        subprocess.Popen(SLEEP)
        time.sleep(3600)
    if mode == "unmade":
        return 0
    if mode == "garbage":
        return _garbage(Path(arguments[-1].removeprefix("file:")))
    if mode == "silent":
        arguments = [*arguments[:-2], "-an", *arguments[-2:]]
    return os.execv(real, [real, *arguments])  # noqa: S606 - no shell is needed


def _read_all(status: int) -> int:
    while sys.stdin.buffer.read(1 << 16):
        pass
    return status


def _garbage(path: Path) -> int:
    path.write_bytes(bytes(range(256)) * 64)
    return 0


def _rotten(real: str, arguments: list[str]) -> int:
    """Damage frames but not the index, so that all packets are found."""
    status = subprocess.run([real, *arguments], check=False).returncode
    path = Path(arguments[-1].removeprefix("file:"))
    whole = bytearray(path.read_bytes())
    begin = whole.index(b"mdat") + 1000
    whole[begin : begin + 400] = bytes(400)
    path.write_bytes(whole)
    return status


def _half(real: str, arguments: list[str]) -> int:
    """Pass the first half of the input to the real encoder, and drop the rest."""
    frames = sys.stdin.buffer.read()
    width, height = map(int, arguments[arguments.index("-video_size") + 1].split("x"))
    count = len(frames) // (3 * width * height) // 2
    return subprocess.run([real, *arguments], input=frames[: count * 3 * width * height], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:]))
