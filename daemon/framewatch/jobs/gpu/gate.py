"""Asks for a share of this host's GPUs, in the name of whichever process runs a job here."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from framewatch.errors import CancelledError, Finding
from framewatch.jobs.gpu.semaphore import GpuSemaphore
from framewatch.render.tasks import DeviceReport


class HostGate:
    """The semaphores of the devices that jobs run on, each made when it is first asked for."""

    def __init__(self, slots: int, lock_dir: Path | None = None) -> None:
        """`slots`: jobs at once on each device. `lock_dir`: one for all processes of this user, unless named."""
        self._slots = slots
        self._lock_dir = lock_dir or _lock_folder()
        self._semaphores: dict[str, GpuSemaphore] = {}
        self._lock = threading.Lock()

    @contextmanager
    def hold(
        self, device: DeviceReport, gigabytes: float, stop: threading.Event, warn: Callable[[Finding], None]
    ) -> Iterator[None]:
        """Hold a share of `device` while the block runs.

        Raises:
            CancelledError: `stop` was set while waiting.
            StorageError: the lock files cannot be used.
        """
        with self._semaphore(device).acquire(gigabytes, stop) as share:
            for warning in share.warnings:
                warn(warning)
            yield

    def try_hold(
        self, device: DeviceReport, gigabytes: float, warn: Callable[[Finding], None]
    ) -> AbstractContextManager[object] | None:
        """A share of `device` that is held already, until the end of its block; None where it would be waited for.

        Raises:
            StorageError: the lock files cannot be used.
        """
        now = threading.Event()
        now.set()  # whoever would have to wait is stopped
        held = ExitStack()
        try:
            held.enter_context(self.hold(device, gigabytes, now, warn))
        except CancelledError:
            return None
        return held

    def _semaphore(self, device: DeviceReport) -> GpuSemaphore:
        with self._lock:
            if device.name not in self._semaphores:
                self._semaphores[device.name] = GpuSemaphore(
                    device.name, device.memory_gb, self._slots, self._lock_dir
                )
            return self._semaphores[device.name]


def _lock_folder() -> Path:
    """One folder for all processes of this user: /run/lock where there is one, as a service may have its own /tmp."""
    shared = Path("/run/lock")
    parent = shared if os.access(shared, os.W_OK) else Path(tempfile.gettempdir())
    return parent / f"framewatch-{os.geteuid()}"
