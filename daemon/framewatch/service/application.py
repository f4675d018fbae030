"""The parts of a running daemon for one configuration: watch folders, job manager, scheduler and publishing."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from framewatch.domain import FileIdentity, Job, JobState
from framewatch.errors import ConfigError, Finding, StorageError, unexpected
from framewatch.intake.admission import Admission, preset_library
from framewatch.intake.daemon_lock import DaemonLock
from framewatch.intake.folder_watch import FolderWatch
from framewatch.intake.preflight import Ready
from framewatch.jobs.attempt.prerequisites import require_stand_in, with_present_ffmpeg
from framewatch.jobs.attempt.request import Tools
from framewatch.jobs.gpu.gate import HostGate
from framewatch.jobs.lifecycle.events import Published, SourceLost
from framewatch.jobs.lifecycle.retry_policy import RetryPolicy
from framewatch.jobs.publishing.publish import publish
from framewatch.jobs.publishing.remains import Remains
from framewatch.jobs.publishing.retention import delete_old_files
from framewatch.jobs.reporting.reporter import Reporter
from framewatch.jobs.scheduling.bug_guard import is_held_for_bugs
from framewatch.jobs.scheduling.follow_folders import follow_input, follow_names
from framewatch.jobs.scheduling.hold_conditions import can_continue
from framewatch.jobs.scheduling.job_manager import JobManager
from framewatch.jobs.scheduling.relocate_outputs import relocate_outputs
from framewatch.jobs.scheduling.scheduler import Scheduler
from framewatch.jobs.scheduling.slot import Slot
from framewatch.jobs.scheduling.tidier import Tidier, Tidy
from framewatch.jobs.store.queue_order import queue_rules
from framewatch.jobs.store.store import Store
from framewatch.jobs.stored_preset import stored_preset
from framewatch.service.conditions import Conditions
from framewatch.service.folder_gate import FolderGate
from framewatch.service.once import OnceLimit
from framewatch.service.power import PowerWatch
from framewatch.settings import FolderSettings, LoadedSettings, Settings
from framewatch.storage.folder_places import FolderPlaces
from framewatch.storage.mounts import Mounts
from framewatch.storage.os_errors import NO_ANSWER, no_answer

HEALTH_SECONDS = 5.0  # between two updates of the folders' health in the store
STOP_SECONDS = 1.0  # for all watches together
REMOVED = "folders.removed"

_log = structlog.get_logger("framewatch.daemon")


class Application:
    """Everything between the store and the folders."""

    def __init__(
        self,
        store: Store,
        loaded: LoadedSettings,
        ready: Ready,
        mounts: Mounts,
        lock: DaemonLock,
    ) -> None:
        """Make the parts; nothing runs before `start`.

        Args:
            store: open for writing.
            loaded: the configuration.
            ready: what the checks of the configuration found: tools and presets.
            mounts: knows the disks of the folders.
            lock: gets the locks of the watch folders.
        """
        self.store = store
        self.mounts = mounts
        self._lock = lock
        self._loaded, self._ready = loaded, ready
        self._ffmpeg = ready.tools.ffmpeg  # of the last attempt
        self._places = self._guarded_places()
        self._gate = FolderGate(mounts, lock, loaded, ready, self._checked)
        self._watches: dict[str, FolderWatch] = {}
        self._admissions: dict[str, Admission] = {}
        self._health: list[dict[str, Any]] = []  # as it is in the store
        self._health_at = float("-inf")
        self._publishing: set[str] = set()  # ids of jobs that a thread publishes now
        self._failures = 0  # jobs of this run that failed or were cancelled
        settings = loaded.settings
        self.manager = JobManager(store, Reporter(store, self.places_of), settings.work_dir, self._retry_policy())
        self._power = PowerWatch()
        self._conditions = Conditions(settings)
        renamed = follow_names(self.manager, _inputs(settings))
        store.use_rules(queue_rules(settings))
        self.scheduler = Scheduler(
            self.manager,
            self._make_slots(settings),
            self._publish,
            self._knows_folder,
            self._can_continue,
            self._answers_now,
        )
        self.scheduler.pausing.pauses.rename_folders(renamed)
        self._tidier = Tidier(self.scheduler.fail)

    def start(self) -> None:
        """Continue with what an earlier daemon left, then watch the folders."""
        self._power.want(self._conditions.needs_power)
        self.check_conditions()
        self._relocate_outputs()
        self.scheduler.start()
        self._hold_removed_folders()
        self._watch_folders()
        self._tidier.use(self._tidy_work())

    def stop(self, seconds: float) -> bool:
        """Stop watching, then drain. True if everything ended cleanly within `seconds`."""
        deadline = time.monotonic() + seconds
        self._stop_watches(self._watches.values())
        self._tidier.stop()
        return self.scheduler.drain(deadline - time.monotonic())

    # --- a run with `--once` ------------------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """Whether every file that can be reached was queued, and nothing is left to do but what is held."""
        # Twice, since a watch hands files on as jobs, and a job that has ended hands its folder back to the watch.
        return self._seems_idle and not self._publishing and self._seems_idle

    @property
    def _seems_idle(self) -> bool:
        seen = all(watch.idle or watch.health().state != "ok" for watch in self._watches.values())
        return seen and self.scheduler.idle and self._tidier.idle

    def gives_up(self, limit: OnceLimit) -> bool:
        """Return whether a run has waited long enough for files that do not stop changing."""
        return limit.is_over(self.waiting_files(), self._loaded.settings, time.monotonic())

    def waiting_files(self) -> dict[str, tuple[str, ...]]:
        """Return, by folder, some of the files that a run waits for while there is nothing else to do."""
        if not self.scheduler.idle:
            return {}
        found = {name: watch.health() for name, watch in self._watches.items()}
        known = {name: health for name, health in found.items() if health.state == "ok" and health.last_scan}
        return {name: health.examples for name, health in known.items() if health.waiting}

    @property
    def has_failures(self) -> bool:
        """Whether a job of this run failed, one is held or paused, or a folder could not be reached."""
        unreached = any(watch.health().state != "ok" for watch in self._watches.values())
        counts = self.store.counts()
        left = counts[JobState.HELD] or counts[JobState.QUEUED] or self.waiting_files()
        return bool(self._failures or unreached or left)

    def log_unfinished(self) -> None:
        """Log what a run leaves unfinished, for users who only see its exit status."""
        held = self.store.find((JobState.HELD,), limit=1)
        why = held[0].findings[0].message if held and held[0].findings else ""
        counts = self.store.counts()
        left = {"held": counts[JobState.HELD], "queued": counts[JobState.QUEUED]}
        paused = "; ".join(dict.fromkeys(pause.why or "by the user" for pause in self.scheduler.pausing.pauses.all))
        _log.warning("once.unfinished", failed=self._failures, why_held=why, why_paused=paused, **left)

    # --- the configuration --------------------------------------------------------------------------------------

    @property
    def folder_count(self) -> int:
        """How many watch folders the configuration has."""
        return len(self._places)

    @property
    def is_paused(self) -> bool:
        """Whether no job of any folder is begun now."""
        return any(pause.folder is None for pause in self.scheduler.pausing.pauses.all)

    def places_of(self, name: str) -> FolderPlaces | None:
        """Return the places of a watch folder; None if the configuration has no such folder."""
        return self._places.get(name)

    def admission(self, name: str) -> Admission | None:
        """Return what queues the files of a watch folder; None if the configuration has no such folder."""
        return self._admissions.get(name)

    def require_changeable(self, new: Settings) -> None:
        """Refuse a configuration that changes what a running daemon cannot change.

        Raises:
            ConfigError: naming each such key.
        """
        old = self._loaded.settings
        keys = [key for key in ("state_dir", "work_dir", "gpu") if getattr(old, key) != getattr(new, key)]
        if keys:
            message = f"{', '.join(keys)} cannot be changed while the daemon runs"
            raise ConfigError(message, code="config.needs_restart", hint="restart the daemon to change it")

    def reconfigure(self, loaded: LoadedSettings, ready: Ready) -> None:
        """Continue with another configuration. Jobs keep the presets that they were queued with."""
        self._stop_watches(self._watches.values())
        self._loaded, self._ready = loaded, ready
        self._ffmpeg = ready.tools.ffmpeg
        self.mounts.use(loaded.settings.places)
        self._places = self._guarded_places()
        self.manager.policy = self._retry_policy()
        self.scheduler.pausing.pauses.rename_folders(follow_names(self.manager, _inputs(loaded.settings)))
        self.store.use_rules(queue_rules(loaded.settings))
        self._conditions = Conditions(loaded.settings)
        self._power.want(self._conditions.needs_power)
        self.check_conditions()
        self._relocate_outputs()
        self._hold_removed_folders()
        self._watch_folders()
        self._tidier.use(self._tidy_work())
        held = [name for name in self._places if self.scheduler.guard.holds(name)]
        self.scheduler.apart({name: partial(self.scheduler.resume_folder, name) for name in held})
        self.scheduler.wake()

    def _guarded_places(self) -> dict[str, FolderPlaces]:
        places = self._loaded.settings.places
        return {
            name: replace(folder, guard=self.mounts, on_moved=self._note_moved) for name, folder in places.items()
        }

    def _note_moved(self, path: Path, identity: FileIdentity) -> None:
        self.manager.note_moved(path, identity)

    def _tidy_work(self) -> dict[str, Tidy]:
        return {
            folder.name: partial(delete_old_files, folder.name, self._places[folder.name], folder.limits, self.store)
            for folder in self._loaded.settings.folders
            if any(limit.is_set for limit in folder.limits.values())
        }

    def _retry_policy(self) -> RetryPolicy:
        return RetryPolicy(retries=self._loaded.settings.retries)

    def _relocate_outputs(self) -> None:
        self.scheduler.apart(
            {
                name: partial(relocate_outputs, self.manager, name, places.output)
                for name, places in self._places.items()
            }
        )

    def _hold_removed_folders(self) -> None:
        """Hold the jobs of folders that the configuration no longer has; release those whose folder is back."""
        names = self.store.unfinished_folders()
        for name in names:
            if not self._knows_folder(name):
                self.scheduler.hold_folder(name, _removed(name))
        known = filter(self._knows_folder, names)
        self.scheduler.apart({name: partial(self._release_returned, name) for name in known})

    def _release_returned(self, name: str) -> None:
        for job in self.store.find((JobState.HELD,), folder=name, limit=None):
            if job.findings and job.findings[0].code == REMOVED:
                self.scheduler.release(job)

    def check_conditions(self) -> None:
        """Pause or go on, as the hour, the battery and the temperature say."""
        pauses = self._conditions.pauses(self.manager.clock(), self._power.last)
        self.scheduler.pausing.use_conditions(pauses)

    def _checked(self, folder: FolderSettings) -> None:
        """Do what is due when a folder can be used: on the thread of its watch."""
        self._follow(folder)
        self.manager.reporter.remove_outdated(folder.name)

    def _follow(self, folder: FolderSettings) -> None:
        """Let jobs follow a folder whose input was moved: its disk has just been found."""
        earlier = self.mounts.earlier_paths(folder.input)
        if not earlier:
            return
        former = follow_input(self.manager, folder.name, folder.input, earlier)
        self.scheduler.pausing.pauses.rename_folders(former)
        for path in earlier:
            self.mounts.forget(path)
        relocate_outputs(self.manager, folder.name, folder.output)
        self._release_returned(folder.name)

    # --- the watches --------------------------------------------------------------------------------------------

    def check_health(self) -> None:
        """Store the folders' health for `framewatch status`: troubles at once, the rest every few seconds."""
        self._tidier.run_due()
        health = [self._health_of(folder) for folder in self._loaded.settings.folders]
        is_due = time.monotonic() - self._health_at >= HEALTH_SECONDS
        if not is_due and _troubles(health) == _troubles(self._health):
            return
        self._health_at = time.monotonic()
        _log_silent(health, self._health)
        for each in self._loaded.settings.folders:
            if self._is_silent(each.name):
                self.scheduler.hold_silent(each.name, no_answer(each.input))
            elif (held := self.scheduler.guard.holds(each.name)) is not None:  # files may have been queued since
                self.scheduler.hold_silent(each.name, held)
        self.scheduler.wake()  # a slot may have waited for a folder
        if health != self._health:  # so that the disk may sleep while nothing happens
            self.store.set_fact("folders", health, durable=False)
            self._health = health

    def _health_of(self, folder: FolderSettings) -> dict[str, Any]:
        health = self._watches[folder.name].health().model_dump() | {"input": str(folder.input)}
        held = self.scheduler.guard.holds(folder.name)
        if held is None or health["state"] != "ok":
            return health
        return health | {"state": "failed", "problem": str(held), "code": held.code, "hint": held.hint}

    def _watch_folders(self) -> None:
        self._watches.clear()
        self._gate = FolderGate(self.mounts, self._lock, self._loaded, self._ready, self._checked)
        folders, presets = self._loaded.settings.folders, self._ready.presets
        library = preset_library(self._loaded.settings, self.mounts)
        self._admissions = {  # replaced as a whole, since requests read it from other threads
            folder.name: Admission(folder, presets[folder.name], self.manager, library, self.mounts)
            for folder in folders
        }
        for folder in folders:
            self._start_watch(folder)

    def _start_watch(self, folder: FolderSettings) -> None:
        # Judged by name, since other folders may be on a dead share; links between folders are refused beforehand.
        targets = {path for each in self._loaded.settings.folders for path in each.targets.values()}
        inside = {path for path in targets if path.is_relative_to(folder.input)}
        admission = self._admissions[folder.name]
        watch = FolderWatch(
            folder,
            admission.admit,
            excluded=inside,
            require=partial(self._gate.require, folder, admission.use),
            guard=self.mounts,
            wanted=admission.wanted_kinds,
            remains=self._remains(folder),
        )
        self._watches[folder.name] = watch
        watch.start()

    def _remains(self, folder: FolderSettings) -> Remains | None:
        if not folder.recursive:  # subfolders are none of framewatch's business
            return None
        return Remains(folder.name, self._places[folder.name], folder.settle_seconds)

    def _stop_watches(self, watches: Collection[FolderWatch]) -> None:
        """Stop all of them in parallel: one that hangs on a dead share must not use up the time of the others."""
        for watch in watches:
            watch.close()
        deadline = time.monotonic() + STOP_SECONDS
        for watch in watches:
            watch.stop(max(0.0, deadline - time.monotonic()))

    # --- what the scheduler needs -------------------------------------------------------------------------------

    def _make_slots(self, settings: Settings) -> list[Slot]:
        """Return a slot for each job that may use a GPU at once, and one for jobs that need none."""
        parts = (self.manager, self._tools, HostGate(settings.gpu.jobs, state_dir=settings.state_dir), self.places_of)
        gpu = [Slot(f"gpu-{number}", *parts, gpu=True) for number in range(settings.gpu.jobs)]
        return [*gpu, Slot("cpu", *parts, gpu=False)]

    def _tools(self) -> Tools:
        """Return what the next attempt runs with; raises `ToolMissingError` if there is no ffmpeg any more."""
        tools = with_present_ffmpeg(self._ready.tools)
        before, self._ffmpeg = self._ffmpeg, tools.ffmpeg
        if before != tools.ffmpeg:
            why = str(tools.ffmpeg_missing[0]) if tools.ffmpeg_missing else ""
            _log.warning("ffmpeg.changed", path=tools.ffmpeg, before=before, why=why)
        return tools

    def _knows_folder(self, name: str) -> bool:
        return name in self._places

    def _answers_now(self, name: str) -> bool:
        """Return whether a folder's first checks have ended, in whatever way, and later ones did not hang."""
        watch = self._watches.get(name)
        if watch is None:
            return False
        health = watch.health()
        return not _is_starting(health.model_dump()) and health.code != NO_ANSWER

    def _is_silent(self, name: str) -> bool:
        """Return whether a folder does not answer, as far as its watch knows."""
        watch = self._watches.get(name)
        return watch is not None and watch.health().code == NO_ANSWER

    def _can_continue(self, job: Job) -> bool:
        if is_held_for_bugs(job) and self.scheduler.guard.holds(job.folder):
            return False
        if job.findings and job.findings[0].code == NO_ANSWER and self._is_silent(job.folder):
            return False
        places, tools = self.places_of(job.folder), self._ready.tools
        try:
            if job.findings and job.findings[0].code.startswith("ffmpeg."):
                tools = with_present_ffmpeg(tools)
                require_stand_in(stored_preset(job), tools)
            return places is None or can_continue(job, places, tools.ffmpeg, tools.precision)
        except Exception as error:  # noqa: BLE001 - whatever lies in this folder, the others must run
            _log.debug("hold.check_failed", problem=unexpected(error).message, **job.log_context())
            return False

    def _publish(self, job: Job, stop: threading.Event) -> None:
        self._publishing.add(job.id)
        try:
            self._publish_further(job, stop)
        finally:
            self._publishing.discard(job.id)

    def _publish_further(self, job: Job, stop: threading.Event) -> None:
        record = partial(self.manager.apply, job.id)
        job = self.store.get(job.id) or job  # its folder may have been renamed since it came into the queue
        places = self.places_of(job.folder)
        if places is not None:
            job = publish(job, places, record, self.manager.reporter.conclude, cancel=stop)
        elif job.outcome == JobState.CANCELLED:  # there is nowhere to move its source, and the user knows
            record(SourceLost(_removed(job.folder)))
            job = record(Published())
        else:
            raise StorageError.of([_removed(job.folder)])
        if job.state.ended:
            self._failures += not job.state.ends_in_done_folder
            self._tidier.wake(job.folder)
            watch = self._watches.get(job.folder)
            if watch is not None and (job.journal.kept is None or job.other_than):
                # If the same file is put back, it is new. One that is left alone is offered again, and counted then.
                watch.forget(job.relative)


def _inputs(settings: Settings) -> dict[str, Path]:
    return {folder.name: folder.input for folder in settings.folders}


def _log_silent(health: list[dict[str, Any]], before: list[dict[str, Any]]) -> None:
    """Log folders that have stopped answering: the threads of their watches cannot."""
    known = {each["folder"] for each in before if each["code"] == NO_ANSWER}
    for each in health:
        if each["code"] == NO_ANSWER and each["folder"] not in known:
            fields = {key: each[key] for key in ("folder", "code", "problem")}
            _log.warning("folder.unavailable", **fields)


def _troubles(health: list[dict[str, Any]]) -> list[tuple[object, ...]]:
    return [(each["folder"], each["state"], each["code"], _is_starting(each)) for each in health]


def _is_starting(health: dict[str, Any]) -> bool:
    return bool(health["mode"] == "starting" and health["state"] == "ok")


def _removed(folder: str) -> Finding:
    message = f'the configuration no longer has the folder "{folder}", so there is nowhere to put its files'
    return Finding(REMOVED, message, "add the folder again, and the job continues; or cancel the job")
