"""How a thread that works on a job is asked to stop."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Literal

from framewatch.jobs.work_folder import last_segments_marker
from framewatch.storage.os_errors import storage_faults

Reason = Literal["cancel", "pause", "shutdown"]


class StopRequest:
    """Asks the thread that works on one job to stop, and says why."""

    def __init__(self) -> None:
        self.event = threading.Event()  # stop at once
        self.after_segment = threading.Event()  # begin no other segment
        self._reason: Reason | None = None

    def set(self, reason: Reason) -> None:
        """Ask to stop at once. The first reason counts, but a job that is to be paused can still be cancelled."""
        if self._reason in (None, "pause"):
            self._reason = reason
            self.event.set()

    @property
    def is_cancel(self) -> bool:
        """Whether the user asked for it."""
        return self._reason == "cancel"


class StopRequests:
    """The stop requests of all jobs that a thread works on. Safe for use from several threads."""

    def __init__(self) -> None:
        # Taken after the job manager's lock, never before it: events are decided while that one is held.
        self._lock = threading.Lock()
        self._requests: dict[str, StopRequest] = {}
        self.shut_down_event = threading.Event()

    @property
    def shutting_down(self) -> bool:
        """Whether `shut_down` was called."""
        return self.shut_down_event.is_set()

    def open(self, job_id: str) -> StopRequest | None:
        """Begin work on a job; None if another thread works on it, or after `shut_down`."""
        with self._lock:
            if self.shutting_down or job_id in self._requests:
                return None
            return self._requests.setdefault(job_id, StopRequest())

    def of(self, job_id: str) -> StopRequest:
        """Return the stop request of a job that this thread works on."""
        with self._lock:
            return self._requests[job_id]

    def close(self, job_id: str) -> None:
        """End work on a job."""
        with self._lock:
            self._requests.pop(job_id, None)

    def cancel(self, job_id: str) -> bool:
        """Ask the thread that works on this job to stop; False if there is none."""
        with self._lock:
            request = self._requests.get(job_id)
            if request is not None:
                request.set("cancel")
            return request is not None

    def pause(self, job_id: str) -> None:
        """Ask the thread that makes an attempt at this job to stop at once, if there is one."""
        with self._lock:
            request = self._requests.get(job_id)
            if request is not None:
                request.set("pause")

    def end_after_segment(self, job_id: str, work: Path) -> None:
        """Ask for an end of the attempt at this job, if there is one, after the segments that are begun.

        Args:
            job_id: of the job.
            work: its work folder, where workers see that they are to begin no other segment.

        Raises:
            StorageError: the folder cannot be written.
        """
        with self._lock:
            request = self._requests.get(job_id)
            if request is None:
                return
            # First the event: an attempt that is only beginning clears its folder, and then looks at the event.
            request.after_segment.set()
            if work.is_dir():
                with storage_faults(work):
                    last_segments_marker(work).touch()

    def go_on(self, job_id: str, work: Path) -> None:
        """Take `end_after_segment` back; an attempt that has noticed it ends nevertheless."""
        with self._lock:
            request = self._requests.get(job_id)
            if request is not None:
                last_segments_marker(work).unlink(missing_ok=True)
                request.after_segment.clear()

    def shut_down(self) -> None:
        """Ask all threads to stop, and let none begin work on another job."""
        with self._lock:
            self.shut_down_event.set()
            for request in self._requests.values():
                request.set("shutdown")
