"""Divides a GPU among jobs by the memory that they need, across all framewatch processes of a user on one host.

Each gigabyte of the device, and each slot, is a lock file. Whoever holds a file's lock (flock) has that unit. The
kernel releases locks when a process dies, so none is ever left behind. One more file is the gate: only its holder
collects units, and keeps those that it has while it waits for the rest. So no two jobs wait for each other, and a job
that needs much is not overtaken by a stream of small ones.
"""

from __future__ import annotations

import fcntl
import math
import os
import re
import stat
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from framewatch.errors import CancelledError, Finding, StorageError
from framewatch.storage.os_errors import storage_faults

POLL_SECONDS = 0.2  # between two tries of the locks that other processes hold

_OPEN = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a device that a job holds."""

    weight: int  # gigabytes
    warnings: tuple[Finding, ...] = ()


class GpuSemaphore:
    """The shares of one device, for several threads; within a process the first to come is the first served."""

    def __init__(self, device: str, capacity_gb: float, slots: int, lock_dir: Path) -> None:
        """Create the lock folder where it is missing.

        Args:
            device: its name, which names the lock files.
            capacity_gb: memory; it counts in whole gigabytes, at least one.
            slots: how many jobs may hold shares at once.
            lock_dir: the folder of lock files, created with mode 0700. It must belong to this user or to root, and
                nobody else may create files in it unless its sticky bit is set.

        Raises:
            StorageError: `storage.unsafe` where others could tamper with the locks; or the folder cannot be used.
        """
        self.capacity = max(1, math.floor(capacity_gb))
        self.slots = max(1, slots)
        self._device = device
        self._name = re.sub(r"[^A-Za-z0-9._-]+", "_", device) or "gpu"
        self._lock_dir = lock_dir
        self._waiting: deque[object] = deque()
        self._released = threading.Condition()
        os.close(self._open_dir())

    def is_usable(self) -> bool:
        """Return whether the folder of lock files is still there and safe: another user may have taken its name."""
        try:
            os.close(self._open_dir())
        except StorageError:
            return False
        return True

    @contextmanager
    def acquire(self, weight: float, cancel: threading.Event) -> Iterator[Share]:
        """Wait for `weight` gigabytes and a slot, and hold them while the block runs.

        A need above the capacity takes the whole device; the share then has a warning.

        Raises:
            CancelledError: `cancel` was set while waiting.
            StorageError: the lock files cannot be used.
        """
        share = self._share(weight)
        held = self._collect_locks(share.weight, cancel)
        try:
            yield share
        finally:
            _release(held)
            with self._released:
                self._released.notify_all()

    def _share(self, weight: float) -> Share:
        wanted = max(0, math.ceil(weight))
        if wanted <= self.capacity:
            return Share(wanted)
        message = f"this job needs about {wanted} GB on {self._device}, which has {self.capacity} GB"
        hint = "use esrgan-2x, a lower source resolution, or a larger GPU"
        return Share(self.capacity, (Finding("gpu.need_above_capacity", message, hint),))

    def _collect_locks(self, weight: int, cancel: threading.Event) -> list[int]:
        """Return the descriptors of the locks of one slot and `weight` gigabytes."""
        slots = [f"slot-{number:03}" for number in range(self.slots)]
        units = [f"gb-{number:03}" for number in range(self.capacity)]
        held: list[int] = []
        gate: list[int] = []
        try:
            with self._first_in_queue(cancel):
                self._acquire_any(["gate"], 1, gate, cancel)
                self._acquire_any(slots, 1, held, cancel)
                self._acquire_any(units, weight, held, cancel)
        except BaseException:
            _release(held)
            raise
        finally:
            _release(gate)
        return held

    @contextmanager
    def _first_in_queue(self, cancel: threading.Event) -> Iterator[None]:
        """Wait until this thread is the first of those that wait in this process."""
        ticket = object()
        with self._released:
            self._waiting.append(ticket)
        try:
            while self._waiting[0] is not ticket:
                self._wait(cancel)
            yield
        finally:
            with self._released:
                self._waiting.remove(ticket)
                self._released.notify_all()

    def _acquire_any(self, names: list[str], count: int, held: list[int], cancel: threading.Event) -> None:
        """Add the locks of `count` of these files to `held` as they become free."""
        goal = len(held) + count
        while len(held) < goal:
            for name in names:
                lock = self._try_lock(name) if len(held) < goal else None
                held += [] if lock is None else [lock]
            if len(held) < goal:
                self._wait(cancel)

    def _wait(self, cancel: threading.Event) -> None:
        """Wait until a share is released in this process, or until it is time to try the others' locks again."""
        if cancel.is_set():
            raise CancelledError(f"stopped while waiting for {self._device}")
        with self._released:
            self._released.wait(POLL_SECONDS)

    def _try_lock(self, name: str) -> int | None:
        """Return a descriptor that holds the file's lock; None where another process holds it."""
        path = self._lock_dir / f"{self._name}.{name}.lock"
        with storage_faults(path):
            folder = self._open_dir()
            try:
                lock = os.open(path.name, _OPEN, 0o600, dir_fd=folder)
            finally:
                os.close(folder)
            try:
                if stat.S_ISREG(os.fstat(lock).st_mode):
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return lock
            except BlockingIOError:
                os.close(lock)
                return None
            os.close(lock)
        raise _unsafe(path)

    def _open_dir(self) -> int:
        with storage_faults(self._lock_dir):
            self._lock_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder = os.open(self._lock_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        status = os.fstat(folder)
        open_to_others = status.st_mode & 0o022 and not status.st_mode & stat.S_ISVTX
        if status.st_uid not in (os.geteuid(), 0) or open_to_others:
            os.close(folder)
            raise _unsafe(self._lock_dir)
        return folder


def _release(locks: list[int]) -> None:
    for lock in locks:
        os.close(lock)  # which releases the lock


def _unsafe(path: Path) -> StorageError:
    hint = "use a lock folder that only framewatch's user can write to"
    return StorageError(
        "other users could tamper with these locks", code="storage.unsafe", hint=hint, where=str(path)
    )
