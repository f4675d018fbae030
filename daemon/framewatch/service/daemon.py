"""The daemon: makes the parts, starts them in order, stops them in reverse, and heeds signals."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import structlog

from framewatch import __version__
from framewatch.errors import Finding, FramewatchError, StorageError
from framewatch.intake.daemon_lock import DaemonLock
from framewatch.intake.folder_checks import make_own_folders, make_targets
from framewatch.intake.preflight import Ready, preflight
from framewatch.jobs.store.database import CORRUPT
from framewatch.jobs.store.recovery import mark_damaged, open_or_rebuild, was_rebuilt
from framewatch.jobs.store.store import Store
from framewatch.service import liveness, logs
from framewatch.service.application import Application
from framewatch.service.requests import Requests
from framewatch.service.signals import Signals
from framewatch.service.systemd_notify import notify, notify_reloading
from framewatch.settings import FolderSettings, LoadedSettings, Settings, load_settings
from framewatch.storage.marker_store import MarkerStore, copy_path, read_copy
from framewatch.storage.mount_marker import MountState
from framewatch.storage.mounts import Mounts

DRAIN_SECONDS = 8.0  # of the 10 s within which a SIGTERM must have ended the daemon
REQUEST_SECONDS = 1.0  # of these, at most, for a request that is being done
TICK_SECONDS = 0.5  # how soon a request, or the end of a `--once` run, is noticed
PRUNE_SECONDS = 24 * 3600.0
GONE = ("storage.not_mounted", "storage.unavailable")
STATE = "the state folder"

_log = structlog.get_logger("framewatch.daemon")


class Daemon:
    """One run of the daemon on one configuration file."""

    def __init__(self, config: Path) -> None:
        self._config = config
        self._lock = DaemonLock()
        self._signals = Signals()

    def run(self, *, once: bool = False) -> int:
        """Work until a signal comes or, with `once`, until what is there is done.

        Returns:
            The exit status: 1 where `once` and a file failed or is held, else 0.

        Raises:
            ConfigError: the configuration is wrong; everything that is wrong, at once.
            AlreadyRunningError: another daemon has this state or one of the folders.
            StorageError: the store cannot be opened.
        """
        loaded = load_settings(self._config)
        _configure_logs(loaded.settings)
        settings = loaded.settings
        ready = preflight(loaded, known=known_roots(settings.store_path))
        make_own_folders(settings, loaded.document.where)
        with self._lock:
            _warn(self._lock.hold(_own(settings)))
            with open_or_rebuild(settings.store_path, settings.work_dir) as store, self._signals:
                roots = Mounts(store, settings.places, rebuilt=was_rebuilt(store))
                self._hold_locks(settings, roots)
                make_targets(settings, roots, loaded.document.where)
                _warn(loaded.warnings + ready.warnings)
                require = partial(self._require_input, roots)
                try:
                    return self._serve(store, Application(store, loaded, ready, roots, require), once=once)
                except StorageError as error:
                    _note_damage(error, settings)
                    raise

    def _serve(self, store: Store, house: Application, *, once: bool) -> int:
        store.set_fact("daemon", liveness.note() | {"version": __version__, "started_at": time.time()})
        requests = Requests(store, house)
        try:
            house.start()
            _log.info("daemon.ready", pid=os.getpid(), version=__version__, config=self._config)
            notify(READY=1, STATUS="watching")
            self._loop(house, requests, store, once=once)
        except FramewatchError as error:
            if error is not house.scheduler.failure:  # which was told by the thread that it ended
                finding = error.finding
                _log.error("daemon.failed", code=finding.code, message=finding.message, hint=finding.hint)
            raise
        finally:
            _log.info("daemon.stopping")
            notify(STOPPING=1)
            asked = requests.stop(REQUEST_SECONDS)
            clean = house.stop(DRAIN_SECONDS - REQUEST_SECONDS) and asked
            with suppress(StorageError):  # a store that is full is why it ends; the next daemon overwrites this
                store.set_fact("daemon", None)
            _log.info("daemon.stopped", clean=clean)
        if once and house.went_wrong:
            house.tell_unfinished()
            return 1
        return 0

    def _loop(self, house: Application, requests: Requests, store: Store, *, once: bool) -> None:
        pruned = float("-inf")
        while not self._signals.stop:
            self._signals.wait(TICK_SECONDS)
            if self._signals.take_reload():
                self._reload(house)
            requests.take()
            house.tell_health()
            if time.monotonic() - pruned > PRUNE_SECONDS:
                store.prune()
                pruned = time.monotonic()
            if failure := store.damage or house.scheduler.failure:
                raise failure
            if once and requests.idle and house.idle:
                return

    def _reload(self, house: Application) -> None:
        """Take up the configuration as it is now, or say why not and keep the old one."""
        notify_reloading()
        try:
            loaded = load_settings(self._config)
            ready = preflight(loaded, known=house.roots.known)
            house.require_changeable(loaded.settings)
            _configure_logs(loaded.settings)
            self._hold_locks(loaded.settings, house.roots)
            make_targets(loaded.settings, house.roots, loaded.document.where)
        except FramewatchError as error:
            for finding in error.findings:
                _log.error("config.refused", code=finding.code, message=str(finding), hint=finding.hint)
        else:
            _warn(loaded.warnings + ready.warnings)
            house.change(loaded, ready)
            _log.info("config.reloaded", folders=[folder.name for folder in loaded.settings.folders])
        notify(READY=1)

    def _hold_locks(self, settings: Settings, roots: Mounts) -> None:
        """Lock framewatch's own folders and the inputs. One whose disk is not there is locked when it is back."""
        there = [folder for folder in settings.folders if _stands(folder.input, roots)]
        _warn(self._lock.hold(_own(settings) | {folder.input: _named(folder) for folder in there}))

    def _require_input(self, roots: Mounts, folder: FolderSettings) -> None:
        """Watch a folder only while its disk is there, and nobody else has it.

        A disk that is gone is let go of, or it could not be unmounted for good.

        Raises:
            StorageError, AlreadyRunningError: one or the other.
        """
        try:
            roots.require(folder.input)
        except StorageError as error:
            if error.finding.code in GONE:
                self._lock.drop(folder.input)
            raise
        _warn(self._lock.add(folder.input, _named(folder)))


