"""What commands ask of a running daemon, by way of the store: cancel, retry and trust."""

from __future__ import annotations

import structlog

from framewatch.domain import Job
from framewatch.errors import ConfigError, FramewatchError
from framewatch.jobs.store import Request, Store
from framewatch.service.house import House

_log = structlog.get_logger("framewatch.daemon")


class Requests:
    """The daemon's letter box."""

    def __init__(self, store: Store, house: House) -> None:
        self._store = store
        self._house = house

    def take(self) -> None:
        """Do what was asked since the last call. What cannot be done is said in the log."""
        for request in self._store.take_requests():
            if request.kind == "trust":
                self._trust(request)
                continue
            job = self._store.get(request.job_id or "")
            if job is None:
                _log.warning("request.unknown_job", kind=request.kind, job_id=request.job_id)
                continue
            try:
                self._do(request, job)
            except FramewatchError as error:
                _refused(request, error, job_id=job.id)

    def _trust(self, request: Request) -> None:
        """Take a folder's disks as they are now. They are looked at here, since the user has just done so."""
        name = request.job_id or ""
        try:
            self._house.roots.trust(name)
        except FramewatchError as error:
            _refused(request, error, folder=name)

    def _do(self, request: Request, job: Job) -> None:
        _log.info("request.taken", kind=request.kind, job_id=job.id)
        if request.kind == "cancel":
            self._house.runner.cancel(job.id)
        elif request.kind == "retry":
            self._retry(job)

    def _retry(self, job: Job) -> None:
        clerk = self._house.admission(job.folder)
        if clerk is None:
            raise ConfigError(f'the configuration has no folder "{job.folder}" any more', code="folders.removed")
        self._house.runner.retry(job, clerk.readmit(job))


def _refused(request: Request, error: FramewatchError, **about: str) -> None:
    finding = error.finding
    _log.warning("request.refused", kind=request.kind, **about, code=finding.code, message=finding.message)
