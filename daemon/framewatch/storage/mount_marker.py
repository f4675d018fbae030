"""The hidden file that tells a folder from the empty mount point under it, and what is concluded from it. Pure.

| the file      | the mount point     | other files | conclusion                                                |
|---------------|---------------------|-------------|-----------------------------------------------------------|
| with our id   |                     |             | THERE                                                     |
| never made    |                     |             | NEW                                                       |
| another id    |                     |             | ABSENT: another disk, which framewatch has used elsewhere |
| not there     | another than before |             | ABSENT: the disk is not mounted                           |
| not there     | the same            | none        | ABSENT: seen so with bind mounts and volumes of containers |
| not there     | the same            | some        | RESTORED: somebody has tidied up hidden files             |

Where all marks were lost with the store, the id of a root is not known. Then any id and any content make it NEW; a
root with neither is ABSENT, since it may be an empty mount point.
"""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from framewatch.domain import Record

MARK = ".framewatch"
MARK_BYTES = 1024  # a mark is never longer

_ID = re.compile(r"^id: ([0-9a-f]{16})$", re.MULTILINE)
_TEXT = """\
framewatch keeps this file here. By it, it knows that the disk of this folder is mounted. Please leave it where it is.
id: {id}
"""


class MountState(StrEnum):
    """How a root stands."""

    THERE = "there"  # it is the one that is known
    NEW = "new"  # never seen before: the file is to be made
    RESTORED = "restored"  # it is the one that is known, but the file was taken away: it is to be made again
    ABSENT = "absent"  # its disk is not mounted, or is another one


class MountMarker(Record):
    """What is remembered of a root."""

    id: str | None = None  # None: that is lost, with the store
    mount: Path | None = None  # the mount point that it was on


class Look(NamedTuple):
    """What is seen of a root."""

    id: str | None  # in the hidden file; None where there is none, or nothing of ours in it
    mount: Path  # the mount point that it is on
    empty: bool  # nothing but what framewatch or a new file system puts there


def judge(recorded: MountMarker | None, seen: Look) -> MountState:
    """What a look at a root means; `recorded` is None where it was never seen before."""
    if recorded is None:
        return MountState.NEW
    if recorded.id is None:
        return MountState.ABSENT if seen.id is None and seen.empty else MountState.NEW
    if seen.id is not None:
        return MountState.THERE if seen.id == recorded.id else MountState.ABSENT
    if seen.empty or seen.mount != recorded.mount:
        return MountState.ABSENT
    return MountState.RESTORED


def counts_as_empty(name: str) -> bool:
    """Whether this name in a root says nothing about the root's disk."""
    return name.startswith(MARK) or name == "lost+found"


def mark_text(mark_id: str) -> bytes:
    """The content of the hidden file."""
    return _TEXT.format(id=mark_id).encode()


def mark_id(content: bytes) -> str | None:
    """The id in a hidden file; None where there is none."""
    found = _ID.search(content.decode("utf-8", "replace"))
    return found[1] if found else None
