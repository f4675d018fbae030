"""The names in a watch folder that framewatch ignores.

Ignored are hidden files, unfinished downloads and copies, leftovers of NAS systems, desktops and editors, files of
framewatch's own, and companions. A companion is a file that comes with a video and is known not to be one: subtitles,
descriptions, checksums, links. Failing it would only clutter failed/. Everything else is admitted, so that images,
audio and files with unknown extensions end in failed/ with a reason instead of staying there unexplained.

Case does not matter. A rule that matches a folder's name ignores the whole tree below it.
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
    *("*~", "~$*", "thumbs.db", "ehthumbs.db", "desktop.ini", "lost+found", "__macosx", "system volume information"),
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
    """The built-in rules and a folder's own patterns."""

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        """Compile the rules.

        Args:
            patterns: the folder's own, as in a shell (`*` also matches slashes). Each is compared with the name of a
                file or folder and with its path below the input. Slashes at the ends are ignored.
        """
        own = tuple(pattern.strip("/") for pattern in patterns)
        self._names = _any_of((*BUILT_IN, *own))
        self._paths = _any_of(tuple(pattern for pattern in own if "/" in pattern))

    def ignores_entry(self, name: str, relative: str) -> bool:
        """Return whether to ignore one file or folder; its parents are not considered."""
        return bool(self._names.match(name) or self._paths.match(relative))

    def is_unfinished(self, name: str) -> bool:
        """Return whether a name is that of a download or a copy that is still being written."""
        return bool(_UNFINISHED_NAMES.match(name))

    def ignores(self, relative: str) -> bool:
        """Return whether to ignore a path below the input, for its own name or for a parent's."""
        return any(self.ignores_entry(name, path) for name, path in _ancestry(relative))


def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """Combine patterns into one expression; without patterns it matches nothing."""
    return re.compile("|".join(map(fnmatch.translate, patterns)) or r"(?!)", re.IGNORECASE)


def _ancestry(relative: str) -> Iterator[tuple[str, str]]:
    """Split `a/b/c` into (a, a), (b, a/b), (c, a/b/c)."""
    path = ""
    for name in relative.split("/"):
        path = f"{path}/{name}" if path else name
        yield name, path


_UNFINISHED_NAMES = _any_of(UNFINISHED)
