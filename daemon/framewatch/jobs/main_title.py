"""The files of a disc that have its main title, which is the longest one."""

from __future__ import annotations

import os
import re
from pathlib import Path

from framewatch.domain import InputFile
from framewatch.errors import MediaError
from framewatch.library.disc_titles import read_playlist, read_title_set
from framewatch.library.discs import disc_kind
from framewatch.storage import files
from framewatch.storage.os_errors import shown, storage_faults
from framewatch.storage.root import Root

_MOST_BYTES = 4 << 20  # of an index file; those of discs have less than 100 kB
_MOST_LISTS = 2000  # of a disc: those that were made to be hard to copy have about a thousand
_VOB = re.compile(r"vts_(\d\d)_([1-9])\.vob", re.IGNORECASE)
_HINT = "save the main title as one file, with MakeMKV for example, and put that file into the folder"


def main_title(root: Root, disc: Path) -> tuple[InputFile, ...]:
    """Return the files that make the main title of a disc, one after the other: one, or several of a DVD.

    Args:
        root: that the disc lies in.
        disc: the folder VIDEO_TS or BDMV.

    Raises:
        MediaError: `disc.several_files`: the title of a Blu-ray is spread over several files; `disc.no_title`;
            `disc.unsupported`: it is a disc of another kind; `source.changed`.
        StorageError: a folder cannot be opened.
    """
    kind = disc.name.lower()
    if kind not in _FINDERS:
        raise _refused(disc, "disc.unsupported", f"framewatch does not read {disc_kind(disc.name)}")
    found = _FINDERS[kind](root, disc)
    if not found:
        raise _refused(disc, "disc.no_title", f"there is no film on {disc_kind(disc.name)} like this")
    if len(found) > 1 and kind != "video_ts":  # each clip of a Blu-ray has timestamps of its own
        names = ", ".join(path.name for path in found[:4])
        message = f"the main title of {disc_kind(disc.name)} is spread over {len(found)} files: {names}"
        raise _refused(disc, "disc.several_files", f"{message}{' …' if len(found) > 4 else ''}")
    parts = [(path, root.identity(path)) for path in found]
    if any(identity is None for _, identity in parts):
        message, hint = (
            "a file of the disc was removed or exchanged meanwhile",
            "it is tried again when it has settled",
        )
        raise MediaError(message, code="source.changed", hint=hint, where=shown(disc))
    return tuple(root.input_file(path, identity) for path, identity in parts)


def _blu_ray(root: Root, disc: Path) -> list[Path]:
    clips = {path.stem.lower(): path for path in _files(root, disc, "stream", ".m2ts")}
    lists = _files(root, disc, "playlist", ".mpls")[:_MOST_LISTS]
    read = (read_playlist(_read(root, path)) for path in lists)
    playlists = [each for each in read if each and set(each.clips) <= clips.keys()]
    if playlists:
        longest = max(playlists, key=lambda playlist: playlist.seconds)
        return [clips[name] for name in dict.fromkeys(longest.clips)]
    return _largest(root, [[path] for path in clips.values()])


def _dvd(root: Root, disc: Path) -> list[Path]:
    names = {name.lower(): disc / name for name in root.names(disc).files}
    sets: dict[str, list[Path]] = {}
    for name in sorted(names):
        if match := _VOB.fullmatch(name):
            sets.setdefault(match[1], []).append(names[name])
    times = {
        number: read_title_set(_read(root, names[f"vts_{number}_0.ifo"])) if f"vts_{number}_0.ifo" in names else None
        for number in sets
    }
    known = {number: seconds for number, seconds in times.items() if seconds is not None}
    if len(known) == len(sets) and known:
        return sets[max(known, key=lambda number: known[number])]
    return _largest(root, list(sets.values()))


_FINDERS = {"video_ts": _dvd, "bdmv": _blu_ray}


def _largest(root: Root, titles: list[list[Path]]) -> list[Path]:
    """Return the files of the title with the most bytes, where no index says how long the titles are."""
    return max(titles, key=lambda title: sum(_size(root, path) for path in title), default=[])


def _size(root: Root, path: Path) -> int:
    identity = root.identity(path)
    return identity.size if identity else 0


def _files(root: Root, disc: Path, folder: str, ending: str) -> list[Path]:
    """Return the files of a folder of the disc, whatever the case of their names."""
    folders = [disc / name for name in root.names(disc).folders if name.lower() == folder]
    found = [each / name for each in folders for name in root.names(each).files]
    return [path for path in found if path.suffix.lower() == ending]


def _read(root: Root, path: Path) -> bytes:
    with storage_faults(path), root.open_folder(path.parent) as folder:
        descriptor = os.open(path.name, files.READ, dir_fd=folder)
        with os.fdopen(descriptor, "rb") as file:
            return file.read(_MOST_BYTES)


def _refused(disc: Path, code: str, message: str) -> MediaError:
    return MediaError(message, code=code, hint=_HINT, where=shown(disc))
