"""Looks into an output folder all the time, as an impatient user would, and remembers what it saw first."""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path
from typing import Self

SIDECAR = ".progress.json"
_PAUSE = 0.005  # seconds between two looks


class Watcher:
    """What each name in a folder held when it was first seen, and each sidecar that was no JSON."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watcher", daemon=True)
        self._times: dict[str, int] = {}
        self.first: dict[str, str] = {}  # final name -> digest at first sight
        self.torn: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(_PAUSE):
            try:
                names = [path.name for path in self._folder.iterdir()]
            except OSError:  # not made yet, or its disk is away
                continue
            for name in names:
                self._look(name)

    def _look(self, name: str) -> None:
        path = self._folder / name
        try:
            if name.endswith(SIDECAR):
                self._parse(path)
            elif not name.startswith(".") and name not in self.first:
                self.first[name] = hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
        except OSError:  # it went between two looks, or its disk did
            return

    def _parse(self, path: Path) -> None:
        changed = path.stat().st_mtime_ns
        if self._times.get(path.name) == changed:
            return
        self._times[path.name] = changed
        text = path.read_bytes()
        try:
            json.loads(text)
        except ValueError:
            self.torn.append(f"{path.name}: {text[:80]!r}")
