"""File-system events through watchdog. They are hints where to look; rescans decide."""

from __future__ import annotations

import errno
import os
import secrets
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, AnyStr

import watchdog.events
from watchdog.events import (
    DirCreatedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from framewatch.errors import StorageError
from framewatch.storage import beneath, files
from framewatch.storage.root import Root

PROBE_PREFIX = ".framewatch-probe-"
PROBE_SECONDS = 2.0
_PROBE_FILE = "file"  # in the folder of a recursive probe

# Events that may mean a new version of a file. Reads are left out: encoders read, and so does the final check.
_WANTED: list[type[FileSystemEvent]] = [
    *(FileCreatedEvent, FileModifiedEvent, FileClosedEvent, FileMovedEvent, FileDeletedEvent),
    *(DirCreatedEvent, DirMovedEvent),
]

LIMIT_REASON = "the limit of watched folders is reached; raise fs.inotify.max_user_watches"
INSTANCE_REASON = "the limit of open files or watchers is reached; raise fs.inotify.max_user_instances"


class _OsForWatchdog:
    """`os`, but its `walk` follows no link.

    Watchdog lists each new folder by its path. A link that is put there first would make it list any folder.
    """

    @staticmethod
    def walk(top: AnyStr, **_: object) -> Iterator[tuple[AnyStr, list[AnyStr], list[AnyStr]]]:
        return beneath.walk(top)

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


for _module in (watchdog.events, sys.modules.get("watchdog.observers.inotify")):  # the second is Linux's
    if _module is not None:
        setattr(_module, "os", _OsForWatchdog())  # noqa: B010 - it is no attribute of the module, to mypy


class EventSource(FileSystemEventHandler):
    """Reports changes below one folder, on a thread of its own."""

    def __init__(
        self, root: Root, *, recursive: bool, on_change: Callable[[str], None], self_test: bool = True
    ) -> None:
        """Prepare to watch; `open` begins.

        Args:
            root: the folder. It is watched by its path without links: a watched link reports nothing.
            recursive: whether to watch subfolders, including new ones.
            on_change: called on the observer's thread with the path of each change, relative to the root.
            self_test: whether to test that events arrive, for which files are written to the folder.
        """
        self._root = root
        self._path = ""  # of the root, without links, once it is watched
        self._recursive = recursive
        self._on_change = on_change
        self._tests_itself = self_test
        self._observer: BaseObserver | None = None
        self._probed: set[str] = set()
        self._arrived = threading.Condition()

    def open(self) -> str | None:
        """Start to watch, and test that events arrive, if that is wanted. Returns the reason if they do not.

        The self-test creates a hidden folder with a file in it (only the file if subfolders are not watched), waits
        for their events, and removes them. It also detects that the system's limit of watches is used up somewhere in
        the tree, which watchdog does not report.

        Raises:
            StorageError: the folder cannot be opened.
        """
        # When folders are created faster than they are watched, watchdog watches one twice and only warns.
        warnings.filterwarnings("ignore", "Callback with id '.*' already exists", RuntimeWarning)
        self._path = str(self._root.real_path())
        try:
            observer = Observer()  # takes an instance of inotify, of which a user may have few
        except OSError as error:
            return _reason(error)
        try:
            observer.schedule(self, self._path, recursive=self._recursive, event_filter=_WANTED)
            observer.start()
        except OSError as error:
            _end(observer)
            return _reason(error)
        self._observer = observer
        try:
            with self._root.opened() as top:
                problem = self._tested(top) if self._tests_itself else None
        except StorageError:
            self.close()
            raise
        if problem:
            self.close()
        return problem

    def close(self) -> None:
        """Stop watching, if it was started."""
        if self._observer is not None:
            _end(self._observer)
            self._observer = None

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Report the paths of an event; called by watchdog."""
        for path in (event.src_path, event.dest_path):
            relative = self._relative(os.fsdecode(path)) if path else ""
            if relative.startswith(PROBE_PREFIX):
                with self._arrived:
                    self._probed.add(relative)
                    self._arrived.notify_all()
            elif relative:
                self._on_change(relative)

    def _relative(self, path: str) -> str:
        prefix = f"{self._path.rstrip('/')}/"
        return path[len(prefix) :] if path.startswith(prefix) else ""

    def _tested(self, top: int) -> str | None:
        _remove_leftovers(top)
        return self._self_test(top)

    def _self_test(self, top: int) -> str | None:
        name = f"{PROBE_PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
        parts = (name, _PROBE_FILE) if self._recursive else (name,)
        try:
            if self._recursive:
                os.mkdir(name, mode=0o700, dir_fd=top)
            os.close(beneath.open_beneath(top, parts, files.CREATE, 0o600))
            return self._await(name, "/".join(parts))
        except OSError as error:
            return f"the self-test of events failed: {error.strerror}"
        finally:
            _remove_probe(top, name)

    def _await(self, first: str, second: str) -> str | None:
        with self._arrived:
            if self._arrived.wait_for(lambda: {first, second} <= self._probed, PROBE_SECONDS):
                return None
            return LIMIT_REASON if first in self._probed else "no events arrive from this folder"


def _remove_leftovers(top: int) -> None:
    """Remove the test files of a daemon that died during its self-test; the names are ours alone."""
    with suppress(OSError):
        for name in os.listdir(top):
            if name.startswith(PROBE_PREFIX):
                _remove_probe(top, name)


def _remove_probe(top: int, name: str) -> None:
    """Remove a probe, a file or a folder with a file, from an open folder, as far as that is possible."""
    with suppress(OSError):
        folder = beneath.open_beneath(top, (name,), beneath.FOLDER)
        try:
            files.remove_name(folder, _PROBE_FILE)
        finally:
            os.close(folder)
        os.rmdir(name, dir_fd=top)
        return
    with suppress(OSError):
        files.remove_name(top, name)


def _end(observer: BaseObserver) -> None:
    observer.unschedule_all()
    observer.stop()
    if observer.is_alive():
        observer.join()


def _reason(error: OSError) -> str:
    reasons = {errno.ENOSPC: LIMIT_REASON, errno.EMFILE: INSTANCE_REASON}
    return reasons.get(error.errno or 0, f"events are not available: {error.strerror or error}")
