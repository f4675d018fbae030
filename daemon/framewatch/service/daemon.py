"""The daemon: makes the parts, starts them in order, stops them in reverse order, and obeys signals."""

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

DRAIN_SECONDS = 8.0  # of the 10 s within which the daemon ends after SIGTERM
REQUEST_SECONDS = 1.0  # of these, at most, for a running request
TICK_SECONDS = 0.5  # how soon a request, or the end of a `--once` run, is noticed
PRUNE_SECONDS = 24 * 3600.0
NOT_MOUNTED = ("storage.not_mounted", "storage.unavailable")

_log = structlog.get_logger("framewatch.daemon")


class Daemon:
    """One run of the daemon with one configuration file."""

    def __init__(self, config: Path) -> None:
        self._config = config
        self._lock = DaemonLock()
        self._signals = Signals()

    def run(self, *, once: bool = False) -> int:
        """Work until a signal comes or, with `once`, until there is nothing left to do.

        Returns:
            The exit status: 1 if `once` and a file failed or is held, else 0.

        Raises:
            ConfigError: the configuration is wrong; has every finding.
            AlreadyRunningError: another daemon uses this state folder or one of the watch folders.
            StorageError: the store cannot be opened.
        """
        loaded = load_settings(self._config)
        _configure_logs(loaded.settings)
        settings = loaded.settings
        ready = preflight(loaded, known=known_roots(settings.store_path))
        make_own_folders(settings, loaded.document.where)
        with self._lock:
            _warn(self._lock.hold(_own_folders(settings)))
            with open_or_rebuild(settings.store_path, settings.work_dir) as store, self._signals:
                mounts = Mounts(store, settings.places, rebuilt=was_rebuilt(store))
                self._hold_locks(settings, mounts)
                make_targets(settings, mounts, loaded.document.where)
                _warn(loaded.warnings + ready.warnings)
                require = partial(self._require_input, mounts)
                try:
                    return self._serve(store, Application(store, loaded, ready, mounts, require), once=once)
                except StorageError as error:
                    _mark_if_damaged(error, settings)
                    raise

    def _serve(self, store: Store, application: Application, *, once: bool) -> int:
        store.set_fact("daemon", liveness.identity() | {"version": __version__, "started_at": time.time()})
        requests = Requests(store, application)
        try:
            application.start()
            _log.info("daemon.ready", pid=os.getpid(), version=__version__, config=self._config)
            notify(READY=1, STATUS="watching")
            self._loop(application, requests, store, once=once)
        except FramewatchError as error:
            if error is not application.scheduler.failure:  # that one was logged by the thread that it ended
                finding = error.finding
                _log.error("daemon.failed", code=finding.code, message=finding.message, hint=finding.hint)
            raise
        finally:
            _log.info("daemon.stopping")
            notify(STOPPING=1)
            finished = requests.stop(REQUEST_SECONDS)
            clean = application.stop(DRAIN_SECONDS - REQUEST_SECONDS) and finished
            with suppress(StorageError):  # a full store may be why the daemon ends; the next one overwrites the fact
                store.set_fact("daemon", None)
            _log.info("daemon.stopped", clean=clean)
        if once and application.has_failures:
            application.log_unfinished()
            return 1
        return 0

    def _loop(self, application: Application, requests: Requests, store: Store, *, once: bool) -> None:
        pruned_at = float("-inf")
        while not self._signals.stop:
            self._signals.wait(TICK_SECONDS)
            if self._signals.take_reload():
                self._reload(application)
            requests.take()
            application.check_health()
            if time.monotonic() - pruned_at > PRUNE_SECONDS:
                store.prune()
                pruned_at = time.monotonic()
            # A store that cannot be written ends the daemon. The service manager restarts it, and the journals say
            # where to continue; half a daemon would be worse.
            if failure := store.damage or application.scheduler.failure:
                raise failure
            if once and requests.idle and application.idle:
                return

    def _reload(self, application: Application) -> None:
        """Use the configuration as it is now; if it is wrong, log why and keep the old one."""
        notify_reloading()
        try:
            loaded = load_settings(self._config)
            ready = preflight(loaded, known=application.mounts.known)
            application.require_changeable(loaded.settings)
            _configure_logs(loaded.settings)
            self._hold_locks(loaded.settings, application.mounts)
            make_targets(loaded.settings, application.mounts, loaded.document.where)
        except FramewatchError as error:
            for finding in error.findings:
                _log.error("config.refused", code=finding.code, message=str(finding), hint=finding.hint)
        else:
            _warn(loaded.warnings + ready.warnings)
            application.reconfigure(loaded, ready)
            _log.info("config.reloaded", folders=[folder.name for folder in loaded.settings.folders])
        notify(READY=1)

    def _hold_locks(self, settings: Settings, mounts: Mounts) -> None:
        """Lock framewatch's own folders and the inputs; an input on a missing disk is locked when it is back."""
        mounted = [folder for folder in settings.folders if _is_mounted(folder.input, mounts)]
        _warn(self._lock.hold(_own_folders(settings) | {folder.input: _label(folder) for folder in mounted}))

    def _require_input(self, mounts: Mounts, folder: FolderSettings) -> None:
        """Let a folder be watched only while its disk is mounted and no other daemon uses it.

        Raises:
            StorageError: the disk is not mounted.
            AlreadyRunningError: another daemon uses the folder.
        """
        try:
            mounts.require(folder.input)
        except StorageError as error:
            if error.finding.code in NOT_MOUNTED:
                self._lock.drop(folder.input)  # an open lock file would keep the disk from being unmounted
            raise
        _warn(self._lock.add(folder.input, _label(folder)))


def check(config: Path) -> tuple[LoadedSettings, Ready]:
    """Check everything that `run` checks, and change nothing.

    Raises:
        ConfigError: with every finding.
    """
    loaded = load_settings(config)
    return loaded, preflight(loaded, strict=True)


def known_roots(store_path: Path) -> frozenset[Path]:
    """Return the roots that an earlier daemon saw; none if they cannot be read, which is reported elsewhere."""
    if known := read_copy(copy_path(store_path)):
        return frozenset(known)
    try:
        with Store.open(store_path, readonly=True) as store:
            return frozenset(MarkerStore(store).read())
    except StorageError:
        return frozenset()


def _is_mounted(path: Path, mounts: Mounts) -> bool:
    try:
        return mounts.state(path) is not MountState.ABSENT
    except StorageError:
        return False


def _label(folder: FolderSettings) -> str:
    return f"folder {folder.name!r}"


def _own_folders(settings: Settings) -> dict[Path, str]:
    return {settings.work_dir: "the work folder", settings.state_dir: "the state folder"}


def _mark_if_damaged(error: StorageError, settings: Settings) -> None:
    """Let the next start rebuild the store, if it is damaged."""
    if error.finding.code == CORRUPT:
        mark_damaged(settings.store_path)
        _log.error("store.damaged", message=error.finding.message, hint=error.finding.hint)


def _configure_logs(settings: Settings) -> None:
    log = settings.log
    logs.configure(form=log.format, level=log.level, file=log.file, max_bytes=log.max_bytes, backups=log.backups)


def _warn(warnings: tuple[Finding, ...]) -> None:
    for warning in warnings:
        _log.warning("config.warning", code=warning.code, message=str(warning), hint=warning.hint)
