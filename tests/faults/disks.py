"""Disks that can be full, read-only or pulled out while the daemon runs, and keep what is on them."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import mounts

AddDisk = Callable[[str], "Disk"]  # puts a place of a house on a disk of its own

_BLOCK = 4096


class Disk:
    """A small file system that is mounted at `place`. What lies there comes back when it is plugged in again."""

    def __init__(self, place: Path, megabytes: float = 8) -> None:
        """`place` is made, or is an empty folder."""
        self.place = place
        self._home = place.parent / f"disk-of-{place.name}"  # holds the content while nothing is mounted at `place`
        place.mkdir(parents=True, exist_ok=True)
        mounts.mount(self._home, megabytes)
        self.plug()

    def plug(self) -> None:
        """Mount it at its place."""
        _mount("--bind", self._home, self.place)

    def pull(self) -> None:
        """Take it away, even from those who use it."""
        mounts.unmount(self.place)

    def read_only(self, wanted: bool) -> None:
        """As a disk with errors becomes by itself, whatever is open on it: a second mount of it hides the first."""
        if wanted:
            _mount("--bind", "-o", "ro", self._home, self.place)
        else:
            mounts.unmount(self.place)

    def fill(self) -> None:
        """Use up its last block."""
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
        """Make room again."""
        (self._home / ".ballast").unlink()

    def close(self) -> None:
        """Leave nothing mounted; whoever still uses it goes on until it lets go."""
        self.pull()
        mounts.unmount(self._home)


def _mount(*args: str | Path) -> None:
    subprocess.run(["mount", *args], check=True)
