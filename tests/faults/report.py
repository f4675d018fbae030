"""The table of faults survived, for the terminal and for docs/faults.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

PROPERTY = "fault"
FUZZING = "## Fuzzing"

_HEAD = """\
# Faults survived

`make faults` starts the real daemon on real videos, injects faults, and checks by content that nothing was lost. It
wrote this page on {date} (UTC).

After each fault, every source is, byte for byte, in exactly one of watch, done and failed. Every output was complete
when its name first appeared and has not changed since: it has each frame once, in order, and the audio. Nothing was
processed twice. No partial copy, work folder or process is left. Every progress file and log line is valid JSON.

| fault | what was injected | what was observed | times survived |
|---|---|---|---|
"""


class Line(NamedTuple):
    """A row of the table: one kind of fault."""

    fault: str
    injected: str
    observed: str
    times: int


class Survived(Protocol):
    """How a test reports a fault that was survived."""

    def __call__(self, fault: str, injected: str, observed: str, times: int = 1) -> None: ...


LINES: list[Line] = []


def add(noted: Iterable[Sequence[Any]]) -> None:
    """Add what a test reported."""
    LINES.extend(Line(*each) for each in noted)


def table() -> list[Line]:
    """Return one line for each kind of fault, sorted, with the times added up."""
    sums: dict[tuple[str, str, str], int] = {}
    for line in LINES:
        sums[line[:3]] = sums.get(line[:3], 0) + line.times
    return [Line(*key, times) for key, times in sorted(sums.items())]


def as_text() -> list[str]:
    """Format the table for a terminal."""
    width = max(len(line.fault) for line in LINES)
    return [f"{line.times:4} x  {line.fault:{width}}  {line.observed}" for line in table()]


def write_page(page: Path) -> None:
    """Write the table as docs/faults.md; the section of `make fuzz` stays."""
    _, heading, fuzzing = page.read_text().partition(FUZZING) if page.exists() else ("", "", "")
    page.write_text(_as_page() + (f"\n{heading}{fuzzing}" if heading else ""))


def _as_page() -> str:
    rows = [f"| {line.fault} | {line.injected} | {line.observed} | {line.times} |\n" for line in table()]
    return _HEAD.format(date=datetime.now(UTC).date().isoformat()) + "".join(rows)
