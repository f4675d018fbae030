"""The documents about kinds of files: which there are, and what becomes of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from kinds import all_kinds
from kinds.kind import SECONDS, Kind
from ways import SOUND_WAYS, VIDEO_WAYS, Outcome

ROOT = Path(__file__).parents[2]

_LIST_HEAD = f"""# Kinds of media files

{{count}} kinds of files, each made by the command beside it, for the tests in tests/media. Their recipes are in
tests/media/kinds, from which `make media` writes this list. None comes from elsewhere: picture and sound are test
patterns of {SECONDS} s, and what no ffmpeg writes is written byte by byte.

In the commands `ffmpeg` is the packaged one, `@v` a test pattern of 96x64 at 25 frames a second, `@v:s=64x48` one
with other values, `@vi` an interlaced one, `@a:stereo:44100` a tone in each channel, and `@h264` fast H.264 with
B-frames.
"""
_HEAD = """# Compatibility

What becomes of {count} kinds of files in each way; `make media` tries all of them and writes this page. The ffmpeg
program reads what an output has, without framewatch, and it is compared with the source: streams with languages,
titles and dispositions, chapters, tags, attachments, side data, number and times of frames, length and beginning of
sound.

- **kept**: everything is there, in the codecs of the preset.
- *a code*: something is converted or left out, and the plan has this warning about it.
- **no**: refused with this code. Plain ffmpeg does not make a file of it either that can be read, or, with
  `media.unsupported`, it is a format that framewatch names and does not read.
- **!**: lost without a warning, or refused although plain ffmpeg makes it. The list at the end says what.

The ways: N is the network (with an engine that repeats pixels), T a transcode, C a copy; k is into mkv, 4 into mp4.
"""


def list_of_kinds() -> str:
    """Return the document that lists the kinds."""
    parts = [_LIST_HEAD.format(count=len(all_kinds.KINDS))]
    for title, kinds in all_kinds.GROUPS.items():
        rows = [f"| {each.name} | {each.what} | {_code(each.recipe())} |" for each in kinds]
        parts.append(
            "\n".join([f"## {title}\n", "| file | what it is | how it is made |", "|---|---|---|", *rows, ""])
        )
    return "\n".join(parts)


def compatibility(outcomes: Mapping[str, Sequence[Outcome]]) -> str:
    """Return the document with what became of each kind."""
    parts = [_HEAD.format(count=len(all_kinds.KINDS))]
    for title, kinds in all_kinds.GROUPS.items():
        for ways, chosen in ((VIDEO_WAYS, False), (SOUND_WAYS, True)):
            if rows := [_row(each, outcomes[each.name]) for each in kinds if each.sound_only == chosen]:
                parts.append("\n".join([f"## {title}{', only sound' * chosen}\n", *_header(ways), *rows, ""]))
    parts.append(_problems(outcomes))
    return "\n".join(parts)


def _header(ways: Mapping[str, object]) -> Iterator[str]:
    names = [_short(way) for way in ways]
    yield f"| file | what it is | {' | '.join(names)} | how it is made |"
    yield "|---" * (len(names) + 3) + "|"


def _short(way: str) -> str:
    mode, _, container = way.split()
    letter = {"mkv": "k", "mp4": "4"}.get(container)
    return f"{mode[0].upper()}{letter}" if letter else way


def _row(kind: Kind, outcomes: Sequence[Outcome]) -> str:
    cells = [_cell(each) for each in outcomes]
    return f"| {kind.name} | {kind.what} | {' | '.join(cells)} | {_code(kind.recipe())} |"


def _cell(outcome: Outcome) -> str:
    codes = list(dict.fromkeys(re.findall(r"\[([a-z0-9_.]+)\]$", "\n".join(outcome.warnings), re.MULTILINE)))
    mark = "**!** " if outcome.problems else ""
    if outcome.result != "kept":
        return f"{mark}**no**: {', '.join(codes) or outcome.result}"
    return f"{mark}{', '.join([*codes, *outcome.converted]) or 'kept'}"


def _problems(outcomes: Mapping[str, Sequence[Outcome]]) -> str:
    lines = [
        f"- {name}, {outcome.way}: {problem}"
        for name, found in outcomes.items()
        for outcome in found
        for problem in outcome.problems
    ]
    return "\n".join(["## Lost or refused without need\n", *(lines or ["Nothing."]), ""])


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|")
