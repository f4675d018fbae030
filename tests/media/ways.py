"""Runs a kind through each way, and asks plain ffmpeg where it is refused."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from facts import Facts, read
from framewatch.errors import FramewatchError
from framewatch.jobs.attempt.request import AttemptResult
from framewatch.media.plan.plan import MuxPlan
from full_run import process
from judge import Times, problems
from kinds.kind import Kind
from media_samples import PACKAGED

_TIMES = re.compile(r"lasts|begins at|apart|frames became|ms off|can be read")
_NUMBER = re.compile(r"-?\+?\d+(?:\.\d+)?")
_SECONDS = 60  # for plain ffmpeg
_MUXERS = {"m4a": "mp4", "mkv": "matroska"}
_ENCODED = shlex.split("-c:v libx264 -preset ultrafast -pix_fmt yuv420p -fps_mode passthrough -enc_time_base:v demux")

Keys = Mapping[str, Any]
VIDEO_WAYS: dict[str, Keys] = {
    "network to mkv": {
        "ml_upscale": "esrgan-2x", "container": "mkv", "audio_codec": "flac", "frame_timing": "preserve"
    },
    "network to mp4": {"ml_upscale": "esrgan-2x", "container": "mp4"},
    "transcode to mkv": {"container": "mkv", "frame_timing": "preserve"},
    "transcode to mp4": {"container": "mp4", "frame_timing": "preserve"},
    "copy to mkv": {"processing_mode": "copy", "container": "mkv"},
    "copy to mp4": {"processing_mode": "copy", "container": "mp4"},
}  # fmt: skip
SOUND_WAYS: dict[str, Keys] = {
    "encode to m4a": {"container": "m4a"},
    "encode to flac": {"container": "flac", "audio_codec": "flac"},
    "copy to m4a": {"processing_mode": "copy", "container": "m4a"},
}


@dataclass
class Outcome:
    """What became of a kind on one way."""

    way: str
    result: str  # kept, refused, hangs, crashes
    warnings: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    converted: list[str] = field(default_factory=list)
    seconds: float = 0.0


def try_kind(kind: Kind, folder: Path, only: str = "") -> list[Outcome]:
    """Make a file of this kind and run it through each way, or through one."""
    path = kind.make(folder)
    ways = SOUND_WAYS if kind.sound_only else VIDEO_WAYS
    sources: dict[int | None, Facts] = {}
    return [_Trial(path, way, keys, sources).outcome() for way, keys in ways.items() if only in way]


class _Trial:
    """One file on one way."""

    def __init__(self, path: Path, way: str, keys: Keys, sources: dict[int | None, Facts]) -> None:
        """`sources` keeps what was read of the file, by the number of the stream whose frames were read."""
        self._path = path
        self._way = way
        self._keys = keys
        self._sources = sources
        self._folder = path.parent / way.replace(" ", "-")

    def outcome(self) -> Outcome:
        began = time.monotonic()
        try:
            made = process(self._path, self._folder, **self._keys)
        except FramewatchError as error:
            outcome = self._refused(error)
        else:
            outcome = self._made(made)
        outcome.seconds = time.monotonic() - began
        return outcome

    def _refused(self, error: FramewatchError) -> Outcome:
        outcome = Outcome(self._way, "refused", warnings=[str(each) for each in error.findings])
        if "media.unsupported" in (each.code for each in error.findings):
            return outcome  # the file is named for what it is, and that it is not read
        if plain := self._by_plain_ffmpeg():
            codes = ", ".join(each.code for each in error.findings)
            told = error.findings[0].message
            outcome.problems = [f"refused ({codes}), and plain ffmpeg makes it with {plain}: {told}"]
        return outcome

    def _made(self, made: AttemptResult) -> Outcome:
        rows = made.plan.streams if isinstance(made.plan, MuxPlan) else ()
        main = next((row.index for row in rows if row.kind == "video" and row.action != "drop"), None)
        if main not in self._sources:
            self._sources[main] = read(self._path, main)
        source = self._sources[main]
        times = Times(
            constant_rate="preserve" not in self._keys.values() and "copy" not in self._keys.values(),
            unknown="-bframes.avi" in self._path.name,  # docs/decisions/0005 says which times these get
        )
        found = problems(source, read(made.result), made.warnings, main, times)
        if any(map(_TIMES.search, found)) and self._by_plain_ffmpeg():
            theirs = problems(source, read(self._folder / "plain"), made.warnings, main, times)
            found = [each for each in found if not _same_times(each, theirs)]
        texts = sorted({f"{row.codec} to {row.codec_out}" for row in rows if row.kind == "subtitle" and row.encoder})
        return Outcome(self._way, "kept", [str(each) for each in made.warnings], found, texts)

    def _by_plain_ffmpeg(self) -> str:
        """Return with which arguments plain ffmpeg makes this output, or "" where it cannot."""
        copies, sound_only = "copy" in self._keys.values(), self._way in SOUND_WAYS
        encoded = [*(() if sound_only else _ENCODED), "-c:a", self._keys.get("audio_codec", "aac")]
        chosen = ["-map", "0:a:0"] if sound_only else ["-map", "0:V:0", "-map", "0:a?"]
        args = [*chosen, *(["-c", "copy"] if copies else encoded)]
        out, muxer = self._folder / "plain", _MUXERS.get(self._keys["container"], self._keys["container"])
        self._folder.mkdir(exist_ok=True)
        command = [PACKAGED, "-nostdin", "-v", "error", "-y", "-i", self._path, *args, "-f", muxer, out]
        done = subprocess.run(command, capture_output=True, check=False, timeout=_SECONDS)
        if done.returncode or not out.exists():
            return ""
        there = read(out)
        if copies and not sound_only and _pictures(out) != _pictures(self._path):
            return ""  # such as a palette that the container has no place for
        return " ".join(args) if (there.of("audio") if sound_only else there.frames) else ""


def _pictures(path: Path) -> bytes:
    """Return a checksum of what a video shows, whatever the times of its frames."""
    shown = ["-map", "0:V:0", "-fps_mode", "passthrough", "-pix_fmt", "rgb24", "-f", "md5", "-"]
    command = [PACKAGED, "-nostdin", "-v", "error", "-i", path, *shown]
    return subprocess.run(command, capture_output=True, check=False, timeout=_SECONDS).stdout


def _same_times(problem: str, theirs: list[str]) -> bool:
    """Return whether plain ffmpeg has the same times, within 1 ms: encoders of sound fill their last block."""
    if not _TIMES.search(problem):
        return False
    text, numbers = _NUMBER.sub("#", problem), [float(each) for each in _NUMBER.findall(problem)]
    slack = 1.01 if "ms" in problem else 0.00101
    return any(
        _NUMBER.sub("#", each) == text
        and all(abs(a - float(b)) <= slack for a, b in zip(numbers, _NUMBER.findall(each), strict=True))
        for each in theirs
    )


def main() -> None:
    """Print the outcomes of one kind as JSON: ways.py FOLDER NAME [WAY]."""
    from kinds.all_kinds import KINDS

    folder, name, *only = sys.argv[1:]
    kind = next(each for each in KINDS if each.name == name)
    sys.stdout.write(json.dumps([asdict(each) for each in try_kind(kind, Path(folder), *only)]))


if __name__ == "__main__":
    main()
