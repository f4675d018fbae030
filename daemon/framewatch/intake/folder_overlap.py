"""Find folders that overlap: a video that framewatch wrote would be admitted again, for ever.

The rules are pure; only `resolve` accesses the file system.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from framewatch.errors import Finding
from framewatch.safe_yaml import KeyPath, dotted
from framewatch.settings import FolderSettings, Settings

OVERLAP = "folders.overlap"
_TARGETS = ("output", "done", "failed")
_KEEP_APART = "use separate folders, none inside another"


class ResolvedPath(NamedTuple):
    """A folder and its ancestors, compared by device and inode instead of by name."""

    path: Path  # as written in the configuration
    lineage: tuple[str, ...]  # keys of the folder, its parent, and so on up to the root

    def same(self, other: ResolvedPath) -> bool:
        """Return whether both are the same folder."""
        return self.lineage[0] == other.lineage[0]

    def inside(self, other: ResolvedPath) -> bool:
        """Return whether this is the other folder or is inside it."""
        return other.lineage[0] in self.lineage


class ResolvedFolder(NamedTuple):
    """The paths of one watch folder."""

    key: KeyPath  # ("folders", 0)
    recursive: bool
    input: ResolvedPath
    targets: dict[str, ResolvedPath]  # output, done, failed

    def admits_from(self, path: ResolvedPath) -> bool:
        """Return whether files in a folder would be admitted."""
        return path.inside(self.input) if self.recursive else path.same(self.input)


def resolve(path: Path) -> ResolvedPath:
    """Resolve a path to its folder and ancestors.

    Links, bind mounts and differences in case lead to the same keys. A folder that does not exist yet is compared by
    its resolved name.
    """
    resolved = Path(os.path.realpath(path))
    return ResolvedPath(path, tuple(map(_key, (resolved, *resolved.parents))))


def resolve_folder(number: int, folder: FolderSettings) -> ResolvedFolder:
    """Resolve the paths of a watch folder; `number` is its position in the configuration."""
    targets = {name: resolve(getattr(folder, name)) for name in _TARGETS}
    return ResolvedFolder(("folders", number), folder.recursive, resolve(folder.input), targets)


def find_overlaps(settings: Settings, where: Callable[[KeyPath], str] = dotted) -> tuple[Finding, ...]:
    """Resolve every path of the configuration and find overlaps.

    Args:
        settings: the configuration, with absolute paths.
        where: formats a key path, such as `Document.where`.
    """
    folders = [resolve_folder(number, folder) for number, folder in enumerate(settings.folders)]
    own: dict[KeyPath, ResolvedPath] = {
        ("state_dir",): resolve(settings.state_dir),
        ("work_dir",): resolve(settings.work_dir),
    }
    return tuple(overlaps(folders, own, where))


def overlaps(
    folders: Sequence[ResolvedFolder], own: dict[KeyPath, ResolvedPath], where: Callable[[KeyPath], str] = dotted
) -> Iterator[Finding]:
    """Yield a finding for each overlap, with both key paths. `own` are the state and work folders."""
    for first, second in combinations(folders, 2):
        yield from _inputs(first, second, where)
    for folder in folders:
        yield from _within(folder, where)
        for other in folders:
            if other is not folder:
                yield from _between(folder, other, where)
        for key, kept in own.items():
            yield from _daemon_folder(folder, key, kept, where)


def _inputs(first: ResolvedFolder, second: ResolvedFolder, where: Callable[[KeyPath], str]) -> Iterator[Finding]:
    """Check that two folders never admit the same file."""
    names = (*first.key, "input"), (*second.key, "input")
    if first.input.same(second.input):
        hint = "watch it once, and use subfolders for different presets"
        yield Finding("folders.same_input", f"the same folder as {dotted(names[0])}", hint, where(names[1]))
    elif first.admits_from(second.input):
        yield _nested(names[1], names[0], where)
    elif second.admits_from(first.input):
        yield _nested(names[0], names[1], where)


def _nested(inner: KeyPath, outer: KeyPath, where: Callable[[KeyPath], str]) -> Finding:
    hint = "move one of them, or set `recursive: false` for the outer one"
    return Finding("folders.nested_input", f"is inside {dotted(outer)}, which is recursive", hint, where(inner))


def _within(folder: ResolvedFolder, where: Callable[[KeyPath], str]) -> Iterator[Finding]:
    """Check the paths of one folder. Its done and failed may be inside its input: scans skip them."""
    for (name, target), (other_name, other) in combinations(folder.targets.items(), 2):
        if target.same(other):
            message = f"the same folder as {dotted((*folder.key, name))}"
            yield Finding(OVERLAP, message, _KEEP_APART, where((*folder.key, other_name)))
    for name, target in folder.targets.items():
        key, entry = (*folder.key, name), dotted((*folder.key, "input"))
        if target.same(folder.input) or (name == "output" and target.inside(folder.input)):
            hint = "choose a folder beside the input"
            yield Finding(OVERLAP, f"{target.path} is inside the watched {entry}", hint, where(key))
        elif folder.recursive and folder.input.inside(target):
            hint = "choose a folder beside the input, or set `recursive: false`"
            yield Finding(OVERLAP, f"{target.path} contains the watched {entry}", hint, where(key))


def _between(folder: ResolvedFolder, other: ResolvedFolder, where: Callable[[KeyPath], str]) -> Iterator[Finding]:
    """Check that no folder's results are written where another folder admits them."""
    for name, target in folder.targets.items():
        key, entry = (*folder.key, name), dotted((*other.key, "input"))
        if other.admits_from(target):
            hint = "its files would be admitted again; choose a folder outside every input"
            yield Finding(OVERLAP, f"{target.path} is inside the watched {entry}", hint, where(key))
        elif folder.recursive and other.input.inside(target):
            hint = "its files could be admitted again; choose a folder that holds no input"
            yield Finding(OVERLAP, f"{target.path} contains the watched {entry}", hint, where(key))


def _daemon_folder(
    folder: ResolvedFolder, key: KeyPath, kept: ResolvedPath, where: Callable[[KeyPath], str]
) -> Iterator[Finding]:
    """Check that the daemon's own folders are in no watch folder, and no user's folder is in them."""
    for name, users in {"input": folder.input, **folder.targets}.items():
        if users.inside(kept):
            message = f"{users.path} is inside {dotted(key)}, which framewatch keeps for itself"
            yield Finding(OVERLAP, message, _KEEP_APART, where((*folder.key, name)))
    if kept.inside(folder.input) and not kept.same(folder.input):
        message = f"{kept.path} is inside the watched {dotted((*folder.key, 'input'))}"
        yield Finding(OVERLAP, message, "use a folder on a local disk, outside every input", where(key))


def _key(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return str(path)
    return f"{status.st_dev}:{status.st_ino}"
