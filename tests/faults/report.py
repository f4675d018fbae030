"""The table of faults survived: on the terminal, and as docs/faults.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

PROPERTY = "fault"

_HEAD = """\
# Faults survived

`make faults` starts the real daemon on real videos, hurts it, and then checks by content that nothing was lost. It
wrote this page on {date} (UTC).

After each fault: every source lies, byte for byte, in exactly one of watch, done and failed. Every output was whole
when its name first appeared, and has not changed since; each of its frames is there once, in order, and so is the
sound. Nothing was processed twice. No half copy, no work folder and no process is left. Every progress file and every
line of the log is valid JSON.

| fault | what was injected | what was observed | times survived |
|---|---|---|---|
"""


class Line(NamedTuple):
    """One kind of fault."""

    fault: str
    injected: str
    observed: str
    times: int


class Survived(Protocol):
    """How a test notes what was survived."""

    def __call__(self, fault: str, injected: str, observed: str, times: int = 1) -> None: ...


LINES: list[Line] = []


def take(noted: Iterable[Sequence[Any]]) -> None:
    """Add what a test has noted."""
    LINES.extend(Line(*each) for each in noted)


def table() -> list[Line]:
    """One line a fault, in an order that does not depend on the tests'; those of one kind are counted together."""
    sums: dict[tuple[str, str, str], int] = {}
    for line in LINES:
        sums[line[:3]] = sums.get(line[:3], 0) + line.times
    return [Line(*key, times) for key, times in sorted(sums.items())]


def as_text() -> list[str]:
    """The table for a terminal."""
    width = max(len(line.fault) for line in LINES)
    return [f"{line.times:4} x  {line.fault:{width}}  {line.observed}" for line in table()]


def as_page() -> str:
    """The table as docs/faults.md."""
    rows = [f"| {line.fault} | {line.injected} | {line.observed} | {line.times} |\n" for line in table()]
    return _HEAD.format(date=datetime.now(UTC).date().isoformat()) + "".join(rows)
