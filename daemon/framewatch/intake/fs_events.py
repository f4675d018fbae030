"""Events from the operating system, through watchdog. They are hints where to look, never the truth."""

from __future__ import annotations

import errno
import os
import secrets
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

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

PROBE_PREFIX = ".framewatch-probe-"
PROBE_SECONDS = 2.0

# What may mean a new version of a file. Reading is not among them: encoders read, and so does the last look.
_WANTED: list[type[FileSystemEvent]] = [
    *(FileCreatedEvent, FileModifiedEvent, FileClosedEvent, FileMovedEvent, FileDeletedEvent),
    *(DirCreatedEvent, DirMovedEvent),
]

LIMIT_REASON = "the limit of watched folders is reached; raise fs.inotify.max_user_watches"
INSTANCE_REASON = "the limit of open files or watchers is reached; raise fs.inotify.max_user_instances"


class EventSource(FileSystemEventHandler):
    """Tells of changes below one folder, from a thread of its own."""

    def __init__(self, root: Path, *, recursive: bool, on_touch: Callable[[str], None]) -> None:
        """Prepare; nothing is watched before `open`.

        Args:
            root: the folder. Links are resolved, as a watched link would tell of nothing.
            recursive: whether to watch subfolders, new ones too.
            on_touch: called, on the observer's thread, with each path below the root that was touched.
        """
        self._root = os.path.realpath(root)
        self._recursive = recursive
        self._on_touch = on_touch
        self._observer: BaseObserver | None = None
        self._probe = ""
        self._probed: set[str] = set()
        self._heard = threading.Condition()

    def open(self) -> str:
        """Start to watch, and test that events arrive; returns why not, or nothing when they do.

        The test makes a hidden folder with a file in it (or only the file, when subfolders are not watched),
        waits for their events, and removes them. So it also notices when the system's limit of watches is
        used up somewhere in the tree, which the watching library does not tell.
        """
        # When folders are made faster than they are watched, watchdog watches one twice, warns and goes on.
        warnings.filterwarnings("ignore", "Callback with id '.*' already exists", RuntimeWarning)
        observer = Observer()
        try:
            observer.schedule(self, self._root, recursive=self._recursive, event_filter=_WANTED)
            observer.start()
        except OSError as error:
            _end(observer)
            return _reason(error)
        self._observer = observer
        _sweep(Path(self._root))
        if problem := self._self_test():
            self.close()
        return problem

    def close(self) -> None:
        """Stop to watch. Harmless when nothing is watched."""
        if self._observer is not None:
            _end(self._observer)
            self._observer = None

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Pass on the paths of an event; called by watchdog."""
        for path in (event.src_path, event.dest_path):
            relative = self._relative(os.fsdecode(path)) if path else ""
            if relative.startswith(PROBE_PREFIX):
                with self._heard:
                    self._probed.add(relative)
                    self._heard.notify_all()
            elif relative:
                self._on_touch(relative)

    def _relative(self, path: str) -> str:
        prefix = f"{self._root.rstrip('/')}/"
        return path[len(prefix) :] if path.startswith(prefix) else ""

    def _self_test(self) -> str:
        name = f"{PROBE_PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
        probe = Path(self._root, name)
        file = probe / "file" if self._recursive else probe
        try:
            if self._recursive:
                probe.mkdir(mode=0o700)
            file.touch(mode=0o600, exist_ok=False)
            return self._await(name, file.relative_to(self._root).as_posix())
        except OSError as error:
            return f"events could not be tested: {error.strerror}"
        finally:
            with suppress(OSError):
                file.unlink()
            if self._recursive:
                with suppress(OSError):
                    probe.rmdir()

    def _await(self, first: str, second: str) -> str:
        with self._heard:
            if self._heard.wait_for(lambda: {first, second} <= self._probed, PROBE_SECONDS):
                return ""
            return LIMIT_REASON if first in self._probed else "no events arrive from this folder"


def _sweep(root: Path) -> None:
    """Remove the probe of a daemon that died in the middle of its test; only ours have such names."""
    with suppress(OSError):
        for left in root.glob(f"{PROBE_PREFIX}*"):
            if left.is_dir() and not left.is_symlink():
                left.joinpath("file").unlink(missing_ok=True)
                left.rmdir()
            else:
                left.unlink()


def _end(observer: BaseObserver) -> None:
    observer.unschedule_all()
    observer.stop()
    if observer.is_alive():
        observer.join()


def _reason(error: OSError) -> str:
    reasons = {errno.ENOSPC: LIMIT_REASON, errno.EMFILE: INSTANCE_REASON}
    return reasons.get(error.errno or 0, f"events cannot be had: {error.strerror or error}")
