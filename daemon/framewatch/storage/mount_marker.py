"""The mount marker: a hidden file that distinguishes a folder from the empty mount point beneath it. Pure.

| marker file   | mount point     | other files | state                                                      |
|---------------|-----------------|-------------|------------------------------------------------------------|
| the known id  |                 |             | THERE                                                      |
| never created |                 |             | NEW                                                        |
| another id    |                 |             | ABSENT: another disk, which framewatch used elsewhere      |
| missing       | another one     |             | ABSENT: the disk is not mounted                            |
| missing       | another path    |             | ABSENT: a link leads somewhere else now                    |
| missing       | the same        | none        | ABSENT: happens with bind mounts and container volumes     |
| missing       | the same        | some        | RESTORED: somebody removed hidden files                    |

A root that is never written to has no marker. It is THERE while it is not empty, on the same mount and path.

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


class MountMarker(Record):
    """What is remembered about a root."""

    id: str | None = None  # None: lost with the store or, if `mount` is known, a root that is never written to
    mount: Path | None = None  # the mount point that the root was on
    real: Path | None = None  # its path without links; None: an earlier version remembered it


class RootState(NamedTuple):
    """What is found in a root."""

    id: str | None  # in the marker file; None if it is missing or holds no id
    mount: Path  # the mount point that the root is on
    empty: bool  # nothing but what framewatch or a new file system creates
    real: Path | None = None  # the path of the root without links


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
    is_elsewhere = seen.mount != recorded.mount or (recorded.real is not None and seen.real != recorded.real)
    return not seen.empty and not is_elsewhere


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