def check(config: Path) -> tuple[LoadedSettings, Ready]:
    """Everything that `run` would check, and nothing made.

    Raises:
        ConfigError: with every finding.
    """
    loaded = load_settings(config)
    return loaded, preflight(loaded, strict=True)


def _stands(path: Path, roots: Mounts) -> bool:
    try:
        return roots.standing(path) is not MountState.ABSENT
    except StorageError:
        return False


def _named(folder: FolderSettings) -> str:
    return f"folder {folder.name!r}"


def _own(settings: Settings) -> dict[Path, str]:
    return {settings.work_dir: "the work folder", settings.state_dir: STATE}


def _note_damage(error: StorageError, settings: Settings) -> None:
    """Where the store itself is damaged, see to it that the next start rebuilds it."""
    if error.finding.code == CORRUPT:
        mark_damaged(settings.store_path)
        _log.error("store.damaged", message=error.finding.message, hint=error.finding.hint)


def _configure_logs(settings: Settings) -> None:
    log = settings.log
    logs.configure(form=log.format, level=log.level, file=log.file, max_bytes=log.max_bytes, backups=log.backups)


def _warn(warnings: tuple[Finding, ...]) -> None:
    for warning in warnings:
        _log.warning("config.warning", code=warning.code, message=str(warning), hint=warning.hint)


def known_roots(store_path: Path) -> frozenset[Path]:
    """The roots that an earlier daemon saw; none where nothing can be read, which is told elsewhere."""
    if known := read_copy(copy_path(store_path)):
        return frozenset(known)
    try:
        with Store.open(store_path, readonly=True) as store:
            return frozenset(MarkerStore(store).read())
    except StorageError:
        return frozenset()
