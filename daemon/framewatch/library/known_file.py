"""Whether a file in the input is one that framewatch has dealt with and left there, or has put there itself.

Device and inode numbers change by themselves on network file systems, and FAT moves all times by an hour when
daylight saving begins. A file that was renamed keeps its time. So a file is known by its size, its time of change and
a sample of its content; one whose time is another one has been written to, and is no longer known.
"""

from __future__ import annotations

import hashlib
import os
from enum import StrEnum

from framewatch.domain import FileIdentity, KnownFile

_BLOCKS = 8
_BLOCK = 16 * 1024  # bytes; 128 KiB of a file tell videos apart, and a library on a NAS is read within minutes
_HOUR = 3600 * 10**9  # nanoseconds
_SHIFT = 26 * _HOUR  # the distance between two time zones is at most this
_GRANULE = 2 * 10**9  # FAT keeps times in steps of two seconds


class Likeness(StrEnum):
    """What the facts of a file, without its content, say about it."""

    SAME = "same"
    PERHAPS = "perhaps"  # the sample of its content decides
    OTHER = "other"


def likeness(known: KnownFile, seen: FileIdentity, *, same_path: bool) -> Likeness:
    """Compare a file with one that is known; `same_path`: they have the same path below the input."""
    before = known.identity
    shift = seen.mtime_ns - before.mtime_ns
    if seen.size != before.size or not _is_whole_hours(shift):
        return Likeness.OTHER
    same_inode = (seen.device, seen.inode) == (before.device, before.inode)
    return Likeness.SAME if shift == 0 and (same_path or same_inode) else Likeness.PERHAPS


def is_same_time(one_ns: int, other_ns: int) -> bool:
    """Return whether two times of change are the same, as far as file systems keep them."""
    return _is_whole_hours(one_ns - other_ns)


def is_as_new(output: FileIdentity, source: FileIdentity) -> bool:
    """Return whether an output can have been made of this version of the source: it is not older."""
    return output.mtime_ns + _GRANULE >= source.mtime_ns


def content_sample(file: int) -> str:
    """Return a digest of some of an open file's content: of all of it, or of blocks from its beginning to its end.

    Raises:
        OSError: it cannot be read.
    """
    size = os.fstat(file).st_size
    digest = hashlib.blake2b(str(size).encode(), digest_size=16)
    if size <= _BLOCKS * _BLOCK:
        digest.update(os.pread(file, _BLOCKS * _BLOCK, 0))
        return digest.hexdigest()
    for number in range(_BLOCKS):
        digest.update(os.pread(file, _BLOCK, (size - _BLOCK) * number // (_BLOCKS - 1)))
    return digest.hexdigest()


def _is_whole_hours(shift: int) -> bool:
    rest = abs(shift) % _HOUR
    return abs(shift) <= _SHIFT and min(rest, _HOUR - rest) <= _GRANULE
