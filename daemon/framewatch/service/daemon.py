"""The daemon: makes the parts, starts them in order, stops them in reverse order, and obeys signals."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import structlog

from framewatch import __version__
from framewatch.errors import AlreadyRunningError, ConfigError, Finding, FramewatchError, StorageError, unexpected
from framewatch.intake.daemon_lock import DaemonLock, is_held_by_us
from framewatch.intake.folder_checks import make_own_folders
from framewatch.intake.preflight import ANSWER_SECONDS, Ready, preflight
from framewatch.jobs.store.database import CORRUPT
from framewatch.jobs.store.recovery import mark_damaged, open_or_rebuild, was_rebuilt
from framewatch.jobs.store.store import Store
from framewatch.service import liveness, logs
from framewatch.service.application import Application
from framewatch.service.folder_gate import log_warnings
from framewatch.service.manager.notify import notify, notify_reloading
from framewatch.service.manager.supervision import Supervision, summary
from framewatch.service.once import OnceLimit
from framewatch.service.power import missing_sensors
from framewatch.service.requests import Requests
from framewatch.service.signals import Signals
from framewatch.settings import FolderSettings, LoadedSettings, Settings, load_settings
from framewatch.settings.load import load_despite_mistakes
from framewatch.storage.marker_store import MarkerStore, copy_path, read_copy
from framewatch.storage.mount_marker import MountState
from framewatch.storage.mounts import Mounts
from framewatch.storage.root import Root
from framewatch.threads import answers

DRAIN_SECONDS = 8.0  # of the 10 s within which the daemon ends after SIGTERM
REQUEST_SECONDS = 1.0  # of these, at most, for a running request
TICK_SECONDS = 0.5  # how soon a request, or the end of a `--once` run, is noticed
PRUNE_SECONDS = 24 * 3600.0

_log = structlog.get_logger("framewatch.daemon")


class Daemon:
    """One run of the daemon with one configuration file."""

    def __init__(self, config: Path) -> None:
        self._config = config
        self._lock = DaemonLock()
        self._signals = Signals()

    def run(self, *, once: OnceLimit | None = None) -> int:
        """Work until a signal comes or, with `once`, until there is nothing left to do.

        Returns:
            The exit status: 1 if `once` and a file failed, is held, paused or still changes, else 0.

        Raises:
            ConfigError: the configuration is wrong; has every finding.
            AlreadyRunningError: another daemon uses this state folder, or all of the watch folders.
            StorageError: the store cannot be opened.
        """
        loaded = load_settings(self._config)
        _configure_logs(loaded.settings)
        settings = loaded.settings
        ready = preflight(loaded, known=known_roots(settings.store_path))
        make_own_folders(settings, loaded.document.where)
        with self._lock, logs.thread_errors():
            log_warnings(self._lock.hold(_own_folders(settings)))
            with open_or_rebuild(settings.store_path, settings.work_dir) as store, self._signals:
                mounts = Mounts(store, settings.places, rebuilt=was_rebuilt(store))
                self._require_a_free_folder(settings, mounts)
                log_warnings((*loaded.warnings, *missing_sensors(settings)))
                try:
                    return self._serve(store, Application(store, loaded, ready, mounts, self._lock), once=once)
                except StorageError as error:
                    _mark_if_damaged(error, settings)
                    raise

    def _serve(self, store: Store, application: Application, *, once: OnceLimit | None) -> int:
        requests = Requests(store, application)
        facts = {"version": __version__, "started_at": time.time(), "requests": requests.kinds}
        store.set_fact("daemon", liveness.identity() | facts)
        try:
            requests.take_early()
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

    def _loop(self, application: Application, requests: Requests, store: Store, *, once: OnceLimit | None) -> None:
        pruned_at = float("-inf")
        supervision = Supervision(
            lambda: summary(store.counts(), application.folder_count, paused=application.is_paused)
        )
        while not self._signals.stop:
            self._signals.wait(TICK_SECONDS)
            supervision.beat()
            if self._signals.take_reload():
                self._reload(application)
            requests.take()
            application.check_health()
            application.check_conditions()
            if time.monotonic() - pruned_at > PRUNE_SECONDS:
                store.prune()
                pruned_at = time.monotonic()
            # A store that cannot be written ends the daemon. The service manager restarts it, and the journals say
            # where to continue; half a daemon would be worse.
            if failure := store.damage or application.scheduler.failure:
                raise failure
            if once and requests.idle and (application.idle or application.gives_up(once)):
                return

    def _reload(self, application: Application) -> None:
        """Use the configuration as it is now; if it is wrong, log why and keep the old one."""
        notify_reloading()
        try:
            loaded = load_settings(self._config)
            ready = preflight(loaded, known=application.mounts.known, running=True)
            application.require_changeable(loaded.settings)
            _configure_logs(loaded.settings)
        except Exception as error:  # noqa: BLE001 - the daemon continues with the old settings, whatever happened
            findings = error.findings if isinstance(error, FramewatchError) else (unexpected(error),)
            for finding in findings:
                _log.error("config.refused", code=finding.code, message=str(finding), hint=finding.hint)
        else:
            log_warnings((*loaded.warnings, *missing_sensors(loaded.settings)))
            application.reconfigure(loaded, ready)
            inputs = {Root(folder.input, application.mounts) for folder in loaded.settings.folders}
            self._lock.keep({*_own_folders(loaded.settings), *inputs})
            _log.info("config.reloaded", folders=[folder.name for folder in loaded.settings.folders])
        notify(READY=1)

    def _require_a_free_folder(self, settings: Settings, mounts: Mounts) -> None:
        """Refuse to start where a daemon of this user has all watch folders: this one was started by mistake.

        A folder that anybody else has locked is waited for, like any other trouble of a single folder.
        """
        questions = {folder.name: partial(self._holder, folder, mounts) for folder in settings.folders}
        holders = answers(questions, ANSWER_SECONDS)
        errors = [error for name in questions if (error := holders.get(name)) is not None]
        if len(errors) == len(questions):
            raise AlreadyRunningError.of([error.finding for error in errors])

    def _holder(self, folder: FolderSettings, mounts: Mounts) -> AlreadyRunningError | None:
        """Lock a folder on a mounted disk, unless another daemon of this user has it; return the error then."""
        root = Root(folder.input, mounts)
        try:
            if mounts.state(folder.input) is not MountState.ABSENT:
                self._lock.add(root, f"folder {folder.name!r}", writes=not folder.keeps_sources)
        except AlreadyRunningError as error:
            return error if is_held_by_us(root) else None
        except Exception:  # noqa: BLE001 - the folder's watch reports it
            return None
        return None


def check(config: Path) -> tuple[LoadedSettings, Ready]:
    """Check everything that `run` checks, and change nothing.

    Raises:
        ConfigError: with every finding.
    """
    try:
        loaded = load_settings(config)
    except ConfigError as error:
        raise ConfigError.of((*error.findings, *_found_beside_mistakes(config))) from None
    return loaded, preflight(loaded, strict=True)


def _found_beside_mistakes(config: Path) -> tuple[Finding, ...]:
    """Return what else is wrong with a configuration that has mistakes, such as an input that is missing."""
    found = load_despite_mistakes(config) if config.exists() else None
    if found is None:
        return ()
    loaded, unknown = found
    try:
        preflight(loaded, strict=True)
    except ConfigError as error:
        return tuple(each for each in error.findings if not any(_is_about(each, place) for place in unknown))
    return ()


def _is_about(finding: Finding, place: str) -> bool:
    """Return whether a finding is about a key, or one below it; lines of the file may differ."""
    key = place.rpartition(": ")[2]
    found = finding.where.rpartition(": ")[2]
    return found == key or found.startswith((f"{key}.", f"{key}["))


def known_roots(store_path: Path) -> frozenset[Path]:
    """Return the roots that an earlier daemon saw; none if they cannot be read, which is reported elsewhere."""
    if known := read_copy(copy_path(store_path)):
        return frozenset(known)
    try:
        with Store.open(store_path, readonly=True) as store:
            return frozenset(MarkerStore(store).read())
    except StorageError:
        return frozenset()


def _own_folders(settings: Settings) -> dict[Root, str]:
    return {Root(settings.work_dir): "the work folder", Root(settings.state_dir): "the state folder"}


def _mark_if_damaged(error: StorageError, settings: Settings) -> None:
    """Let the next start rebuild the store, if it is damaged."""
    if error.finding.code == CORRUPT:
        mark_damaged(settings.store_path)
        _log.error("store.damaged", message=error.finding.message, hint=error.finding.hint)


def _configure_logs(settings: Settings) -> None:
    log = settings.log
    logs.configure(form=log.format, level=log.level, file=log.file, max_bytes=log.max_bytes, backups=log.backups)
