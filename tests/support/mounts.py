"""Small file systems for tests that need a disk to be full, or gone: real ones, mounted for a while."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from framewatch.storage.filesystem_type import mounts
from framewatch.storage.folder_places import FolderPlaces


@contextmanager
def tmpfs(path: Path, megabytes: float) -> Iterator[Path]:
    """A file system of this size at `path`, which is made if need be; it is gone afterwards, whoever still uses it.

    Raises:
        PermissionError: mounting takes root, or the root of a namespace.
    """
    mount(path, megabytes)
    try:
        yield path
    finally:
        unmount(path)


def mount(path: Path, megabytes: float) -> None:
    """Mount a new, empty file system at `path`.

    Raises:
        PermissionError: as for `tmpfs`.
    """
    if os.geteuid() != 0:
        raise PermissionError("mounting takes root: run these tests with `unshare --user --map-root-user --mount`")
    path.mkdir(parents=True, exist_ok=True)
    size = f"size={int(megabytes * 1024)}k"
    _run("mount", "-t", "tmpfs", "-o", size, "framewatch-test", os.fspath(path))


@contextmanager
def bound(path: Path, other: Path) -> Iterator[Path]:
    """The folder `path` at `other`, too, for a while."""
    other.mkdir(parents=True, exist_ok=True)
    _run("mount", "--bind", os.fspath(path), os.fspath(other))
    try:
        yield other
    finally:
        unmount(other)


@contextmanager
def viewed(path: Path, other: Path) -> Iterator[Path]:
    """The folder `path` at `other`, too, as a FUSE file system with a device number of its own."""
    other.mkdir(parents=True, exist_ok=True)
    _run("bindfs", os.fspath(path), os.fspath(other))
    try:
        yield other
    finally:
        unmount(other)


@contextmanager
def bound_read_only(path: Path, other: Path) -> Iterator[Path]:
    """The folder `path` at `other`, too, for a while; nothing can be written there."""
    with bound(path, other):
        _run("mount", "-o", "remount,bind,ro", os.fspath(other))
        yield other


def move_mount(path: Path, other: Path) -> None:
    """Take what is mounted at `path` elsewhere, or back: the disk is pulled, and what is on it is kept."""
    other.mkdir(parents=True, exist_ok=True)
    _run("mount", "--move", os.fspath(path), os.fspath(other))


def unmount(path: Path) -> None:
    """Take away what is mounted at `path`, even from those who use it; nothing where nothing is."""
    if any(each.point == os.fspath(path) for each in mounts()):  # `os.path.ismount` does not see all bind mounts
        _run("umount", "--lazy", os.fspath(path))


def _run(*command: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise PermissionError(f"{' '.join(command)}: {result.stderr.strip()}")


def folder_places(*roots: Path) -> FolderPlaces:
    """A watch folder with these roots; if there are fewer than four, the first stands for the others."""
    four = (*roots, *roots[:1] * 3)[:4]
    return FolderPlaces(*four, work=Path("/work"))


@contextmanager
def dead_share(path: Path) -> Iterator[Path]:
    """A file system at `path` whose server never answers: whoever touches it waits, as for a dead network share.

    Afterwards they get an error, and the file system is gone.

    Raises:
        PermissionError: as for `tmpfs`.
    """
    path.mkdir(parents=True, exist_ok=True)
    server = os.open("/dev/fuse", os.O_RDWR)
    try:
        options = f"fd={server},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"dead", os.fsencode(path), b"fuse", 0, options):
            raise PermissionError(ctypes.get_errno(), "mounting takes root")
        yield path
    finally:
        os.close(server)
        subprocess.run(["umount", "--lazy", path], check=False, capture_output=True)
