"""Which of the files that framewatch moved to done/ or failed/ are to be deleted. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

# 2025-01-01. A clock that shows an earlier time has not been set: machines without a battery for their clock begin in
# 1970, and files that were moved then would seem to be old enough.
EARLIEST = 1_735_689_600.0


class MovedFile(NamedTuple):
    """A file that framewatch moved to done/ or failed/."""

    path: Path
    size: int  # bytes
    mtime_ns: int
    moved_at: float  # Unix time
    job_id: str


class Limit(NamedTuple):
    """How long files are kept, and how much of them."""

    seconds: float | None = None  # None: for ever
    size: int | None = None  # bytes; None: without a bound

    @property
    def is_set(self) -> bool:
        """Whether anything is ever deleted."""
        return self.seconds is not None or self.size is not None


def to_delete(files: Sequence[MovedFile], limit: Limit, now: float) -> list[MovedFile]:
    """Return the files that are older than the limit and, of the others, the oldest beyond the bound."""
    by_age = sorted(files, key=lambda file: file.moved_at)
    old = [file for file in by_age if limit.seconds is not None and now - file.moved_at > limit.seconds]
    kept = by_age[len(old) :]
    total = sum(file.size for file in kept)
    while limit.size is not None and kept and total > limit.size:
        old.append(kept.pop(0))
        total -= old[-1].size
    return old


def undated(files: Sequence[MovedFile], now: float) -> list[MovedFile]:
    """Return the files whose times cannot be right, so that their age has to be counted from now on."""
    return [file for file in files if not EARLIEST <= file.moved_at <= now]
