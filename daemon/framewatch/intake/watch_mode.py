"""By events or by polling: chosen for each folder from its setting, its file system, and a self-test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

from framewatch.domain import Record
from framewatch.intake.fs_events import EventSource
from framewatch.settings import FolderSettings
from framewatch.storage.filesystem_type import filesystem_type, gives_events


class Mode(NamedTuple):
    """How a folder's changes are noticed."""

    mode: Literal["events", "poll"]
    reason: str
    local: bool  # on a file system of which this kernel sees every writer
    source: EventSource | None  # open, in mode events


def choose_mode(folder: FolderSettings, on_touch: Callable[[str], None]) -> Mode:
    """Choose, and open the source of events where it is `events`.

    Args:
        folder: with absolute paths.
        on_touch: as `EventSource` calls it.
    """
    fstype = filesystem_type(folder.input)
    local = bool(fstype) and gives_events(fstype)
    if refusal := why_poll(folder.watch, fstype):
        return Mode("poll", refusal, local, None)
    source = EventSource(Path(folder.input), recursive=folder.recursive, on_touch=on_touch)
    if problem := source.open():
        return Mode("poll", problem, local, None)
    return Mode("events", f"the self-test passed on {fstype or 'this file system'}", local, source)


def why_poll(setting: Literal["auto", "events", "poll"], fstype: str) -> str:
    """Why not even to try events; empty where they are worth a try. Pure."""
    if setting == "poll":
        return "so set"
    if setting == "auto" and not gives_events(fstype):
        return f"{fstype} does not tell of changes made elsewhere"
    return ""


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
