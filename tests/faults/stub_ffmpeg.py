"""A stand-in for the ffmpeg program that does what the real one does, until it is told to go wrong.

Run as a script: `stub_ffmpeg.py REAL FOLDER ARGUMENTS`. What FOLDER/mode says holds for encoding pieces:

    nothing   takes every frame, writes no file, ends with 0
    half      writes half the frames, ends with 0
    fail      takes a few frames, ends with 1
    rotten    writes every frame, and zeros over a part of them, ends with 0
    hang      starts a child that sleeps, and sleeps itself

and for joining them, which each end with 0:

    silent    leaves the sound out
    unmade    makes no file
    garbage   makes a file that is no video

FOLDER/times is how often; each is counted down.
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
    """Make a program in `folder`, to be named in the settings."""
    folder.mkdir()
    program = folder / "ffmpeg"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{__file__}" "{real}" "{folder}" "$@"\n')
    program.chmod(0o755)
    return program


def tell(folder: Path, mode: str, times: int = 1_000_000) -> None:
    """Go wrong in that way, so often."""
    (folder / "times").write_text(str(times))
    (folder / "mode").write_text(mode)


def _takes_turn(folder: Path, arguments: list[str]) -> str:
    """The mode, where it is for this command and not used up."""
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
    """Give the exit status, or become the real one."""
    mode = _takes_turn(folder, arguments)
    if mode == "nothing":
        return _swallowed(0)
    if mode == "fail":
        sys.stdin.buffer.read(100_000)
        sys.stderr.write("[error] the encoder has had enough\n")
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
    return os.execv(real, [real, *arguments])  # noqa: S606 - no shell is wanted


def _swallowed(status: int) -> int:
    while sys.stdin.buffer.read(1 << 16):
        pass
    return status


def _garbage(path: Path) -> int:
    path.write_bytes(bytes(range(256)) * 64)
    return 0


def _rotten(real: str, arguments: list[str]) -> int:
    """The index stays whole, so that all packets are there."""
    status = subprocess.run([real, *arguments], check=False).returncode
    path = Path(arguments[-1].removeprefix("file:"))
    whole = bytearray(path.read_bytes())
    begin = whole.index(b"mdat") + 1000
    whole[begin : begin + 400] = bytes(400)
    path.write_bytes(whole)
    return status


def _half(real: str, arguments: list[str]) -> int:
    """The real encoder gets the first half of what comes; the rest is taken and dropped."""
    frames = sys.stdin.buffer.read()
    width, height = map(int, arguments[arguments.index("-video_size") + 1].split("x"))
    count = len(frames) // (3 * width * height) // 2
    return subprocess.run([real, *arguments], input=frames[: count * 3 * width * height], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:]))
