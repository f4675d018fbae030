"""The mount marker: a hidden file that distinguishes a folder from the empty mount point beneath it. Pure.

| marker file   | folder                 | mount point | other files | state                                        |
|---------------|------------------------|-------------|-------------|----------------------------------------------|
| the known id  |                        |             |             | THERE                                        |
| never created |                        |             |             | NEW                                          |
| another id    |                        |             |             | ABSENT: another disk, which was in use here  |
| missing       | the same               |             |             | RESTORED: it was emptied, hidden files, too  |
| missing       | another one            | another one |             | ABSENT: the disk is not mounted              |
| missing       | at another path        |             |             | ABSENT: a link leads somewhere else now      |
| missing       | new in the same parent | the same    | none        | RESTORED: it was removed and made again      |
| missing       | another one            | the same    | none        | ABSENT: so it is with a container's volumes  |
| missing       | another one            | the same    | some        | RESTORED: somebody removed hidden files      |

A folder is the same if device and inode are, or the file system's own id and the inode: device numbers change. It is
new in the same parent only if it was no mount point before, and is none now: else it may be a mount point whose disk
is gone. Where inode numbers mean nothing, or a server hides its mounts, no folder counts as the same.

A root that is never written to has no marker. It is THERE wherever it would be RESTORED.

If all markers were lost with the store, the id of a root is not known. Then a root with any id or any content is NEW,
and a root with neither is ABSENT, since it may be an empty mount point.
"""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from framewatch.domain import Record

MARKER_NAME = ".framewatch"
MARKER_BYTES = 1024  # a marker is never longer

_ID = re.compile(r"^id: ([0-9a-f]{16})$", re.MULTILINE)
_TEXT = """\
framewatch keeps this file here to recognise the disk of this folder. Please leave it in place.
id: {id}
"""


class MountState(StrEnum):
    """Whether the disk of a root is mounted."""

    THERE = "there"  # it is the known disk
    NEW = "new"  # never seen before: the marker has to be created
    RESTORED = "restored"  # it is the known disk, but its marker was removed and has to be recreated
    ABSENT = "absent"  # the disk is not mounted, or another disk is


class FolderKey(Record):
    """What tells a folder from another one at the same path."""

    device: int
    inode: int
    disk: int  # the file system's own id (f_fsid of statvfs); 0 if it has none

    def same(self, other: FolderKey | None) -> bool:
        """Return whether both are the same folder."""
        if other is None or self.inode != other.inode:
            return False
        return self.device == other.device if 0 in (self.disk, other.disk) else self.disk == other.disk


class Location(Record):
    """Where a root is, for the time when its marker is missing."""

    folder: FolderKey | None = None  # None: its file system does not tell
    parent: FolderKey | None = None  # of the folder above
    own_disk: bool | None = None  # whether it is a mount point; None: that cannot be told

    def is_same(self, seen: Location) -> bool:
        """Return whether the root is still the folder that it was."""
        return self.folder is not None and self.folder.same(seen.folder)

    def is_recreated(self, seen: Location) -> bool:
        """Return whether somebody has removed the root and made it again."""
        return (self.own_disk, seen.own_disk) == (False, False) and self.has_parent(seen.parent)

    def has_parent(self, seen: FolderKey | None) -> bool:
        """Return whether the folder above is still the same."""
        return self.parent is not None and self.parent.same(seen)


UNKNOWN = Location()


class MountMarker(Record):
    """What is remembered about a root."""

    id: str | None = None  # None: lost with the store or, if `mount` is known, a root that is never written to
    mount: Path | None = None  # the mount point that the root was on
    real: Path | None = None  # its path without links; None: an earlier version remembered it
    location: Location = UNKNOWN


class RootState(NamedTuple):
    """What is found in a root."""

    id: str | None  # in the marker file; None if it is missing or holds no id
    mount: Path  # the mount point that the root is on
    empty: bool  # nothing but what framewatch or a new file system creates
    real: Path | None = None  # the path of the root without links
    location: Location = UNKNOWN


def mount_state(recorded: MountMarker | None, seen: RootState) -> MountState:
    """Decide whether a root's disk is mounted; `recorded` is None if the root was never seen before."""
    if recorded is None:
        return MountState.NEW
    if recorded.id is None and recorded.mount is not None and seen.id is None:
        return MountState.THERE if _is_where_it_was(recorded, seen) else MountState.ABSENT
    if recorded.id is None:
        return MountState.ABSENT if seen.id is None and seen.empty else MountState.NEW
    if seen.id is not None:
        return MountState.THERE if seen.id == recorded.id else MountState.ABSENT
    return MountState.RESTORED if _is_where_it_was(recorded, seen) else MountState.ABSENT


def _is_where_it_was(recorded: MountMarker, seen: RootState) -> bool:
    if recorded.location.is_same(seen.location):
        return True
    if seen.mount != recorded.mount or (recorded.real is not None and seen.real != recorded.real):
        return False
    if recorded.location.own_disk and seen.location.own_disk is False:  # a bind mount within one disk is gone
        return False
    return not seen.empty or recorded.location.is_recreated(seen.location)


def is_negligible(name: str) -> bool:
    """Return whether a name in a root says nothing about its disk."""
    return name.startswith(MARKER_NAME) or name == "lost+found"


def marker_text(marker_id: str) -> bytes:
    """Return the content of a marker file."""
    return _TEXT.format(id=marker_id).encode()


def marker_id(content: bytes) -> str | None:
    """Return the id in a marker file; None if it holds none."""
    found = _ID.search(content.decode("utf-8", "replace"))
    return found[1] if found else None
