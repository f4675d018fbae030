"""Hands out shares of this host's GPUs to the jobs of this process."""

from __future__ import annotations

import os
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

from framewatch.errors import CancelledError, Finding, StorageError
from framewatch.jobs.gpu.semaphore import GpuSemaphore
from framewatch.render.tasks import DeviceReport
from framewatch.settings.default_places import default_folder

_SERVICE_FOLDER = Path("/run/framewatch")  # RuntimeDirectory of the systemd unit, which may not write to /run/lock


class HostGate:
    """One semaphore for each device, created when a job first asks for it."""

    def __init__(self, slots: int, lock_dir: Path | None = None, state_dir: Path | None = None) -> None:
        """Create no semaphore yet.

        Args:
            slots: how many jobs may run at once on each device.
            lock_dir: the folder of lock files; None: the one that all processes of this user share.
            state_dir: has the lock files where somebody else has taken that folder; None: the user's default.
        """
        self._slots = slots
        self._lock_dir = lock_dir or _lock_folder()
        self._own_dir = (state_dir or default_folder("state")) / "gpu-locks"
        self._semaphores: dict[str, GpuSemaphore] = {}
        self._lock = threading.Lock()

    @contextmanager
    def hold(
        self, device: DeviceReport, gigabytes: float, stop: threading.Event, warn: Callable[[Finding], None]
    ) -> Iterator[None]:
        """Wait for a share of `device`, and hold it while the block runs.

        Raises:
            CancelledError: `stop` was set while waiting.
            StorageError: the lock files cannot be used.
        """
        with self._semaphore(device, warn).acquire(gigabytes, stop) as share:
            for warning in share.warnings:
                warn(warning)
            yield

    def try_hold(
        self, device: DeviceReport, gigabytes: float, warn: Callable[[Finding], None]
    ) -> AbstractContextManager[object] | None:
        """Return a share of `device`, held until the end of its block; None where it would have to be waited for.

        Raises:
            StorageError: the lock files cannot be used.
        """
        stopped = threading.Event()
        stopped.set()  # so that the wait ends before it begins
        held = ExitStack()
        try:
            held.enter_context(self.hold(device, gigabytes, stopped, warn))
        except CancelledError:
            return None
        return held

    def _semaphore(self, device: DeviceReport, warn: Callable[[Finding], None]) -> GpuSemaphore:
        with self._lock:
            found = self._semaphores.get(device.name)
            if found is None or not found.is_usable():
                self._semaphores[device.name] = found = self._made(device, warn)
            return found

    def _made(self, device: DeviceReport, warn: Callable[[Finding], None]) -> GpuSemaphore:
        make = partial(GpuSemaphore, device.name, device.memory_gb, self._slots)
        try:
            return make(self._lock_dir)
        except StorageError as error:
            found = make(self._own_dir)
            reason = error.finding.message
            message = f"{self._lock_dir} cannot hold the GPU's locks ({reason}); those in {self._own_dir} are used"
            hint = "make it framewatch's own; until then, its other processes do not share the GPU"
            warn(Finding("gpu.locks_not_shared", message, hint))
            return found


def _lock_folder(service: Path = _SERVICE_FOLDER) -> Path:
    """Return the folder that all processes of this user share."""
    with suppress(OSError):
        status = service.lstat()
        if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid():
            return service
    # /run/lock where it is writable, since a service may have a /tmp of its own.
    shared = Path("/run/lock")
    name = f"framewatch-{os.geteuid()}"
    if os.access(shared, os.W_OK):
        return shared / name
    try:
        return Path(tempfile.gettempdir()) / name
    except FileNotFoundError:  # a read-only file system, without a place for temporary files
        return default_folder("state") / "gpu-locks"
