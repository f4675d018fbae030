"""The names in a watch folder that framewatch ignores.

Ignored are hidden files, unfinished downloads and copies, leftovers of NAS systems, desktops and editors, files of
framewatch's own, and companions that are no media: subtitles, descriptions, checksums, links. Failing them would only
clutter failed/. Everything else is admitted, so that files with unknown extensions end in failed/ with a reason
instead of staying there unexplained.

The names are in rules.yaml, those of companions in library/companions.yaml. Case does not matter. A rule that matches
a folder's name ignores the tree below it.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain
from pathlib import Path

from framewatch import documents
from framewatch.domain import Record
from framewatch.library.companions import endings_of_texts
from framewatch.library.own_files import PRESET_NAMES, SIDECAR_SUFFIX

DATA = Path(__file__).with_name("rules.yaml")

_Lists = tuple[tuple[str, ...], ...]


class _Names(Record):
    """rules.yaml."""

    hidden: tuple[str, ...]
    unfinished_endings: _Lists
    unfinished_names: _Lists
    leftovers: _Lists
    documents: tuple[str, ...]
    marks: tuple[str, ...]

    @property
    def unfinished(self) -> tuple[str, ...]:
        """Patterns of files that are still being written."""
        endings = tuple(f"*.{ending}" for ending in chain.from_iterable(self.unfinished_endings))
        return (*endings, *chain.from_iterable(self.unfinished_names))

    @property
    def ignored(self) -> tuple[str, ...]:
        """Patterns of everything that is ignored."""
        own = (f"*{SIDECAR_SUFFIX}", *PRESET_NAMES)
        companions = (f"*.{ending}" for ending in endings_of_texts())
        return (
            *(*self.hidden, *own, *self.unfinished, *chain.from_iterable(self.leftovers)),
            *(*companions, *self.documents),
        )


class IgnoreRules:
    """The built-in rules and a folder's own patterns."""

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        """Compile the rules.

        Args:
            patterns: the folder's own, as `any_of` takes them. Each is compared with the name of a file or folder and
                with its path below the input. Slashes at the ends are ignored.
        """
        own = tuple(pattern.strip("/") for pattern in patterns)
        self._names = any_of((*known_names().ignored, *own))
        self._paths = any_of(pattern for pattern in own if "/" in pattern)

    def ignores_entry(self, name: str, relative: str) -> bool:
        """Return whether to ignore one file or folder; its parents are not considered."""
        return bool(self._names.match(name) or self._paths.match(relative))

    def is_unfinished(self, name: str) -> bool:
        """Return whether a name is that of a download or a copy that is still being written."""
        return bool(_unfinished().match(name))

    def ignores(self, relative: str) -> bool:
        """Return whether to ignore a path below the input, for its own name or for a parent's."""
        return any(self.ignores_entry(name, path) for name, path in _ancestry(relative))


@cache
def known_names() -> _Names:
    """Read rules.yaml, once."""
    return documents.validate(documents.read(DATA), _Names)


def any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    """Combine patterns as in a shell (`*` also matches slashes) into one expression; none match nothing."""
    return re.compile("|".join(map(fnmatch.translate, patterns)) or r"(?!)", re.IGNORECASE)


def _ancestry(relative: str) -> Iterator[tuple[str, str]]:
    """Split `a/b/c` into (a, a), (b, a/b), (c, a/b/c)."""
    path = ""
    for name in relative.split("/"):
        path = f"{path}/{name}" if path else name
        yield name, path


@cache
def _unfinished() -> re.Pattern[str]:
    return any_of(known_names().unfinished)
