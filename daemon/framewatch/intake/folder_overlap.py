"""Folders must keep apart, else a video that framewatch wrote is taken in again, for ever.

The rules are pure; only `place` looks at the file system.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from framewatch.documents import KeyPath, dotted
from framewatch.errors import Finding
from framewatch.settings import FolderSettings, Settings

OVERLAP = "folders.overlap"
_TARGETS = ("output", "done", "failed")
_KEEP_APART = "give each its own folder, none inside another"


class Place(NamedTuple):
    """A folder and all folders that it lies in, told apart by what they are, not by their names."""

    path: Path  # as the configuration says it
    lineage: tuple[str, ...]  # keys of the folder itself, its parent, and so on up to the root

    def same(self, other: Place) -> bool:
        """Whether both are one folder."""
        return self.lineage[0] == other.lineage[0]

    def inside(self, other: Place) -> bool:
        """Whether this is the other folder or lies in it."""
        return other.lineage[0] in self.lineage


class FolderPlaces(NamedTuple):
    """The places of one watch folder."""

    key: KeyPath  # ("folders", 0)
    recursive: bool
    input: Place
    targets: dict[str, Place]  # output, done, failed

    def takes_from(self, place: Place) -> bool:
        """Whether files lying in a place would be taken in."""
        return place.inside(self.input) if self.recursive else place.same(self.input)


def place(path: Path) -> Place:
    """Look up what a path is.

    Links, bind mounts and a change of case lead to the same keys. A folder that does not exist yet goes by
    its resolved name.
    """
    resolved = Path(os.path.realpath(path))
    return Place(path, tuple(map(_key, (resolved, *resolved.parents))))


def places(number: int, folder: FolderSettings) -> FolderPlaces:
    """Look up a folder's places; `number` is its position in the configuration."""
    targets = {name: place(getattr(folder, name)) for name in _TARGETS}
    return FolderPlaces(("folders", number), folder.recursive, place(folder.input), targets)


def find_overlaps(settings: Settings, where: Callable[[KeyPath], str] = dotted) -> tuple[Finding, ...]:
    """Look up every path of the configuration and find those that do not keep apart.

    Args:
        settings: with absolute paths.
        where: how a key path is shown, such as `Document.where`.
    """
    folders = [places(number, folder) for number, folder in enumerate(settings.folders)]
    own: dict[KeyPath, Place] = {
        ("state_dir",): place(settings.state_dir),
        ("work_dir",): place(settings.work_dir),
    }
    return tuple(overlaps(folders, own, where))


def overlaps(
    folders: Sequence[FolderPlaces], own: dict[KeyPath, Place], where: Callable[[KeyPath], str] = dotted
) -> Iterator[Finding]:
    """Everything that does not keep apart, each with both key paths. `own` are the state and work folders."""
    for first, second in combinations(folders, 2):
        yield from _inputs(first, second, where)
    for folder in folders:
        yield from _within(folder, where)
        for other in folders:
            if other is not folder:
                yield from _between(folder, other, where)
        for key, kept in own.items():
            yield from _daemon_folder(folder, key, kept, where)


def _inputs(first: FolderPlaces, second: FolderPlaces, where: Callable[[KeyPath], str]) -> Iterator[Finding]:
    """Two folders never take in the same file."""
    names = (*first.key, "input"), (*second.key, "input")
    if first.input.same(second.input):
        hint = "watch it once; use subfolders for different presets"
        yield Finding("folders.same_input", f"the same folder as {dotted(names[0])}", hint, where(names[1]))
    elif first.takes_from(second.input):
        yield _nested(names[1], names[0], where)
    elif second.takes_from(first.input):
        yield _nested(names[0], names[1], where)


def _nested(inner: KeyPath, outer: KeyPath, where: Callable[[KeyPath], str]) -> Finding:
    hint = "move one of them, or set `recursive: false` for the outer one"
    return Finding("folders.nested_input", f"lies inside {dotted(outer)}, which is recursive", hint, where(inner))


def _within(folder: FolderPlaces, where: Callable[[KeyPath], str]) -> Iterator[Finding]:
    """One folder's own places. Its done and failed may lie in its input: they are left out of every scan."""
    for (name, target), (other_name, other) in combinations(folder.targets.items(), 2):
        if target.same(other):
            message = f"the same folder as {dotted((*folder.key, name))}"
            yield Finding(OVERLAP, message, _KEEP_APART, where((*folder.key, other_name)))
    for name, target in folder.targets.items():
        key, entry = (*folder.key, name), dotted((*folder.key, "input"))
        if target.same(folder.input) or (name == "output" and target.inside(folder.input)):
            hint = "choose a folder beside the input"
            yield Finding(OVERLAP, f"{target.path} lies in the watched {entry}", hint, where(key))
        elif folder.recursive and folder.input.inside(target):
            hint = "choose a folder beside the input, or set `recursive: false`"
            yield Finding(OVERLAP, f"{target.path} contains the watched {entry}", hint, where(key))


def _between(folder: FolderPlaces, other: FolderPlaces, where: Callable[[KeyPath], str]) -> Iterator[Finding]:
    """No folder's results are written where another folder takes them in."""
    for name, target in folder.targets.items():
        key, entry = (*folder.key, name), dotted((*other.key, "input"))
        if other.takes_from(target):
            hint = "its files would be taken in again; choose a folder outside every input"
            yield Finding(OVERLAP, f"{target.path} lies in the watched {entry}", hint, where(key))
        elif folder.recursive and other.input.inside(target):
            hint = "its files could be taken in again; choose a folder that holds no input"
            yield Finding(OVERLAP, f"{target.path} contains the watched {entry}", hint, where(key))


def _daemon_folder(
    folder: FolderPlaces, key: KeyPath, kept: Place, where: Callable[[KeyPath], str]
) -> Iterator[Finding]:
    """The daemon's own folders lie in no watch folder, and no user's folder lies in them."""
    for name, users in {"input": folder.input, **folder.targets}.items():
        if users.inside(kept):
            message = f"{users.path} lies in {dotted(key)}, which framewatch keeps for itself"
            yield Finding(OVERLAP, message, _KEEP_APART, where((*folder.key, name)))
    if kept.inside(folder.input) and not kept.same(folder.input):
        message = f"{kept.path} lies in the watched {dotted((*folder.key, 'input'))}"
        yield Finding(OVERLAP, message, "use a folder on a local disk, outside every input", where(key))


def _key(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return str(path)
    return f"{status.st_dev}:{status.st_ino}"
