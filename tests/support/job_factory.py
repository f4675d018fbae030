"""Helpers to make jobs for tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from framewatch.domain import FileIdentity, Job
from framewatch.jobs.store.store import Store

MakeJob = Callable[..., Job]


def identity_of(path: Path) -> FileIdentity:
    found = path.lstat()
    return FileIdentity(device=found.st_dev, inode=found.st_ino, size=found.st_size, mtime_ns=found.st_mtime_ns)


def unfinished(store: Store) -> list[Job]:
    """All jobs that have not ended, the oldest first."""
    return [job for job in reversed(store.find(limit=None)) if not job.state.ended]


NAMES = [
    "plain.mkv",
    "emoji 😀.mkv",
    "e\u0301 decomposed.mkv",
    "two\nlines.mkv",
    "quotes \"'.mkv",
    "-dash.mkv",
    "100%d.mkv",
    os.fsdecode(b"bytes \xff\xfe.mkv"),
    "x" * 251 + ".mkv",
]
"""File names that broke watch folders before."""
