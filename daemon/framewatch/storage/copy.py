"""The content of a file, from one open file to another, proven to have arrived."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

from framewatch.errors import CancelledError, StorageError
from framewatch.storage import files

BLOCK = 8 * 1024 * 1024  # bytes: big enough for a NAS to stream

CopyProgress = Callable[[int, int], None]
"""Told how many bytes of how many are copied."""


def copy_content(
    source: int, target: int, cancel: threading.Event | None = None, progress: CopyProgress | None = None
) -> None:
    """Copy an open file into a new one with mode, times and user attributes, synced, read back and compared.

    Raises:
        StorageError: `storage.bad_copy` where what was read back is not what was written.
        CancelledError: `cancel` was set.
        OSError: whatever the system says.
    """
    size = os.fstat(source).st_size
    written = hashlib.blake2b()
    done = 0
    for block in _blocks(source, cancel):
        written.update(block)
        files.write_all(target, block)
        done += len(block)
        if progress:
            progress(done, size)
    _copy_facts(source, target)
    files.sync(target)
    _forget_cache(target)
    stored = hashlib.blake2b()
    for block in _blocks(target, cancel):
        stored.update(block)
    if stored.digest() != written.digest():
        hint = "check this disk, its cable and its memory; the copy is tried again"
        raise StorageError("the disk gives back other bytes than were written", code="storage.bad_copy", hint=hint)


def same_content(one: int, other: int, cancel: threading.Event | None = None) -> bool:
    """Whether two open files hold the same bytes."""
    if os.fstat(one).st_size != os.fstat(other).st_size:
        return False
    pairs = zip(_blocks(one, cancel), _blocks(other, cancel), strict=False)
    return all(first == second for first, second in pairs)


def _blocks(descriptor: int, cancel: threading.Event | None) -> Iterator[bytes]:
    """The whole content, block by block, from the beginning."""
    offset = 0
    while block := os.pread(descriptor, BLOCK, offset):
        if cancel is not None and cancel.is_set():
            raise CancelledError("copying was stopped")
        yield block
        offset += len(block)


def _copy_facts(source: int, target: int) -> None:
    """Mode, times, user attributes: as far as the other file system keeps such things."""
    facts = os.fstat(source)
    with suppress(OSError):
        os.fchmod(target, facts.st_mode & 0o777)
    if sys.platform == "linux":
        with suppress(OSError):
            for name in os.listxattr(source):
                if name.startswith("user."):
                    os.setxattr(target, name, os.getxattr(source, name))
    with suppress(OSError):
        os.utime(target, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def _forget_cache(descriptor: int) -> None:
    """Let what is read back come from the disk rather than from memory, where the system can."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
