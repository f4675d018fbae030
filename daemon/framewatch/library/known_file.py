"""Whether a file in the input is one that framewatch has dealt with and left there, or has put there itself.

Device and inode numbers change by themselves on network file systems, and FAT moves all times by an hour when
daylight saving begins. A file that was renamed keeps its time. So a file is known by its size, its time of change and
a sample of its content; one whose time is another one has been written to, and is no longer known.
"""

from __future__ import annotations

from enum import StrEnum

from framewatch.domain import FileIdentity, KnownFile
from framewatch.storage.files import TIME_STEP, is_whole_hours


class Likeness(StrEnum):
    """What the facts of a file, without its content, say about it."""

    SAME = "same"
    PERHAPS = "perhaps"  # the sample of its content decides
    OTHER = "other"


def likeness(known: KnownFile, seen: FileIdentity, *, same_path: bool) -> Likeness:
    """Compare a file with one that is known; `same_path`: they have the same path below the input."""
    before = known.identity
    shift = seen.mtime_ns - before.mtime_ns
    if seen.size != before.size or not is_whole_hours(shift):
        return Likeness.OTHER
    same_inode = (seen.device, seen.inode) == (before.device, before.inode)
    return Likeness.SAME if shift == 0 and (same_path or same_inode) else Likeness.PERHAPS


def is_same_time(one_ns: int, other_ns: int) -> bool:
    """Return whether two times of change are the same, as far as file systems keep them."""
    return is_whole_hours(one_ns - other_ns)


def is_as_new(output: FileIdentity, source: FileIdentity) -> bool:
    """Return whether an output can have been made of this version of the source: it is not older."""
    return output.mtime_ns + TIME_STEP >= source.mtime_ns
