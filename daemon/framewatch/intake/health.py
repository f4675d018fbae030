"""What a watch folder tells of itself."""

from __future__ import annotations

from typing import Literal

from framewatch.domain import Record

WatchMode = Literal["starting", "events", "poll"]


class FolderHealth(Record):
    """How one watch folder is doing."""

    folder: str
    mode: WatchMode
    reason: str = ""  # why this mode
    state: Literal["ok", "unavailable", "failed"]  # failed: the watching thread has ended by a defect
    problem: str = ""  # why it is not ok
    last_scan: float | None = None  # Unix time at which the last whole scan ended
    scan_seconds: float = 0.0  # how long it took
    waiting: int = 0  # files that are not settled yet, or were not taken
    busy: int = 0  # of them, files that a program has open for writing
    ignored: int = 0  # names in the last scan that the rules leave alone
    odd: int = 0  # links, FIFOs, sockets, devices, too deep folders in the last scan
    unreadable: int = 0  # subfolders that the last scan could not read
