"""What commands ask of a running daemon, by way of the store: cancel, retry and trust."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

import structlog

from framewatch.errors import ConfigError, FramewatchError, StorageError
from framewatch.jobs.store.store import Request, Store
from framewatch.service.application import Application
from framewatch.threads import FolderQueues

_log = structlog.get_logger("framewatch.daemon")


class Requests:
    """The daemon's letter box.

    What is asked touches the share of a watch folder, so it is done on a thread of that folder's, in the order in
    which it was asked: a dead share keeps neither the daemon from its signals nor other folders from what is asked.
    """

    def __init__(self, store: Store, house: Application) -> None:
        self._store = store
        self._house = house
        self._errands = FolderQueues("request", house.scheduler.fail)
        self._undone: list[Request] = []  # they are no longer in the store

    def take(self) -> None:
        """Begin what was asked since the last call. What cannot be done is said in the log."""
        for request in self._store.take_requests():
            folder = self._folder_of(request)
            if folder is None:
                _log.warning("request.unknown_job", kind=request.kind, job_id=request.job_id)
                continue
            self._undone.append(request)
            self._errands.put(folder, partial(self._do, request))

    @property
    def idle(self) -> bool:
        """Whether all that was taken is done."""
        return self._errands.idle

    def stop(self, seconds: float) -> bool:
        """Wait so long at most for what is being done; what is not done then is for the next daemon.

        Returns:
            True when nothing hangs.
        """
        clean = self._errands.stop(seconds)
        with suppress(StorageError):  # a store that cannot be written is why the daemon ends
            for request in tuple(self._undone):
                self._store.request(request.kind, request.job_id)
        return clean

    def _folder_of(self, request: Request) -> str | None:
        name = request.job_id or ""
        if request.kind == "trust":
            return name
        job = self._store.get(name)
        return None if job is None else job.folder

    def _do(self, request: Request) -> None:
        _log.info("request.taken", kind=request.kind, job_id=request.job_id)
        try:
            if request.kind == "trust":
                self._house.roots.trust(request.job_id or "")
            elif request.kind == "cancel":
                self._house.scheduler.cancel(request.job_id or "")
            else:
                self._retry(request.job_id or "")
        except FramewatchError as error:
            _refused(request, error)
        self._undone.remove(request)

    def _retry(self, job_id: str) -> None:
        job = self._store.get(job_id)
        if job is None:
            return  # it was forgotten since
        clerk = self._house.admission(job.folder)
        if clerk is None:
            raise ConfigError(f'the configuration has no folder "{job.folder}" any more', code="folders.removed")
        self._house.scheduler.retry(job.id, clerk.readmit(job))


def _refused(request: Request, error: FramewatchError) -> None:
    finding = error.finding
    about = {"folder" if request.kind == "trust" else "job_id": request.job_id}
    _log.warning("request.refused", kind=request.kind, **about, code=finding.code, message=finding.message)
