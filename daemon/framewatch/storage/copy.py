"""Copy the content of an open file to another, and read it back to prove that it arrived."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

from framewatch.errors import CancelledError, StorageError
from framewatch.storage import files

BLOCK = 8 * 1024 * 1024  # bytes: large enough for a NAS to stream
# What a copy keeps of its source's mode: videos are no programs, and whoever wrote the source must not decide that
# everybody can write to a file that is framewatch's.
KEPT_MODE = 0o664

CopyProgress = Callable[[int, int], None]
"""Called with the bytes copied so far and the total."""


def copy_content(
    source: int, target: int, cancel: threading.Event | None = None, progress: CopyProgress | None = None
) -> None:
    """Copy an open file into a new one, with mode, times and user attributes; sync, read back and compare.

    Args:
        source: descriptor of the file to copy.
        target: descriptor of a new, empty file.
        cancel: set to stop.
        progress: called after each block.

    Raises:
        StorageError: `storage.bad_copy` if the bytes read back differ from the bytes written.
        CancelledError: `cancel` was set.
        OSError: another error of the file system.
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
    _copy_attributes(source, target)
    files.sync(target)
    _forget_cache(target)
    stored = hashlib.blake2b()
    for block in _blocks(target, cancel):
        stored.update(block)
    if stored.digest() != written.digest():
        hint = "check this disk, its cable and the memory; the copy is repeated automatically"
        raise StorageError("the disk returned other bytes than were written", code="storage.bad_copy", hint=hint)


def same_content(one: int, other: int, cancel: threading.Event | None = None) -> bool:
    """Return whether two open files have the same content."""
    if os.fstat(one).st_size != os.fstat(other).st_size:
        return False
    pairs = zip(_blocks(one, cancel), _blocks(other, cancel), strict=False)
    return all(first == second for first, second in pairs)


def _blocks(descriptor: int, cancel: threading.Event | None) -> Iterator[bytes]:
    """Yield the whole content from the beginning, block by block."""
    offset = 0
    while block := os.pread(descriptor, BLOCK, offset):
        if cancel is not None and cancel.is_set():
            raise CancelledError("the copy was stopped")
        yield block
        offset += len(block)


def _copy_attributes(source: int, target: int) -> None:
    """Copy most of the mode, times and user attributes, as far as the target's file system supports them."""
    found = os.fstat(source)
    with suppress(OSError):
        os.fchmod(target, found.st_mode & KEPT_MODE)
    if sys.platform == "linux":
        with suppress(OSError):
            for name in os.listxattr(source):
                if name.startswith("user."):
                    os.setxattr(target, name, os.getxattr(source, name))
    with suppress(OSError):
        os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))


def _forget_cache(descriptor: int) -> None:
    """Drop the file from the page cache, so that reading it back reads the disk."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
