"""Find folders that overlap: a video that framewatch wrote would be admitted again, for ever.

The rules are pure; only `resolve` and `written` access the file system.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from framewatch.errors import Finding, StorageError
from framewatch.safe_yaml import KeyPath, dotted
from framewatch.settings import FolderSettings, Settings
from framewatch.storage import beneath, links

OVERLAP = "folders.overlap"
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

    number: int  # its position in the configuration
    recursive: bool
    input: ResolvedPath
    targets: dict[str, ResolvedPath]  # output, done, failed, as far as there are such folders

    @property
    def key(self) -> KeyPath:
        """The key path, such as ("folders", 0)."""
        return ("folders", self.number)

    def admits_from(self, path: ResolvedPath) -> bool:
        """Return whether files in a folder would be admitted."""
        return path.inside(self.input) if self.recursive else path.same(self.input)


def resolve(path: Path) -> ResolvedPath:
    """Resolve a path to its folder and ancestors.

    Links, bind mounts and differences in case lead to the same keys. A folder that does not exist yet is compared by
    its resolved name. A link that is not to be trusted is not followed: such a folder is never used.
    """
    resolved = path
    with suppress(StorageError):
        resolved = links.resolve(path)
    return ResolvedPath(path, tuple(map(_key, (resolved, *resolved.parents))))


def written(path: Path) -> ResolvedPath:
    """Return a path as `resolve` does, but by its names from the first link on."""
    return ResolvedPath(
        path, tuple(str(each) if _through_link(each) else _key(each) for each in (path, *path.parents))
    )


def named(path: Path) -> ResolvedPath:
    """Return a path as `resolve` does, but by its names alone: nothing is accessed."""
    plain = Path(os.path.normpath(path))
    return ResolvedPath(path, tuple(map(str, (plain, *plain.parents))))


def resolve_folder(
    number: int, folder: FolderSettings, how: Callable[[Path], ResolvedPath] = resolve
) -> ResolvedFolder:
    """Resolve the paths of a watch folder; `number` is its position in the configuration."""
    targets = {name: how(path) for name, path in folder.targets.items()}
    return ResolvedFolder(number, folder.recursive, how(folder.input), targets)


class Overlap(NamedTuple):
    """An overlap, and the positions of the watch folders that have a part in it."""

    finding: Finding
    folders: frozenset[int]


def find_overlaps(settings: Settings, where: Callable[[KeyPath], str] = dotted) -> tuple[Finding, ...]:
    """Resolve every path of the configuration and find overlaps.

    Args:
        settings: the configuration, with absolute paths.
        where: formats a key path, such as `Document.where`.
    """
    return tuple(overlap.finding for overlap in _found(settings, where, resolve))


class LocatedFolder(NamedTuple):
    """A watch folder's paths, with links followed and as they are without, and whether there is one."""

    resolved: ResolvedFolder
    written: ResolvedFolder
    has_link: bool


def locate(number: int, folder: FolderSettings) -> LocatedFolder:
    """Look up the paths of a watch folder, and of no other: they may hang on a dead share."""
    return LocatedFolder(resolve_folder(number, folder), resolve_folder(number, folder, written), _has_link(folder))


def split_overlaps(
    located: Collection[LocatedFolder], settings: Settings, where: Callable[[KeyPath], str] = dotted
) -> tuple[list[Finding], dict[int, list[Finding]]]:
    """Find overlaps, and tell mistakes of the configuration from what a link in a share has made of it.

    Whoever can write to a share may place a link there. It must not keep the other folders from running.

    Args:
        located: those watch folders whose shares have answered.
        settings: the configuration. The paths of its other watch folders are compared by their names.
        where: formats a key path.

    Returns:
        The overlaps that are there without following links, and the others by the position of the folder with a link.
    """
    named_ones = _found(settings, where, named) if len(located) < len(settings.folders) else ()
    as_written = overlaps([each.written for each in located], _own(settings, written), where)
    plain = {overlap.finding: overlap for found in (named_ones, as_written) for overlap in found}
    with_link = {each.resolved.number for each in located if each.has_link}
    linked: dict[int, list[Finding]] = {}
    for overlap in overlaps([each.resolved for each in located], _own(settings, resolve), where):
        if overlap.finding in plain:
            continue
        suspects = sorted(overlap.folders & with_link)
        if not suspects:
            plain[overlap.finding] = overlap
        for number in suspects:
            linked.setdefault(number, []).append(overlap.finding)
    return list(plain), linked


def _found(
    settings: Settings, where: Callable[[KeyPath], str], how: Callable[[Path], ResolvedPath]
) -> Iterator[Overlap]:
    folders = [resolve_folder(number, folder, how) for number, folder in enumerate(settings.folders)]
    return overlaps(folders, _own(settings, how), where)


def _own(settings: Settings, how: Callable[[Path], ResolvedPath]) -> dict[KeyPath, ResolvedPath]:
    return {("state_dir",): how(settings.state_dir), ("work_dir",): how(settings.work_dir)}


def overlaps(
    folders: Sequence[ResolvedFolder], own: dict[KeyPath, ResolvedPath], where: Callable[[KeyPath], str] = dotted
) -> Iterator[Overlap]:
    """Yield a finding for each overlap, with both key paths. `own` are the state and work folders."""
    for first, second in combinations(folders, 2):
        for finding in _inputs(first, second, where):
            yield Overlap(finding, frozenset((first.number, second.number)))
    for folder in folders:
        for finding in _within(folder, where):
            yield Overlap(finding, frozenset((folder.number,)))
        for other in folders:
            if other is not folder:
                for finding in _between(folder, other, where):
                    yield Overlap(finding, frozenset((folder.number, other.number)))
        for key, kept in own.items():
            for finding in _daemon_folder(folder, key, kept, where):
                yield Overlap(finding, frozenset((folder.number,)))


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


def _through_link(path: Path) -> bool:
    try:
        return links.resolve(path) != path
    except StorageError:
        return True


def _has_link(folder: FolderSettings) -> bool:
    return any(_through_link(path) for path in (folder.input, *folder.targets.values()))


def _key(path: Path) -> str:
    try:
        folder = beneath.open_path(path, beneath.PASSED)
        try:
            status = os.fstat(folder)
        finally:
            os.close(folder)
    except OSError:
        return str(path)
    return f"{status.st_dev}:{status.st_ino}"
