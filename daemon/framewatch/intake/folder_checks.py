"""Check the configured folders, and create those that framewatch may create.

`os.path` answers false for whatever cannot be examined; the methods of Path raise for some errors, such as EACCES and
those of a dead share.
"""

# ruff: noqa: PTH110, PTH112, PTH114

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from framewatch.errors import ConfigError, Finding, StorageError
from framewatch.intake.folder_overlap import find_overlaps
from framewatch.safe_yaml import KeyPath, dotted
from framewatch.settings import FolderSettings, Settings
from framewatch.storage.mounts import Mounts

_TARGETS = ("output", "done", "failed")
_RIGHTS = (
    "give framewatch's user write permission there; a systemd service also needs the drop-in that "
    "`framewatch service systemd` prints"
)


def check_folders(
    settings: Settings, where: Callable[[KeyPath], str] = dotted, known: Collection[Path] = ()
) -> tuple[Finding, ...]:
    """Return everything that is wrong with the configured folders. Creates nothing.

    Args:
        settings: the configuration, with absolute paths.
        where: formats a key path, such as `LoadedSettings.document.where`.
        known: folders that were in use before. If one is missing, its disk is not mounted, and is waited for.
    """
    findings = list(find_overlaps(settings, where))
    for number, folder in enumerate(settings.folders):
        findings += check_folder(folder, partial(_below, where, number), known)
    return (*findings, *check_own_folders(settings, where))


def _below(where: Callable[[KeyPath], str], number: int, key: KeyPath) -> str:
    return where(("folders", number, *key))


def check_own_folders(settings: Settings, where: Callable[[KeyPath], str] = dotted) -> tuple[Finding, ...]:
    """Return everything that is wrong with the state and work folders."""
    keys = {key: getattr(settings, key) for key in ("state_dir", "work_dir")}
    return tuple(
        finding.at(where((key,)))
        for key, path in keys.items()
        for finding in (*_creatable(path, deep=True), *_open_to_others(path))
    )


def check_folder(
    folder: FolderSettings, where: Callable[[KeyPath], str] = dotted, known: Collection[Path] = ()
) -> tuple[Finding, ...]:
    """Return what is wrong with the folders of one watch folder; `where` formats a key path within its settings."""
    return tuple(finding.at(where((key,))) for key, finding in _folder(folder, known))


def make_own_folders(settings: Settings, where: Callable[[KeyPath], str] = dotted) -> None:
    """Create the state and work folders, with their parents.

    Raises:
        ConfigError: one cannot be created.
    """
    for key in ("state_dir", "work_dir"):
        _create(getattr(settings, key), where((key,)), mode=0o700, parents=True)


def make_targets(folder: FolderSettings, roots: Mounts, where: Callable[[KeyPath], str] = dotted) -> None:
    """Create the missing output, done and failed folders of a watch folder, except where a disk is not mounted.

    Every existing root is checked once, so that its mount marker is known from now on.

    Raises:
        ConfigError: one cannot be created.
    """
    for key in _TARGETS:
        path = getattr(folder, key)
        if not os.path.lexists(path) and roots.may_create(path):
            _create(path, where((key,)))
            roots.forget(path)
    for path in (folder.input, *(getattr(folder, key) for key in _TARGETS)):
        with suppress(StorageError):  # whoever needs the root reports it
            roots.require(path)


def _create(path: Path, where: str, *, mode: int = 0o777, parents: bool = False) -> None:
    try:
        path.mkdir(mode=mode, parents=parents, exist_ok=True)
    except OSError as error:
        message = f"{path} cannot be created: {error.strerror}"
        raise ConfigError(message, code="folders.not_writable", hint=_RIGHTS, where=where) from None


def _folder(folder: FolderSettings, known: Collection[Path]) -> Iterator[tuple[str, Finding]]:
    if os.path.lexists(folder.input) or folder.input not in known:
        for finding in _input(folder.input):
            yield "input", finding
    for key in _TARGETS:
        target = getattr(folder, key)
        if target in known and not os.path.lexists(target):
            continue
        if link := _link_between(folder.input, target):
            hint = "replace the link with a folder, or name its target in the configuration"
            message = f"{link} is a link inside the input folder, where others may change it"
            yield key, Finding("folders.symlink", message, hint)
        elif not (target.is_relative_to(folder.input) and not os.path.isdir(folder.input)):  # reported for the input
            for finding in _creatable(target, deep=False):
                yield key, finding


def _input(path: Path) -> Iterator[Finding]:
    """Check an input. It is never created: a share that is not mounted must not be mistaken for an empty folder."""
    if not os.path.exists(path):
        hint = "create it, or mount the share that it is on"
        yield Finding("folders.no_input", f"{path} does not exist", hint)
    elif not os.path.isdir(path):
        yield Finding("folders.not_a_folder", f"{path} is not a folder", "name a folder")
    elif not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        message = f"{path} must be readable and writable: sources are moved out of it when they are done"
        yield Finding("folders.not_writable", message, _RIGHTS)


def _creatable(path: Path, *, deep: bool) -> Iterator[Finding]:
    """Check that a folder exists or can be created; the parents may be missing only if `deep`."""
    existing = path
    while deep and not os.path.lexists(existing) and existing != existing.parent:
        existing = existing.parent
    if not deep and not os.path.lexists(path):
        existing = path.parent
    if not os.path.exists(existing):
        hint = "create that folder, or mount the share that it is on"
        yield Finding("folders.no_parent", f"{path} cannot be created: {existing} does not exist", hint)
    elif not os.path.isdir(existing):
        yield Finding("folders.not_a_folder", f"{existing} is not a folder", "name a folder")
    elif not os.access(existing, os.W_OK | os.X_OK):
        yield Finding("folders.not_writable", f"{existing} cannot be written", _RIGHTS)


def _open_to_others(path: Path) -> Iterator[Finding]:
    """Check that nobody else can write to a folder of framewatch's own, and plant links there to overwrite files."""
    with suppress(OSError):  # it does not exist yet, or another finding says so
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode) and mode & 0o022 and not mode & stat.S_ISVTX:
            hint = f"run `chmod go-w {path}`, or name a folder that nobody else can write to"
            yield Finding("folders.unsafe", f"{path} can be written by others", hint)


def _link_between(top: Path, path: Path) -> Path | None:
    """Return the first link below `top` on the way to `path`; None if there is none, or `path` is elsewhere."""
    if not path.is_relative_to(top):
        return None
    parts = path.relative_to(top).parts
    steps = (top.joinpath(*parts[: count + 1]) for count in range(len(parts)))
    return next((step for step in steps if os.path.islink(step)), None)
