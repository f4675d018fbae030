"""Polls an output folder, as an impatient user would, and remembers what each name held first."""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path
from typing import Self

SIDECAR = ".progress.json"
_PAUSE = 0.005  # seconds between two polls


class Watcher:
    """Records what each name in a folder held when it first appeared, and sidecars that were not JSON."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watcher", daemon=True)
        self._times: dict[str, int] = {}
        self.first: dict[str, str] = {}  # final name -> digest when it first appeared
        self.torn: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.wait(_PAUSE):
            try:
                names = [path.name for path in self._folder.iterdir()]
            except OSError:  # not created yet, or its disk is unplugged
                continue
            for name in names:
                self._check(name)

    def _check(self, name: str) -> None:
        path = self._folder / name
        try:
            if name.endswith(SIDECAR):
                self._parse(path)
            elif not name.startswith(".") and name not in self.first:
                self.first[name] = hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
        except OSError:  # it vanished between two polls, or its disk did
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
