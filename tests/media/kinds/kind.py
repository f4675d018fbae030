"""A kind of media file, and how one is made."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from media_samples import PACKAGED

SECONDS = "0.8"
PICTURE = {"s": "96x64", "r": "25", "d": SECONDS}
H264 = "-c:v libx264 -preset ultrafast -bf 2 -g 10 -pix_fmt yuv420p"

Step = str | Callable[[Path], None]
"""Arguments of the packaged ffmpeg, whose last word is what is written; or a function that works in a folder.

In arguments, `@v` stands for a test pattern, `@v:s=64x48:r=50` for one with other values, `@vi` for an interlaced one,
`@a:5.1:44100` for a tone in each channel of this layout at this rate, and `@h264` for fast encoding.
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file."""

    name: str  # of the file
    what: str
    steps: tuple[Step, ...]
    quick: bool = False  # it is one of those that every test run tries
    sound_only: bool = False

    def make(self, folder: Path) -> Path:
        """Make the file in a folder of its own below `folder`; returns its path."""
        place = folder / self.name.replace(".", "-")
        place.mkdir(parents=True, exist_ok=True)
        for step in self.steps:
            if callable(step):
                step(place)
            else:
                run_ffmpeg(arguments(step), place)
        path = place / self.name
        assert path.stat().st_size, self.name
        return path

    def recipe(self) -> str:
        """Return how it is made, for a document."""
        return "; ".join(_shown(step) for step in self.steps)


def kind(name: str, what: str, *steps: Step, quick: bool = False, sound_only: bool = False) -> Kind:
    """Return a kind; where the last step is a command, the name of the file is added to it."""
    *first, last = steps
    if isinstance(last, str):
        last = f"{last} {name}"
    return Kind(name, what, (*first, last), quick, sound_only)


def run_ffmpeg(args: Sequence[str], folder: Path) -> None:
    """Run the packaged ffmpeg in a folder."""
    command = [str(PACKAGED), "-nostdin", "-hide_banner", "-v", "error", "-y", *args]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, f"{shlex.join(args)}: {done.stderr.decode(errors='replace')[-800:]}"


def arguments(step: str) -> list[str]:
    """Return the arguments that a step stands for."""
    return [word for part in shlex.split(step) for word in _expanded(part)]


def _expanded(word: str) -> Iterator[str]:
    name, colon, rest = (
        re.fullmatch(r"(@?\w*)([:,]?)(.*)", word, re.DOTALL).groups() if word[0] == "@" else ("", "", "")
    )
    if name in ("@v", "@vi"):
        values = rest if colon == ":" else f",{rest}"
        yield from ("-f", "lavfi", "-i", _pattern(values.rstrip(","), interlaced=name == "@vi"))
    elif name == "@a":
        layout, _, rate = rest.partition(":")
        yield from ("-f", "lavfi", "-i", tone(layout or "mono", rate or "48000"))
    elif word == "@h264":
        yield from H264.split()
    else:
        yield word


def _pattern(values: str, *, interlaced: bool) -> str:
    source, _, filters = values.partition(",")
    given = PICTURE | dict(each.split("=", 1) for each in source.split(":") if each)
    if interlaced:
        given["r"] = str(int(given["r"]) * 2)
        filters = f"tinterlace=interleave_top,fieldorder=tff{',' if filters else ''}{filters}"
    made = ":".join(f"{key}={value}" for key, value in given.items())
    return f"testsrc2={made}{',' if filters else ''}{filters}"


CHANNELS = {
    "mono": 1, "FL": 1, "stereo": 2, "2.1": 3, "3.0": 3, "3.0(back)": 3, "3.1": 4, "4.0": 4, "quad": 4, "quad(side)": 4,
    "4.1": 5, "5.0": 5, "5.0(side)": 5, "5.1": 6, "5.1(side)": 6, "6.0": 6, "6.0(front)": 6, "hexagonal": 6, "6.1": 7,
    "6.1(back)": 7, "6.1(front)": 7, "7.0": 7, "7.1": 8, "7.1(wide)": 8, "7.1(wide-side)": 8, "octagonal": 8,
    "5.1.2": 8, "5.1.4": 10, "7.1.2": 10, "7.1.4": 12, "hexadecagonal": 16, "22.2": 24, "3c": 3, "6c": 6, "downmix": 2,
}  # fmt: skip


def tone(layout: str, rate: str) -> str:
    """Return a source with a tone of its own in each channel."""
    tones = "|".join(f"0.1*sin({(300 + 110 * number) * 6.2832:.0f}*t)" for number in range(CHANNELS[layout]))
    # Commas end a filter, and there are none in the expressions.
    return f"aevalsrc={tones}:c={layout}:s={rate}:d={SECONDS}"


def _shown(step: Step) -> str:
    if isinstance(step, str):
        return f"ffmpeg {step}"
    text = (step.__doc__ or step.__name__).strip().splitlines()[0].rstrip(".")
    return text[0].lower() + text[1:]
