"""The parts of a running daemon, for one configuration at a time: watch folders, desk, lanes and publishing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import structlog

from framewatch.domain import Job, JobState
from framewatch.errors import ConfigError, Finding, StorageError
from framewatch.intake.admission import Admission
from framewatch.intake.folder_watch import FolderWatch
from framewatch.intake.preflight import Ready
from framewatch.jobs.attempt.request import Tools
from framewatch.jobs.gpu.gate import HostGate
from framewatch.jobs.lifecycle.events import Published, SourceLost
from framewatch.jobs.lifecycle.retry_policy import RetryPolicy
from framewatch.jobs.publishing.publish import publish
from framewatch.jobs.reporting.reporter import Reporter
from framewatch.jobs.scheduling.hold_conditions import can_continue
from framewatch.jobs.scheduling.job_manager import JobManager
from framewatch.jobs.scheduling.relocate_outputs import relocate_outputs
from framewatch.jobs.scheduling.scheduler import Scheduler
from framewatch.jobs.scheduling.slot import Slot
from framewatch.jobs.store.store import Store
from framewatch.settings import FolderSettings, LoadedSettings, Settings
from framewatch.storage.folder_places import FolderPlaces
from framewatch.storage.mounts import Mounts

HEALTH_SECONDS = 5.0
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
        roots: Mounts,
        require_input: Callable[[FolderSettings], None],
    ) -> None:
        """`require_input` raises a FramewatchError while a folder's input cannot be watched."""
        self.store = store
        self._loaded = loaded
        self._ready = ready
        self._watches: dict[str, FolderWatch] = {}
        self._admissions: dict[str, Admission] = {}
        self._told_at = float("-inf")
        self._told: list[dict[str, Any]] = []
        self._ended_badly = 0
        settings = loaded.settings
        self.roots = roots
        self._require_input = require_input
        self.manager = JobManager(store, Reporter(store, self.places_of), settings.work_dir, self._policy)
        self.scheduler = Scheduler(self.manager, self._slots(settings), self._publish, self._knows, self._may_go_on)

    @property
    def _policy(self) -> RetryPolicy:
        return RetryPolicy(retries=self._loaded.settings.retries)

    def start(self) -> None:
        """Take up what an earlier daemon left, then watch."""
        self._replan()
        self.scheduler.start()
        self._sort_out_removed()
        self._watch()

    def stop(self, seconds: float) -> bool:
        """Stop watching, then drain. True when all ended in good order within `seconds`."""
        deadline = time.monotonic() + seconds
        self._stop_watching(list(self._watches.values()))
        return self.scheduler.drain(deadline - time.monotonic())

    @property
    def idle(self) -> bool:
        """True when every file that can be reached was taken in, and nothing is left to do but what is held."""
        reached = all(watch.idle or watch.health().state != "ok" for watch in self._watches.values())
        return reached and self.scheduler.idle

    @property
    def went_wrong(self) -> bool:
        """Whether a job of this run failed, one is held, or a folder could not be reached."""
        unreached = any(watch.health().state != "ok" for watch in self._watches.values())
        return bool(self._ended_badly or unreached or self.store.counts()[JobState.HELD])

    def tell_unfinished(self) -> None:
        """Say what `--once` leaves behind, for whoever sees its exit status alone."""
        held = self.store.list((JobState.HELD,), limit=1)
        why = held[0].findings[0].message if held and held[0].findings else ""
        facts = {"failed": self._ended_badly, "held": self.store.counts()[JobState.HELD], "why_held": why}
        _log.warning("once.unfinished", **facts)

    # --- the configuration ----------------------------------------------------------------------------------

    def places_of(self, name: str) -> FolderPlaces | None:
        """The places of a watch folder; None where the configuration has no such folder (any more)."""
        places = self._loaded.settings.places.get(name)
        return None if places is None else replace(places, guard=self.roots)

    def admission(self, name: str) -> Admission | None:
        """The clerk of a watch folder."""
        return self._admissions.get(name)

    def require_changeable(self, new: Settings) -> None:
        """Refuse what a running daemon cannot change.

        Raises:
            ConfigError: naming each such key.
        """
        old = self._loaded.settings
        keys = [key for key in ("state_dir", "work_dir", "gpu") if getattr(old, key) != getattr(new, key)]
        if keys:
            message = f"{', '.join(keys)} cannot be changed while the daemon runs"
            raise ConfigError(message, code="config.needs_restart", hint="restart the daemon to change it")

    def change(self, loaded: LoadedSettings, ready: Ready) -> None:
        """Go on with another configuration. Jobs keep the presets that they were taken in with."""
        self._stop_watching(list(self._watches.values()))
        self._loaded, self._ready = loaded, ready
        self.roots.use(loaded.settings.places)
        self.manager.policy = self._policy
        self._replan()
        self._sort_out_removed()
        self._watch()
        self.scheduler.wake()

    def tell_health(self) -> None:
        """Note for `framewatch status` how the folders are doing, every few seconds."""
        if time.monotonic() - self._told_at < HEALTH_SECONDS:
            return
        self._told_at = time.monotonic()
        self._mend_watches()
        health = [self._health(folder) for folder in self._loaded.settings.folders]
        if health != self._told:  # a disk may sleep while nothing happens
            self.store.set_fact("folders", health, durable=False)
            self._told = health

    def _health(self, folder: FolderSettings) -> dict[str, Any]:
        return self._watches[folder.name].health().model_dump() | {"input": str(folder.input)}

    def _folder(self, name: str) -> FolderSettings | None:
        return next((folder for folder in self._loaded.settings.folders if folder.name == name), None)

    def _watch(self) -> None:
        self._watches.clear()
        search = [self._loaded.settings.presets_dir]
        folders, presets = self._loaded.settings.folders, self._ready.presets
        self._admissions = {  # in one go, for requests look here from threads of their own
            folder.name: Admission(folder, presets[folder.name], self.scheduler, self.manager, search, self.roots)
            for folder in folders
        }
        for folder in folders:
            self._begin_watch(folder)

    def _begin_watch(self, folder: FolderSettings) -> None:
        folders = self._loaded.settings.folders
        elsewhere = {path for each in folders for path in (each.output, each.done, each.failed)}
        watch = FolderWatch(
            folder,
            self._admissions[folder.name].admit,
            excluded=elsewhere,
            require=lambda: self._require_input(folder),
        )
        self._watches[folder.name] = watch
        watch.start()

    def _mend_watches(self) -> None:
        """Begin to watch anew where a defect has ended a watch: the other folders, and the jobs, go on anyway."""
        for watch in [each for each in self._watches.values() if each.health().state == "failed"]:
            _log.error("folder.watch_failed", folder=watch.folder.name, problem=watch.health().problem)
            watch.stop()
            self._begin_watch(watch.folder)

    def _stop_watching(self, watches: list[FolderWatch]) -> None:
        """All together: one that hangs in a dead share must not cost the others' time."""
        for watch in watches:
            watch.close()
        deadline = time.monotonic() + STOP_SECONDS
        for watch in watches:
            watch.stop(max(0.0, deadline - time.monotonic()))

    def _replan(self) -> None:
        """Let jobs follow outputs that were moved."""
        for folder in self._loaded.settings.folders:
            relocate_outputs(self.manager, folder.name, folder.output)

    def _sort_out_removed(self) -> None:
        """Hold the jobs of folders that the configuration no longer has; let those go on whose folder is back."""
        for name in self.store.unended_folders():
            if self._folder(name) is None:
                self.scheduler.hold_folder(name, _removed(name))
            else:
                for job in self.store.list((JobState.HELD,), folder=name, limit=-1):
                    if job.findings and job.findings[0].code == REMOVED:
                        self.scheduler.release(job)

    # --- jobs -------------------------------------------------------------------------------------------------

    def _slots(self, settings: Settings) -> list[Slot]:
        """A lane for each GPU slot, and one for jobs that leave the GPU alone."""
        gate = HostGate(settings.gpu.jobs)
        parts = (self.manager, self._tools, gate, self.places_of)
        heavy = [Slot(f"gpu-{number}", *parts, gpu=True) for number in range(settings.gpu.jobs)]
        return [*heavy, Slot("plain", *parts, gpu=False)]

    def _tools(self) -> Tools:
        return self._ready.tools

    def _knows(self, name: str) -> bool:
        return self._folder(name) is not None

    def _may_go_on(self, job: Job) -> bool:
        places = self.places_of(job.folder)
        tools = self._ready.tools
        return places is None or can_continue(job, places, tools.ffmpeg, tools.precision)

    def _publish(self, job: Job, stop: threading.Event) -> None:
        record = partial(self.manager.apply, job.id)
        places = self.places_of(job.folder)
        if places is not None:
            ended = publish(job, places, record, self.manager.reporter.conclude, cancel=stop)
        elif job.outcome == JobState.CANCELLED:
            record(SourceLost(_removed(job.folder)))
            ended = record(Published())
        else:
            raise StorageError.of([_removed(job.folder)])
        if ended.state.ended:
            self._ended(ended)

    def _ended(self, job: Job) -> None:
        self._ended_badly += not job.state.keeps_source
        watch = self._watches.get(job.folder)
        if watch is not None:
            watch.forget(job.relative)  # the same file may be put back: then it is new


def _removed(folder: str) -> Finding:
    message = f'the configuration has no folder "{folder}" any more, so its files have no place to go'
    return Finding(REMOVED, message, "put the folder back, and the job goes on; or cancel the job")
