"""Check the configured folders, and create those that framewatch may create."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from framewatch.errors import ConfigError, Finding, StorageError
from framewatch.intake.folder_overlap import find_overlaps
from framewatch.safe_yaml import KeyPath, dotted
from framewatch.settings import FolderSettings, Settings
from framewatch.settings.environment import variable
from framewatch.storage import beneath
from framewatch.storage.mounts import Mounts
from framewatch.storage.os_errors import SYMLINK, storage_error
from framewatch.storage.root import UNGUARDED, Guard, Root

LINK = "folders.symlink"
_RIGHTS = (
    "give framewatch's user write permission there; a systemd service writes only to folders that were in the "
    "configuration at `framewatch service install`"
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
        for finding in (*_own(key, path), *_open_to_others(path))
    )


def _own(key: str, path: Path) -> Iterator[Finding]:
    """Check that a folder of framewatch's own exists or can be created. Often nobody has named it: the hint does."""
    for finding in _creatable(path, UNGUARDED, deep=True):
        hint = f"set {key} (or {variable((key,))}) to a folder of framewatch's user, or {finding.hint}"
        problem = finding.message
        if str(path) not in problem:
            problem = f"{path} cannot be used: {': '.join(filter(None, (finding.where, problem)))}"
        yield replace(finding, message=problem, hint=hint, where="")


def check_folder(
    folder: FolderSettings,
    where: Callable[[KeyPath], str] = dotted,
    known: Collection[Path] = (),
    guard: Guard = UNGUARDED,
) -> tuple[Finding, ...]:
    """Return what is wrong with the folders of one watch folder.

    Args:
        folder: its settings, with absolute paths.
        where: formats a key path within them.
        known: folders that were in use before.
        guard: says where the folders are, if they are in use: a link that is placed then is not followed.
    """
    return tuple(finding.at(where((key,))) for key, finding in _folder(folder, known, guard))


def make_own_folders(settings: Settings, where: Callable[[KeyPath], str] = dotted) -> None:
    """Create the state and work folders, with their parents.

    Raises:
        ConfigError: one cannot be created.
    """
    for key in ("state_dir", "work_dir"):
        path = getattr(settings, key)
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise _not_created(path, error.strerror or str(error), where((key,))) from None


def make_targets(folder: FolderSettings, roots: Mounts, where: Callable[[KeyPath], str] = dotted) -> None:
    """Create the missing output, done and failed folders of a watch folder, except where a disk is not mounted.

    Every existing root is checked once, so that its mount marker is known from now on.

    Raises:
        ConfigError: one cannot be created.
    """
    for key, path in folder.targets.items():
        if roots.may_create(path):
            try:
                roots.create(path)
            except StorageError as error:
                raise _not_created(path, error.finding.message, where((key,))) from None
    for path in (folder.input, *folder.targets.values()):
        with suppress(StorageError):  # whoever needs the root reports it
            roots.require(path)


def _not_created(path: Path, reason: str, where: str) -> ConfigError:
    return ConfigError(f"{path} cannot be created: {reason}", code="folders.not_writable", hint=_RIGHTS, where=where)


def _folder(folder: FolderSettings, known: Collection[Path], guard: Guard) -> Iterator[tuple[str, Finding]]:
    wrong = list(_input(folder.input, guard, writes=not folder.keeps_sources))
    lost = any(finding.code != "folders.not_writable" for finding in wrong)
    if _is_there(folder.input, guard) or folder.input not in known:
        yield from (("input", finding) for finding in wrong)
    for key, target in folder.targets.items():
        if target in known and not _is_there(target, guard):
            continue
        if link := _link_between(Root(folder.input, guard), target):
            hint = "replace the link with a folder, or name its target in the configuration"
            message = f"{link} is a link inside the input folder, where others may change it"
            yield key, Finding(LINK, message, hint)
        elif not (lost and target.is_relative_to(folder.input)):  # reported for the input
            for finding in _creatable(target, guard, deep=False):
                yield key, finding


