"""What is paused, and why: by the user, who resumes it, or by a condition that passes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from framewatch.domain import Record
from framewatch.jobs.store.store import Store

FACT = "pauses"

PausedBy = Literal["user", "hours", "battery", "temperature"]
PauseMode = Literal["now", "after-segment", "after-job"]
"""What happens to running jobs: they stop at once, and repeat what they were in; stop after that; or go on."""


class Pause(Record):
    """A reason why no job is begun, in one folder or in all."""

    by: PausedBy
    folder: str | None = None  # None: all
    since: float  # Unix time
    why: str = ""  # for people


class Pauses:
    """All pauses but those of single jobs. The user's are kept across restarts. Safe for use from several threads."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        known = (Pause(**pause) for pause in store.get_facts().get(FACT, []))
        self._all: tuple[Pause, ...] = tuple(pause for pause in known if pause.by == "user")

    @property
    def all(self) -> tuple[Pause, ...]:
        """Every pause."""
        return self._all

    def of(self, folder: str) -> tuple[Pause, ...]:
        """Return why no job of this folder is begun; empty if nothing prevents it."""
        return tuple(pause for pause in self._all if pause.folder in (None, folder))

    def allows(self, folder: str) -> bool:
        """Return whether a job of this folder may be begun."""
        return not self.of(folder)

    def is_short(self, folder: str) -> bool:
        """Return whether it is worth to wait for the end of this folder's pauses: the machine only cools down."""
        return all(pause.by == "temperature" for pause in self.of(folder))

    def begin(self, folder: str | None) -> None:
        """Pause a folder, or all, by the user. Nothing changes if it is paused already.

        Raises:
            StorageError: the store cannot be written.
        """
        with self._lock:
            if any(pause.by == "user" and pause.folder == folder for pause in self._all):
                return
            self._keep((*self._all, Pause(by="user", folder=folder, since=self._clock())))

    def end(self, folder: str | None, *, everything: bool = False) -> None:
        """End the user's pause of a folder, or of all, or every one of the user.

        Raises:
            StorageError: the store cannot be written.
        """
        with self._lock:
            self._keep(p for p in self._all if p.by != "user" or not (everything or p.folder == folder))

    def rename_folders(self, names: Mapping[str, str]) -> None:
        """Keep the pauses of folders whose names have changed; `names` has the new names by the old ones.

        Raises:
            StorageError: the store cannot be written.
        """
        with self._lock:
            self._keep(p.evolve(folder=names.get(p.folder, p.folder)) if p.folder else p for p in self._all)

    def use_conditions(self, conditions: Iterable[Pause]) -> tuple[Pause, ...]:
        """Replace the pauses that the user did not begin; returns those that are new.

        Raises:
            StorageError: the store cannot be written.
        """
        with self._lock:
            begun = {_key(pause): pause.since for pause in self._all}
            current = [pause.evolve(since=begun.get(_key(pause), pause.since)) for pause in conditions]
            self._keep([*(pause for pause in self._all if pause.by == "user"), *current])
            return tuple(pause for pause in current if _key(pause) not in begun)

    def _keep(self, pauses: Iterable[Pause]) -> None:
        changed = tuple(pauses)
        if changed != self._all:
            self._store.set_fact(FACT, [pause.model_dump() for pause in changed])
            self._all = changed


def _key(pause: Pause) -> tuple[str, str | None]:
    return pause.by, pause.folder
