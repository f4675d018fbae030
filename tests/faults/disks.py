"""Disks that can be filled, made read-only or unplugged while the daemon runs, and keep their content."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import mounts

AddDisk = Callable[[str], "Disk"]  # puts a folder on a disk of its own

_BLOCK = 4096


class Disk:
    """A small file system mounted at `place`. Its content is there again when it is plugged in again."""

    def __init__(self, place: Path, megabytes: float = 8) -> None:
        """Mount it. `place` is created, or is an empty folder."""
        self.place = place
        self._home = place.parent / f"disk-of-{place.name}"  # holds the content while nothing is mounted at `place`
        place.mkdir(parents=True, exist_ok=True)
        mounts.mount(self._home, megabytes)
        self.plug()

    def plug(self) -> None:
        """Mount it at its place."""
        _mount("--bind", self._home, self.place)

    def pull(self) -> None:
        """Unmount it, even while it is in use."""
        mounts.unmount(self.place)

    def read_only(self, wanted: bool) -> None:
        """Make it read-only like a disk with errors, whatever is open on it: a second mount hides the first."""
        if wanted:
            _mount("--bind", "-o", "ro", self._home, self.place)
        else:
            mounts.unmount(self.place)

    def fill(self) -> None:
        """Use all of its blocks."""
        ballast = os.open(self._home / ".ballast", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            while True:
                os.write(ballast, bytes(_BLOCK))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        finally:
            os.close(ballast)

    def free(self) -> None:
        """Free the blocks again."""
        (self._home / ".ballast").unlink()

    def close(self) -> None:
        """Unmount everything; processes that still use it keep it until they close it."""
        self.pull()
        mounts.unmount(self._home)


def _mount(*args: str | Path) -> None:
    subprocess.run(["mount", *args], check=True)