def _input(path: Path, guard: Guard, *, writes: bool) -> Iterator[Finding]:
    """Check an input. It is never created: a share that is not mounted must not be mistaken for an empty folder."""
    try:
        may = _may(path, os.R_OK | os.X_OK | (os.W_OK if writes else 0), guard)
    except OSError as error:
        yield _unreachable(path, error) or Finding(
            "folders.no_input", f"{path} does not exist", "create it, or mount the share that it is on"
        )
    except StorageError as error:
        yield _refused_link(error)
    else:
        if not may:
            writable = " and writable: sources are moved out of it when they are done" if writes else ""
            yield Finding("folders.not_writable", f"{path} must be readable{writable}", _RIGHTS)


def _creatable(path: Path, guard: Guard, *, deep: bool) -> Iterator[Finding]:
    """Check that a folder exists or can be created; the parents may be missing only if `deep`."""
    above = path.parents if deep else path.parents[:1]
    for existing in (path, *above):
        try:
            may = _may(existing, os.W_OK | os.X_OK, guard)
        except FileNotFoundError:
            if _is_there(existing, guard):  # a link that leads nowhere: what it leads to is probably not mounted
                break
            continue
        except OSError as error:
            if finding := _unreachable(existing, error):
                message = f"{path} cannot be created: {finding.message}"
                yield finding if existing == path else replace(finding, message=message)
                return
            continue
        except StorageError as error:
            yield _refused_link(error)
            return
        if not may:
            problem = f"{existing} cannot be written"
            message = problem if existing == path else f"{path} cannot be created: {problem}"
            yield Finding("folders.not_writable", message, _RIGHTS)
        return
    hint = "create that folder, or mount the share that it is on"
    yield Finding("folders.no_parent", f"{path} cannot be created: {path.parent} does not exist", hint)


def _may(path: Path, rights: int, guard: Guard) -> bool:
    """Return whether framewatch may do what `rights`, as for `os.access`, says with a folder.

    Raises:
        OSError: there is no such folder.
        StorageError: a link on the way is not to be trusted.
    """
    folder = beneath.open_path(guard.real_path(path), beneath.PASSED)
    try:
        return os.access(".", rights, dir_fd=folder)
    finally:
        os.close(folder)


def _is_there(path: Path, guard: Guard) -> bool:
    """Return whether there is anything of this name, even a link that leads nowhere."""
    with suppress(StorageError):
        return Root(path.parent, guard).exists(path)
    return False


def _unreachable(path: Path, error: OSError) -> Finding | None:
    if error.errno == errno.ENOTDIR:
        return Finding("folders.not_a_folder", f"{path} is not a folder", "name a folder")
    if error.errno == errno.ELOOP:
        return _refused_link(storage_error(error, path))
    if error.errno == errno.EACCES:
        return Finding("folders.not_writable", f"{path} cannot be opened", _RIGHTS)
    return None  # missing; or a share that is dead, which counts as missing


def _refused_link(error: StorageError) -> Finding:
    finding = error.finding
    return replace(finding, code=LINK) if finding.code == SYMLINK else finding


def _open_to_others(path: Path) -> Iterator[Finding]:
    """Check that nobody else can write to a folder of framewatch's own, and plant links there to overwrite files."""
    with suppress(OSError):  # it does not exist yet, or another finding says so
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode) and mode & 0o022 and not mode & stat.S_ISVTX:
            hint = f"run `chmod go-w {path}`, or name a folder that nobody else can write to"
            yield Finding("folders.unsafe", f"{path} can be written by others", hint)


def _link_between(top: Root, path: Path) -> Path | None:
    """Return the first link below `top` on the way to `path`; None if there is none, or `path` is elsewhere."""
    if not path.is_relative_to(top.path):
        return None
    parts = path.relative_to(top.path).parts
    with suppress(OSError, StorageError), top.opened() as folder:
        for count in range(1, len(parts) + 1):
            found = beneath.find(folder, parts[:count])
            if found is not None and stat.S_ISLNK(found.st_mode):
                return top.path.joinpath(*parts[:count])
    return None
