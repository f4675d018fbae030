"""A second process that exchanges pairs of names in a loop, as whoever can write to a share may do.

Each exchange is one system call, so at any time both names exist, and each leads to one of the two files.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_AT_FDCWD = -100  # of linux/fcntl.h
_SWAP = 2  # RENAME_EXCHANGE of linux/fs.h, and RENAME_SWAP of macOS's sys/stdio.h
_RETRY_SECONDS = 0.0005  # after a name was missing: the daemon has moved a file away

Pair = tuple[Path, Path]


class Exchanger:
    """A running process that exchanges names."""

    def __init__(self, pairs: Sequence[Pair], pause: float = 0.0) -> None:
        """Start it; `pause` is the seconds between two rounds over all pairs."""
        names = [os.fspath(name) for pair in pairs for name in pair]
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(pause), *names], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "started\n"

    def stop(self) -> int:
        """End it; returns the number of exchanges."""
        self._process.send_signal(signal.SIGTERM)
        return int(self._process.communicate(timeout=30)[0])

    def kill(self) -> None:
        """End it, whatever it is doing."""
        self._process.kill()
        self._process.communicate()


@contextmanager
def exchanging(pairs: Sequence[Pair], pause: float = 0.0) -> Iterator[Exchanger]:
    """Exchange the names of each pair while the block runs."""
    exchanger = Exchanger(pairs, pause)
    try:
        yield exchanger
    finally:
        exchanger.kill()


def exchange(one: Path | str, other: Path | str) -> None:
    """Exchange two names in one step.

    Raises:
        OSError: it failed; ENOENT if one of them is missing.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    first, second = os.fsencode(one), os.fsencode(other)
    if sys.platform == "darwin":
        failed = libc.renamex_np(first, second, _SWAP)
    else:
        failed = libc.renameat2(_AT_FDCWD, first, _AT_FDCWD, second, _SWAP)
    if failed:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), os.fspath(one))


def _main(pause: float, names: list[str]) -> None:
    """Exchange until SIGTERM comes, and then until each name is where it was."""
    ending: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: ending.append(number))
    pairs = list(zip(names[::2], names[1::2], strict=True))
    counts = dict.fromkeys(pairs, 0)
    print("started", flush=True)  # noqa: T201 - a program
    while not ending:
        for pair in pairs:
            try:
                exchange(*pair)
                counts[pair] += 1
            except FileNotFoundError:
                time.sleep(_RETRY_SECONDS)
        if pause:
            time.sleep(pause)
    for pair, count in counts.items():
        if count % 2:
            with suppress(FileNotFoundError):
                exchange(*pair)
    print(sum(counts.values()), flush=True)  # noqa: T201


if __name__ == "__main__":
    _main(float(sys.argv[1]), sys.argv[2:])
