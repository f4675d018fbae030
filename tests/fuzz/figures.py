"""What was fuzzed and what came of it, for the terminal and for docs/faults.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from report import FUZZING

PROPERTY = "fuzzed"

_HEAD = f"""\
{FUZZING}

`make fuzz` gives mutated files and presets to real workers and to the installed command. It wrote this section on
{{date}} (UTC).

There was no traceback and no hang. No process used more memory than it may. After each job, the source is, byte for
byte, in watch, done or failed. No work folder and no process is left. The inputs are numbered from {{first}}, and a
number always makes the same input.

| input | how many | what came of it | slowest | most memory of a process |
|---|---|---|---|---|
"""


class Line(NamedTuple):
    """A part of one kind of input."""

    kind: str
    outcomes: dict[str, int]  # error code, or what was done, and how often
    seconds: float  # for the slowest input
    memory: int  # bytes


class Fuzzed(Protocol):
    """How a test reports what it has fuzzed."""

    def __call__(self, kind: str, outcomes: dict[str, int], seconds: float, memory: int) -> None: ...


LINES: list[Line] = []


def add(noted: Iterable[Sequence[Any]]) -> None:
    """Add what a test reported."""
    LINES.extend(Line(*each) for each in noted)


def rows() -> list[str]:
    """Return one row of the table for each kind of input."""
    return [
        _row(kind, [line for line in LINES if line.kind == kind]) for kind in sorted({line.kind for line in LINES})
    ]


def _row(kind: str, lines: Sequence[Line]) -> str:
    outcomes = sum((Counter(line.outcomes) for line in lines), Counter[str]())
    counts = ", ".join(f"{count:,} {name}" for name, count in outcomes.most_common())
    seconds, memory = max(line.seconds for line in lines), max(line.memory for line in lines)
    return f"| {kind} | {outcomes.total():,} | {counts} | {seconds:.1f} s | {memory >> 20:,} MiB |"


def write_section(page: Path, first: int) -> None:
    """Put the section at the end of a page, in the place of an earlier one."""
    section = _HEAD.format(date=datetime.now(UTC).date().isoformat(), first=first) + "\n".join(rows()) + "\n"
    before = page.read_text().partition(FUZZING)[0].rstrip() if page.exists() else "# Faults survived"
    page.write_text(f"{before}\n\n{section}")
