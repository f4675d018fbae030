"""Requests of commands to the running daemon, which come through the store.

There is no socket to secure.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

import structlog

from framewatch.domain import Job
from framewatch.errors import ConfigError, FramewatchError, StorageError, unexpected
from framewatch.intake.admission import Admission
from framewatch.jobs.scheduling.bug_guard import is_held_for_bugs
from framewatch.jobs.store.store import Request, Store
from framewatch.service.application import Application
from framewatch.service.queue_requests import QueueRequests
from framewatch.threads import FolderQueues

_log = structlog.get_logger("framewatch.daemon")


class Requests:
    """Carries out requests, on one thread for each watch folder and in order.

    A request touches the share of its folder. On a thread of its own, a dead share delays neither signals nor the
    requests for other folders.
    """

    def __init__(self, store: Store, application: Application) -> None:
        self._store = store
        self._application = application
        self._queues = FolderQueues("request", application.scheduler.fail)
        self._unfinished: list[Request] = []  # they are no longer in the store
        self._at_once = QueueRequests(application.manager, application.scheduler.pausing).handlers
        self._handlers: dict[str, Callable[[Request], None]] = {
            "cancel": lambda request: application.scheduler.cancel(request.subject or ""),
            "retry": self._retry,
            "redo": self._redo,
            "requeue": self._requeue,
            "trust": lambda request: application.mounts.trust(request.subject or ""),
        }

    @property
    def kinds(self) -> list[str]:
        """The requests that this version knows."""
        return sorted([*self._at_once, *self._handlers])

    def take_early(self) -> None:
        """Carry out the requests that came while no daemon ran, and that say which jobs must not be begun."""
        for request in self._store.take_requests(self._at_once):
            self._carry_out(request, self._at_once[request.kind])

    def take(self) -> None:
        """Start the requests that came since the last call. A request that is refused is logged."""
        for request in self._store.take_requests():
            if request.kind in self._at_once:
                self._carry_out(request, self._at_once[request.kind])
                continue
            if request.kind not in self._handlers:
                _log.warning("request.unknown_kind", kind=request.kind, job_id=request.subject)
                continue
            folder = self._folder_of(request)
            if folder is None:
                _log.warning("request.unknown_job", kind=request.kind, job_id=request.subject)
                continue
            self._unfinished.append(request)
            self._queues.put(folder, partial(self._carry_out_slowly, request))

    @property
    def idle(self) -> bool:
        """Whether all requests that were taken are finished."""
        return self._queues.idle

    def stop(self, seconds: float) -> bool:
        """Wait for running requests, at most this long, and leave the unfinished ones to the next daemon.

        Returns:
            True if none hangs.
        """
        clean = self._queues.stop(seconds)
        with suppress(StorageError):  # a store that cannot be written is why the daemon ends
            for request in tuple(self._unfinished):
                self._store.request(request.kind, request.subject, request.argument)
        return clean

    def _folder_of(self, request: Request) -> str | None:
        name = request.subject or ""
        if request.kind == "trust":
            return name
        job = self._store.get(name)
        return None if job is None else job.folder

    def _carry_out_slowly(self, request: Request) -> None:
        self._carry_out(request, self._handlers[request.kind])
        self._unfinished.remove(request)

    def _carry_out(self, request: Request, handler: Callable[[Request], None]) -> None:
        _log.info("request.taken", kind=request.kind, job_id=request.subject)
        try:
            handler(request)
        except Exception as error:  # noqa: BLE001 - whatever lies in the folder, the daemon must continue
            finding = error.finding if isinstance(error, FramewatchError) else unexpected(error)
            about = {"folder" if request.kind == "trust" else "job_id": request.subject}
            _log.warning("request.refused", kind=request.kind, **about, code=finding.code, message=finding.message)

    def _retry(self, request: Request) -> None:
        job = self._store.get(request.subject or "")
        if job is None:
            return  # it was deleted as an old one since
        if self._application.scheduler.guard.holds(job.folder) is not None:
            self._application.scheduler.resume_folder(job.folder)
        if not is_held_for_bugs(job):  # else it goes on with its folder
            event = self._admission(job).readmit(job, same_preset=_same_preset(request))
            self._application.manager.apply(job.id, event)

    def _redo(self, request: Request) -> None:
        job = self._store.get(request.subject or "")
        if job is not None:
            self._admission(job).redo(job, same_preset=_same_preset(request))

    def _requeue(self, request: Request) -> None:
        job = self._store.get(request.subject or "")
        if job is not None:
            self._admission(job).requeue(job.id)

    def _admission(self, job: Job) -> Admission:
        admission = self._application.admission(job.folder)
        if admission is None:
            message = f'the configuration no longer has the folder "{job.folder}"'
            raise ConfigError(message, code="folders.removed")
        return admission


def _same_preset(request: Request) -> bool:
    return bool((request.argument or {}).get("same_preset"))
