"""Requests that change when jobs run: pause, resume, next and priority. They touch no share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from framewatch.errors import FramewatchError
from framewatch.jobs.lifecycle import events as ev
from framewatch.jobs.scheduling.job_manager import JobManager
from framewatch.jobs.scheduling.pause_control import PauseControl
from framewatch.jobs.store.store import Request

NEXT = "next"


class QueueRequests:
    """Carries them out at once, in the thread that takes them."""

    def __init__(self, manager: JobManager, pausing: PauseControl) -> None:
        self._manager = manager
        self._pausing = pausing
        self.handlers: Mapping[str, Callable[[Request], None]] = {
            "pause": self._pause,
            "resume": self._resume,
            "priority": self._priority,
            NEXT: self._next,
        }

    def _pause(self, request: Request) -> None:
        """Pause what the argument's `of` names: "all", the "folder" of that name, or the "job" of that id."""
        asked = _asked(request)
        if asked["of"] == "job":
            self._pausing.pause_job(request.subject or "", asked["mode"])
        else:
            self._pausing.pause(request.subject, asked["mode"])

    def _resume(self, request: Request) -> None:
        asked = _asked(request)
        if asked["of"] == "job":
            self._pausing.resume_job(request.subject or "")
        else:
            self._pausing.resume(request.subject, everything=bool(asked.get("everything")))

    def _priority(self, request: Request) -> None:
        self._manager.apply(request.subject or "", ev.Arranged(priority=int(_asked(request)["priority"])))

    def _next(self, request: Request) -> None:
        """Put jobs in front of all others, the first of them first. One that has ended meanwhile is left out."""
        ids = _asked(request)["jobs"]
        front = self._manager.store.most_front() + len(ids)
        refused: FramewatchError | None = None
        for place, job_id in enumerate(ids):
            try:
                self._manager.apply(job_id, ev.Arranged(front=front - place, paused=False))
            except FramewatchError as error:
                refused = error
        if refused is not None:
            raise refused


def _asked(request: Request) -> dict[str, Any]:
    return dict(request.argument)
