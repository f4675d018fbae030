"""Choose events or polling for a folder, from its setting, its file system and a self-test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from framewatch.domain import Record
from framewatch.intake.fs_events import EventSource
from framewatch.settings import FolderSettings
from framewatch.storage.filesystem_type import filesystem_type, gives_events
from framewatch.storage.root import Root


class WatchMode(NamedTuple):
    """How changes in a folder are detected."""

    mode: Literal["events", "poll"]
    reason: str
    local: bool  # whether this kernel sees every writer of the file system
    source: EventSource | None  # open in mode "events", else None


def choose_mode(folder: FolderSettings, root: Root, on_change: Callable[[str], None]) -> WatchMode:
    """Choose how to watch a folder, and open the event source if it is used.

    Args:
        folder: the settings.
        root: its input.
        on_change: called by `EventSource` with each changed path.

    Raises:
        StorageError: the folder cannot be opened.
    """
    fstype = filesystem_type(root.real_path())
    local = fstype is not None and gives_events(fstype)
    if refusal := why_poll(folder.watch, fstype):
        return WatchMode("poll", refusal, local, None)
    tests = not folder.keeps_sources  # then nothing is written to the input: scans alone tell whether events arrive
    source = EventSource(root, recursive=folder.recursive, on_change=on_change, self_test=tests)
    if problem := source.open():
        return WatchMode("poll", problem, local, None)
    tested = "the self-test passed" if tests else "there was no self-test"
    return WatchMode("events", f"{tested} on {fstype or 'this file system'}", local, source)


def why_poll(setting: Literal["auto", "events", "poll"], fstype: str | None) -> str | None:
    """Return the reason not to try events; None if they are worth trying. Pure."""
    if setting == "poll":
        return "`watch: poll` is set"
    if setting == "auto" and not gives_events(fstype):
        return f"{fstype} does not report changes made by other machines"
    return None


ModeName = Literal["starting", "events", "poll"]


class FolderHealth(Record):
    """The state of one watch folder."""

    folder: str
    mode: ModeName
    reason: str = ""  # for this mode
    state: Literal["ok", "unavailable", "failed"]  # failed: because of a defect of framewatch
    problem: str = ""  # why the state is not ok, or what will make its files fail
    code: str = ""  # of the problem
    hint: str = ""  # what to do about it
    last_scan: float | None = None  # Unix time of the end of the last whole scan
    scan_seconds: float = 0.0  # duration of that scan
    examples: tuple[str, ...] = ()  # some of the files that are waited for, below the input
    waiting: int = 0  # files that are not settled yet, or were refused
    busy: int = 0  # those of them that a program has open for writing
    other_kinds: int = 0  # files that are left alone, since they are not of the preset's kind
    excluded: int = 0  # files that the folder's settings leave out
    empty: int = 0  # empty files, which are left alone
    late_companions: int = 0  # subtitles and the like that came after their video was moved
    ignored: int = 0  # entries that the rules ignored in the last scan
    odd: int = 0  # links, FIFOs, sockets, devices, too deep folders in the last scan
    unreadable: int = 0  # subfolders that the last scan could not read
    not_read: int = 0  # subfolders that are not read, since the folder is not recursive
    unused_presets: int = 0  # preset files in subfolders, where they have no effect
