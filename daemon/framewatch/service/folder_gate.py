"""Whether a watch folder can be used now: its folders, its disk, its lock and its preset.

What is wrong with one folder, or with what a stranger put there, must not concern the others. So each folder is
checked on the thread of its own watch, which waits while a check fails, and tries again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import structlog

from framewatch.errors import ConfigError, Finding, StorageError, limited
from framewatch.intake.admission import folder_preset
from framewatch.intake.daemon_lock import DaemonLock
from framewatch.intake.folder_checks import check_folder, make_targets
from framewatch.intake.preflight import Ready, load_named
from framewatch.media.preset.loader import FOLDER_PRESET, UNREADABLE, NamedPreset
from framewatch.media.rules.preset_rules import check_preset
from framewatch.settings import FolderSettings, LoadedSettings
from framewatch.storage.mounts import Mounts
from framewatch.storage.root import Root

NOT_MOUNTED = ("storage.not_mounted", "storage.unavailable")

_log = structlog.get_logger("framewatch.folders")


class _Seen(NamedTuple):
    """A preset file as it was last seen, and what is wrong with what it says."""

    state: tuple[int, ...] | None  # None: there is none
    finding: Finding | None


class FolderGate:
    """The checks of all watch folders of one configuration. Each folder is checked on one thread at a time."""

    def __init__(self, mounts: Mounts, lock: DaemonLock, loaded: LoadedSettings, ready: Ready) -> None:
        """Check nothing yet.

        Args:
            mounts: knows the disks.
            lock: gets the locks of the folders' inputs.
            loaded: the configuration.
            ready: what its checks found.
        """
        self._mounts = mounts
        self._lock = lock
        self._loaded = loaded
        self._ready = ready
        self._open: set[str] = set()  # folders that passed all checks, until one fails
        self._has_preset = {name for name, preset in ready.presets.items() if preset is not None}
        self._seen: dict[str, _Seen] = {}

    def require(self, folder: FolderSettings, use_preset: Callable[[NamedPreset], None]) -> Finding | None:
        """Check a folder: everything until it can be used, and from then on what may change.

        Args:
            folder: its settings.
            use_preset: gets the preset that the configuration names, if it could not be loaded before.

        Returns:
            What is wrong with the preset file in the folder: its files will fail, and say so.

        Raises:
            ConfigError, StorageError: the folder cannot be used now.
            AlreadyRunningError: another process has its lock.
        """
        is_open = folder.name in self._open
        self._open.discard(folder.name)
        where = partial(self._where, folder)
        if not is_open:
            found = (
                *check_folder(folder, where, self._mounts.known, self._mounts),
                *self._ready.linked.get(folder.name, ()),
            )
            if found:
                raise StorageError.of(found)
        self._require_disk(folder)
        log_warnings(self._lock.add(self._input(folder), f"folder {folder.name!r}"))
        if not is_open:
            make_targets(folder, self._mounts, where)
            if folder.preset is not None and folder.name not in self._has_preset:
                use_preset(load_named(self._loaded, self._number(folder), self._ready.tools))
                self._has_preset.add(folder.name)
        finding = self._check_own_preset(folder) if folder.preset is None else None
        self._open.add(folder.name)
        return finding

    def _require_disk(self, folder: FolderSettings) -> None:
        try:
            self._input(folder).require()
        except StorageError as error:
            if error.finding.code in NOT_MOUNTED:
                self._lock.drop(self._input(folder))  # an open lock file would keep the disk from being unmounted
            raise
        replace(self._loaded.settings.places[folder.name], guard=self._mounts).require_no_links()

    def _check_own_preset(self, folder: FolderSettings) -> Finding | None:
        """Read the preset file in a folder, again if it has changed. One that cannot be read is waited for."""
        state = _state_of(self._input(folder))
        before = self._seen.get(folder.name)
        if before is not None and before.state == state:
            return before.finding
        finding = self._own_preset_finding(folder)
        if finding is not None:
            log_warnings((finding,), folder=folder.name)
        self._seen[folder.name] = _Seen(state, finding)
        return finding

    def _own_preset_finding(self, folder: FolderSettings) -> Finding | None:
        try:
            preset = folder_preset(self._input(folder), [self._loaded.settings.presets_dir])
        except ConfigError as error:
            if error.finding.code == UNREADABLE:
                raise
            return error.finding
        return next(map(preset.locate, limited(check_preset(preset.preset))), None)

    def _input(self, folder: FolderSettings) -> Root:
        return Root(folder.input, self._mounts)

    def _number(self, folder: FolderSettings) -> int:
        return self._loaded.settings.folders.index(folder)

    def _where(self, folder: FolderSettings, key: tuple[str | int, ...]) -> str:
        return self._loaded.document.where(("folders", self._number(folder), *key))


def log_warnings(warnings: tuple[Finding, ...], **fields: str) -> None:
    """Log what a user should know about the configuration."""
    for warning in warnings:
        _log.warning("config.warning", code=warning.code, message=str(warning), hint=warning.hint, **fields)


def _state_of(folder: Root) -> tuple[int, ...] | None:
    found = folder.find(folder.path / FOLDER_PRESET)
    if found is None:
        return None
    return (found.st_dev, found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
