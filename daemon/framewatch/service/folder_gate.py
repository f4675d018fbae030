"""Whether a watch folder can be used now: its folders, its disk, its lock and its preset.

What is wrong with one folder, or with what a stranger put there, must not concern the others. So each folder is
checked on the thread of its own watch, which waits while a check fails, and tries again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import structlog

from framewatch.errors import ConfigError, Finding, StorageError
from framewatch.intake.admission import folder_preset, preset_library
from framewatch.intake.daemon_lock import DaemonLock
from framewatch.intake.folder_checks import check_folder, make_targets
from framewatch.intake.folder_overlap import locate, split_overlaps
from framewatch.intake.preflight import Ready, load_named, preset_findings
from framewatch.library.own_files import FOLDER_PRESET
from framewatch.media.preset.loader import NamedPreset
from framewatch.media.preset.preset_file import UNREADABLE
from framewatch.safe_yaml import KeyPath
from framewatch.settings import FolderSettings, LoadedSettings
from framewatch.storage.mounts import Mounts
from framewatch.storage.root import Root

PLACES_SECONDS = 10.0  # between two looks at whether output, done and failed can be used
PRESET_SECONDS = 3.0  # between two looks at a preset file, however often it is written
NOT_MOUNTED = ("storage.not_mounted", "storage.unavailable")

_log = structlog.get_logger("framewatch.folders")


class _Seen(NamedTuple):
    """A preset file as it was last seen, and what is wrong with what it says."""

    state: tuple[int, ...] | None  # None: there is none
    finding: Finding | None
    at: float  # monotonic seconds


class FolderGate:
    """The checks of all watch folders of one configuration. Each folder is checked on one thread at a time."""

    def __init__(
        self,
        mounts: Mounts,
        lock: DaemonLock,
        loaded: LoadedSettings,
        ready: Ready,
        on_checked: Callable[[FolderSettings], None] = lambda _: None,
    ) -> None:
        """Check nothing yet.

        Args:
            mounts: knows the disks.
            lock: gets the locks of the folders' inputs.
            loaded: the configuration.
            ready: what its checks found.
            on_checked: hears of each folder that can be used, before its files are looked at for the first time and
                then each time its places were checked. It may touch the folder's shares.
        """
        self._on_checked = on_checked
        self._mounts = mounts
        self._lock = lock
        self._loaded = loaded
        self._ready = ready
        self._open: dict[str, float] = {}  # folders that passed all checks: when their places were checked last
        self._has_preset = {name for name, preset in ready.presets.items() if preset is not None}
        self._seen: dict[str, _Seen] = {}
        self._located = dict(ready.located)  # where each folder's paths led when they were last looked up

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
        checked_at = self._open.pop(folder.name, None)
        where = partial(self._where, folder)
        is_due = checked_at is None or time.monotonic() >= checked_at + PLACES_SECONDS
        if is_due:
            self._require_places(folder, where)
        self._require_disk(folder)
        writes = not folder.keeps_sources
        log_warnings(self._lock.add(self._input(folder), f"folder {folder.name!r}", writes=writes))
        if is_due:
            self._on_checked(folder)
        if checked_at is None:
            make_targets(folder, self._mounts, where)
            if folder.preset is not None and folder.name not in self._has_preset:
                use_preset(load_named(self._loaded, self._number(folder), self._ready.tools, self._mounts))
                self._has_preset.add(folder.name)
        finding = self._check_own_preset(folder) if folder.preset is None else None
        self._open[folder.name] = time.monotonic() if is_due or checked_at is None else checked_at
        return finding

    def _require_places(self, folder: FolderSettings, where: Callable[[KeyPath], str]) -> None:
        found = check_folder(folder, where, self._mounts.known, self._mounts)
        found += tuple(self._overlaps(folder))
        if found:
            raise StorageError.of(found)

    def _overlaps(self, folder: FolderSettings) -> list[Finding]:
        """Return the overlaps that a link of this folder makes. Of the others, nothing is touched: some may hang."""
        number = self._number(folder)
        self._located[number] = locate(number, folder)
        located = [self._located[number] for number in sorted(self._located)]
        _, linked = split_overlaps(located, self._loaded.settings, self._loaded.document.where)
        return linked.get(number, [])

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
        before = self._seen.get(folder.name)
        if before is not None and time.monotonic() < before.at + PRESET_SECONDS:
            return before.finding
        state = _state_of(self._input(folder))
        if before is not None and before.state == state:
            return before.finding
        finding = self._own_preset_finding(folder)
        if finding is not None:
            log_warnings((finding,), folder=folder.name)
        self._seen[folder.name] = _Seen(state, finding, time.monotonic())
        return finding

    def _own_preset_finding(self, folder: FolderSettings) -> Finding | None:
        try:
            preset = folder_preset(self._input(folder), preset_library(self._loaded.settings, self._mounts))
        except ConfigError as error:
            if error.finding.code == UNREADABLE:
                raise
            return error.finding
        return next(preset_findings(preset, self._ready.tools), None)

    def _input(self, folder: FolderSettings) -> Root:
        return Root(folder.input, self._mounts)

    def _number(self, folder: FolderSettings) -> int:
        return self._loaded.settings.folders.index(folder)

    def _where(self, folder: FolderSettings, key: KeyPath) -> str:
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
