"""Requests of commands to the running daemon, which come through the store: cancel, retry and trust.

There is no socket to secure.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

import structlog

from framewatch.errors import ConfigError, FramewatchError, StorageError, unexpected
from framewatch.jobs.store.store import Request, Store
from framewatch.service.application import Application
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
        self._handlers: dict[str, Callable[[str], None]] = {
            "cancel": application.scheduler.cancel,
            "retry": self._retry,
            "trust": application.mounts.trust,
        }

    def take(self) -> None:
        """Start the requests that came since the last call. A request that is refused is logged."""
        for request in self._store.take_requests():
            folder = self._folder_of(request)
            if folder is None:
                _log.warning("request.unknown_job", kind=request.kind, job_id=request.subject)
                continue
            self._unfinished.append(request)
            self._queues.put(folder, partial(self._carry_out, request))

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
                self._store.request(request.kind, request.subject)
        return clean

    def _folder_of(self, request: Request) -> str | None:
        name = request.subject or ""
        if request.kind == "trust":
            return name
        job = self._store.get(name)
        return None if job is None else job.folder

    def _carry_out(self, request: Request) -> None:
        _log.info("request.taken", kind=request.kind, job_id=request.subject)
        try:
            self._handlers[request.kind](request.subject or "")
        except Exception as error:  # noqa: BLE001 - whatever lies in the folder, the daemon must continue
            finding = error.finding if isinstance(error, FramewatchError) else unexpected(error)
            about = {"folder" if request.kind == "trust" else "job_id": request.subject}
            _log.warning("request.refused", kind=request.kind, **about, code=finding.code, message=finding.message)
        self._unfinished.remove(request)

    def _retry(self, job_id: str) -> None:
        job = self._store.get(job_id)
        if job is None:
            return  # it was deleted as an old one since
        admission = self._application.admission(job.folder)
        if admission is None:
            message = f'the configuration no longer has the folder "{job.folder}"'
            raise ConfigError(message, code="folders.removed")
        self._application.manager.apply(job.id, admission.readmit(job))
