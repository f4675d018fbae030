"""Which names in a watch folder are none of our business.

Left alone: hidden files, what is still being downloaded or copied, what NAS systems, desktops and editors
leave behind, framewatch's own files, and companions. A companion is a file that travels with a video and is
known not to be one: subtitles, descriptions, checksums, links. Failing it would only clutter failed/.
Everything else is taken, so pictures, audio and unknown endings end in failed/ with a reason instead of lying
there unexplained.

Upper and lower case are the same. A rule that fits a folder's name leaves its whole tree alone.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator

OWN = ("*.progress.json", "framewatch-preset.yaml", "framewatch-preset.yml")

HIDDEN = (".*",)  # also .syncthing.*, .~lock.*#, ._resource forks, rsync's .name.Xy12Za

UNFINISHED = (
    *("*.part", "*.partial", "*.filepart", "*.tmp", "*.temp", "*.crdownload", "*.download", "*.opdownload"),
    *("*.!qb", "*.!ut", "*.bc!", "*.aria2", "*.ytdl", "*.part-frag*", "~syncthing~*"),
)

LEFTOVERS = (
    *(
        "*~",
        "~$*",
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        "lost+found",
        "__macosx",
        "system volume information",
    ),
    *("@eadir", "#recycle", "@recycle", "@recently-snapshot", "#snapshot", "[$]recycle.bin"),
)

COMPANIONS = (
    *("*.srt", "*.ass", "*.ssa", "*.vtt", "*.sub", "*.idx", "*.sup", "*.smi", "*.ttml", "*.lrc"),  # subtitles
    *("*.nfo", "*.txt", "*.md", "*.rtf", "*.pdf", "*.html", "*.htm", "*.log"),  # descriptions
    *("*.xml", "*.json", "*.yaml", "*.yml", "*.csv"),
    *("*.url", "*.webloc", "*.lnk", "*.desktop", "*.torrent", "*.nzb", "*.m3u", "*.m3u8", "*.cue"),  # links
    *("*.md5", "*.sha1", "*.sha256", "*.sha512", "*.sfv", "*.par2", "*.sig", "*.asc"),  # checksums
)

BUILT_IN = (*HIDDEN, *OWN, *UNFINISHED, *LEFTOVERS, *COMPANIONS)


class IgnoreRules:
    """The built-in list and a folder's own patterns, as one question."""

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        """Take a folder's own patterns.

        Args:
            patterns: as for the shell (`*` also stands for slashes); each is held against a file's or
                folder's name and against its path below the input. Slashes at its ends do not count.
        """
        own = tuple(pattern.strip("/") for pattern in patterns)
        self._names = _any_of((*BUILT_IN, *own))
        self._paths = _any_of(tuple(pattern for pattern in own if "/" in pattern))

    def ignores_entry(self, name: str, relative: str) -> bool:
        """Whether to leave one file or folder alone; the folders that it lies in are not looked at."""
        return bool(self._names.match(name) or self._paths.match(relative))

    def ignores(self, relative: str) -> bool:
        """Whether to leave a path below the input alone: for itself or for a folder that it lies in."""
        return any(self.ignores_entry(name, path) for name, path in _lineage(relative))


def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """One expression for many patterns; with none of them it fits nothing."""
    return re.compile("|".join(map(fnmatch.translate, patterns)) or r"(?!)", re.IGNORECASE)


def _lineage(relative: str) -> Iterator[tuple[str, str]]:
    """`a/b/c` as (a, a), (b, a/b), (c, a/b/c)."""
    path = ""
    for name in relative.split("/"):
        path = f"{path}/{name}" if path else name
        yield name, path
