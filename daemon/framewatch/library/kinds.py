"""The kind of a file by its name: video, sound, picture or text. Pure."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path

from framewatch import documents
from framewatch.domain import Record

DATA = Path(__file__).with_name("file_kinds.yaml")


class Kind(StrEnum):
    """What a file is."""

    VIDEO = "video"
    SOUND = "sound"
    PICTURE = "picture"
    TEXT = "text"  # and everything else that is no medium


class _Data(Record):
    """file_kinds.yaml."""

    kinds: dict[Kind, tuple[tuple[str, ...], ...]]
    patterns: dict[Kind, tuple[str, ...]]


def kinds_of(name: str) -> frozenset[Kind]:
    """Return the kinds that a file of this name can be; none if the name says nothing."""
    _, dot, ending = name.rpartition(".")
    known = _by_ending().get(ending.lower()) if dot else None
    if known is not None:
        return known
    return frozenset(kind for kind, pattern in _by_pattern() if pattern.match(name))


def is_other_kind(name: str, wanted: frozenset[Kind]) -> bool:
    """Return whether a name alone says that a file is of none of these kinds."""
    kinds = kinds_of(name)
    return bool(kinds) and not kinds & wanted


def claims_kind(name: str, wanted: frozenset[Kind]) -> bool:
    """Return whether a name alone says that a file is of one of these kinds, so that it fails if it is not."""
    kinds = kinds_of(name)
    return bool(kinds) and kinds <= wanted


@cache
def _data() -> _Data:
    return documents.validate(documents.read(DATA), _Data)


@cache
def _by_ending() -> Mapping[str, frozenset[Kind]]:
    found: dict[str, frozenset[Kind]] = {}
    for kind, lists in _data().kinds.items():
        for ending in (ending for each in lists for ending in each):
            found[ending] = found.get(ending, frozenset()) | {kind}
    return found


@cache
def _by_pattern() -> tuple[tuple[Kind, re.Pattern[str]], ...]:
    return tuple(
        (kind, re.compile("|".join(map(fnmatch.translate, patterns)), re.IGNORECASE))
        for kind, patterns in _data().patterns.items()
    )
