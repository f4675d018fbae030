"""Finished-looking files whose download is not finished, as other files beside them tell. Pure."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import takewhile

from framewatch.intake.ignore.rules import known_names
from framewatch.library.kinds import Kind, kinds_of

# yt-dlp's names: NAME.f137.mp4 for one of several formats (the id comes from the site: 137, 251-drc, hls-audio-0,
# dash-video=800), and NAME.temp.mp4 for what its postprocessors write. A one-digit id could be anything: race.f1.mkv.
_FORMAT = re.compile(r"(?P<stem>.+)\.f(?:\d{2,}[\w+=-]*|(?:hls|dash|http)-[\w+=-]*)\.[a-z0-9]{2,5}", re.IGNORECASE)
_TEMPORARY = re.compile(r"(?P<stem>.+)\.temp\.[a-z0-9]{2,5}", re.IGNORECASE)


class Neighbours:
    """The names of all files in a folder, prepared for questions about each of them."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = {name.lower(): name for name in names}
        self._sorted = sorted(self._names)
        self._parts: dict[str, list[str]] = {}  # yt-dlp's files by the stem of the file that they will become
        candidates = (name for name in self._names if ".f" in name or ".temp." in name)  # of perhaps 20,000 names
        for name in candidates:
            if found := _FORMAT.fullmatch(name) or _TEMPORARY.fullmatch(name):
                self._parts.setdefault(found["stem"], []).append(name)

    def sign_of_download(self, name: str) -> str | None:
        """Return which file beside this one tells that it is still being downloaded; None: nothing does.

        A file that only looks like a part of a download, with nothing else of it there, is a file like any other.
        """
        name = name.lower()
        for ending in _marks():
            if sign := self._names.get(name + ending):
                return sign
        if found := _FORMAT.fullmatch(name) or _TEMPORARY.fullmatch(name):
            return self._other_of(found["stem"], name)
        temporary = (part for part in self._parts.get(name.rpartition(".")[0], ()) if _TEMPORARY.fullmatch(part))
        return next((self._names[part] for part in temporary), None)  # a postprocessor is about to replace it

    def _other_of(self, stem: str, name: str) -> str | None:
        for part in self._parts[stem]:
            if part != name:
                return self._names[part]
        beginning = f"{stem}."
        others = takewhile(lambda other: other.startswith(beginning), self._from(beginning))
        found = (other for other in others if other != name and _is_of_download(other, stem))
        return next((self._names[other] for other in found), None)

    def _from(self, beginning: str) -> Iterator[str]:
        """Yield the names from this one on, in order: a look at all names for each of them would take minutes."""
        first = bisect_left(self._sorted, beginning)
        return (self._sorted[number] for number in range(first, len(self._sorted)))


def _is_of_download(name: str, stem: str) -> bool:
    """Return whether a name is that of the finished download, or of something that a downloader is writing."""
    is_whole = name.rpartition(".")[0] == stem and bool(kinds_of(name) & {Kind.VIDEO, Kind.SOUND})
    return is_whole or any(name.endswith(ending) for ending in _marks())


@cache
def _marks() -> tuple[str, ...]:
    return tuple(f".{ending}" for ending in known_names().marks)
