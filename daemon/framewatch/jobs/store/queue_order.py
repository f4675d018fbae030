"""What the order of a folder's queue goes by. Pure."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from framewatch.domain import Job
from framewatch.settings import Settings
from framewatch.settings.fields import OrderName

Rank = bytes | int | float | None
"""Jobs with a lower rank go first. None: only the arrival counts, or the length of the file is not known yet."""

_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class QueueRule:
    """How the jobs of a folder are queued."""

    priority: int = 0  # of the folder: a higher one goes first
    order: OrderName = "arrival"


def queue_rules(settings: Settings) -> dict[str, QueueRule]:
    """Return the rule of each watch folder, by its name."""
    return {
        folder.name: QueueRule(priority=folder.priority, order=folder.order or settings.order)
        for folder in settings.folders
    }


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """The job that is the first of its folder."""

    job: Job
    rank: Rank
    arrival: int


def rank_of(job: Job, order: OrderName) -> Rank:
    """Return what the place of a job in a queue of this order goes by."""
    identity = job.identity
    match order:
        case "arrival":
            return None
        case "name":
            return name_key(job.relative)
        case "oldest":
            return identity.mtime_ns
        case "newest":
            return -identity.mtime_ns
        case "smallest":
            return identity.size
        case "largest":
            return -identity.size
        case "shortest":
            return None if job.length is None else _seconds(job.length.seconds)


def name_key(relative: Path) -> bytes:
    """Return a key that sorts paths as people do: "E2" before "E10", folder by folder, whatever the case.

    Each number is preceded by the count of its digits, so that longer numbers sort behind shorter ones.
    """
    return b"\0".join(_key_of(part) for part in relative.parts)


def first_of(heads: list[QueuedJob], rules: Mapping[str, QueueRule]) -> Job | None:
    """Return the job that is next, of those that are the first of their folders; None without any.

    Those that the user put in front go first, then the folder's priority counts, then the job's own. Among folders of
    the same order, the rank decides what is left; else the one that arrived first goes first.
    """

    def place(head: QueuedJob) -> tuple[int, int, int]:
        return -head.job.front, -_rule(rules, head).priority, -head.job.priority

    best = min(map(place, heads), default=None)
    equal = [head for head in heads if place(head) == best]
    if len({_rule(rules, head).order for head in equal}) == 1:
        return min(equal, key=lambda head: (head.rank is not None, head.rank or 0, head.arrival)).job
    return min(equal, key=lambda head: head.arrival).job if equal else None


def merged(queues: list[list[QueuedJob]], rules: Mapping[str, QueueRule], limit: int | None) -> list[Job]:
    """Return the jobs of all folders in the order in which they are next, from the queue of each folder; paused last.

    Args:
        queues: with at least `limit` jobs, if there are as many.
        rules: of the folders.
        limit: how many; None: all.
    """
    waiting = [deque(queue) for queue in queues]
    found: list[Job] = []
    while (limit is None or len(found) < limit) and (waiting := [queue for queue in waiting if queue]):
        heads = [queue[0] for queue in waiting]
        job = first_of([head for head in heads if not head.job.paused] or heads, rules)
        if job is not None:
            found.append(next(queue for queue in waiting if queue[0].job is job).popleft().job)
    return found


def _rule(rules: Mapping[str, QueueRule], head: QueuedJob) -> QueueRule:
    return rules.get(head.job.folder, QueueRule())


def _seconds(seconds: float | None) -> float:
    """Return the length of a file as a rank: files without a known one go last."""
    return math.inf if seconds is None else seconds


def _key_of(part: str) -> bytes:
    text = unicodedata.normalize("NFKC", part).casefold()
    key = _DIGITS.sub(lambda found: _counted(found[0]), text)
    return key.encode("utf-8", "surrogateescape")


def _counted(digits: str) -> str:
    number = str(int(digits))
    return f"{len(number):03}{number}"
