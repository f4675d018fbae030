"""Runs jobs on threads: slots that make attempts, publishers that move results into place, and a timer.

A slot has a worker process of its own, whose engine stays warm from job to job. There is a slot for each job that
may use the GPU at once, and one for jobs that need no GPU, so that a plain transcode never waits behind days of
upscaling.
"""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import structlog

from framewatch.domain import Job, JobState, Length
from framewatch.errors import CancelledError, ErrorRecord, Finding, FramewatchError, Remedy
from framewatch.jobs.lifecycle import events as ev
from framewatch.jobs.scheduling.bug_guard import BugGuard, is_held_for_bugs
from framewatch.jobs.scheduling.hold_poller import HoldPoller
from framewatch.jobs.scheduling.job_manager import JobManager
from framewatch.jobs.scheduling.pause_control import PauseControl
from framewatch.jobs.scheduling.slot import Slot
from framewatch.jobs.scheduling.stop_request import StopRequest, StopRequests
from framewatch.threads import FolderQueues, answers

PUBLISHERS = 2  # results that are published at once in a folder; a dead share must stop neither slots nor folders
BATCH = 200  # jobs that are changed in one transaction, while the slots wait
APART_SECONDS = 5.0  # for work that should be done before the next, unless a share is dead
MEASURE_SECONDS = 60.0  # before a job is claimed, for the lengths of files, where the queue's order goes by them
MEASURE_BATCH = 20  # lengths that are stored at once
IDLE_SECONDS = 5.0  # a slot reads the queue at least this often; it is woken when a job is queued

INTERRUPTED = (JobState.RUNNING, JobState.PUBLISHING)  # states in which a daemon that died leaves jobs

_log = structlog.get_logger("framewatch.jobs")

Publish = Callable[[Job, threading.Event], None]
"""Publishes a job as far as it can. Raises a CancelledError if the event is set meanwhile."""


class Scheduler:
    """Runs every job to its end. Safe for use from several threads."""

    def __init__(
        self,
        manager: JobManager,
        slots: Sequence[Slot],
        publish: Publish,
        knows_folder: Callable[[str], bool],
        can_continue: Callable[[Job], bool],
        answers_now: Callable[[str], bool] = lambda _: True,
    ) -> None:
        """Prepare; no thread runs before `start`.

        Args:
            manager: changes jobs.
            slots: make attempts.
            publish: publishes a job.
            knows_folder: whether the configuration has a folder of this name.
            can_continue: whether the cause of a hold is gone; may hang on a dead share.
            answers_now: whether the share of the folder of this name answers. A job that hangs would keep its slot.
        """
        self._manager = manager
        self._slots = slots
        self._publish = publish
        self._knows_folder = knows_folder
        self._answers_now = answers_now
        self._holds = HoldPoller(manager, knows_folder, can_continue, self.release, self.fail)
        self._stops = StopRequests()
        self.guard = BugGuard()
        self.pausing = PauseControl(manager, self._stops, self.wake)
        self._measuring = threading.Lock()  # so that two slots do not read the lengths of the same files
        self._woken = threading.Condition()
        self._wakes = 0  # counted, so that none is missed between reading the queue and waiting
        self._publishing = FolderQueues("publish", self.fail)
        self._holding = FolderQueues("silent", self.fail)
        self._threads: list[threading.Thread] = []
        manager.on_change = self._on_change
        self.failure: Exception | None = None  # why a thread ended; the daemon then ends too, and is restarted

    # --- from other threads -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Continue with what an earlier daemon left, then start the threads."""
        self._manager.remove_leftover_work()
        interrupted = self._manager.store.find(INTERRUPTED, limit=None)
        self.apart({name: partial(self._recover, name, interrupted) for name in {job.folder for job in interrupted}})
        # Whoever starts the daemon may just have removed the cause of a hold: check all of them now.
        held = self._manager.store.find((JobState.HELD,), limit=None)
        self._manager.store.postpone([job.id for job in held], self._manager.clock())
        for name in {job.folder for job in held if is_held_for_bugs(job)}:
            self.guard.resume(name)
        for slot in self._slots:
            self._start_thread(f"slot-{slot.name}", self._run_slot, slot)
        self._start_thread("timer", self._run_timer)

    def apart(self, work: Mapping[str, Callable[[], None]]) -> None:
        """Do work for each watch folder on a thread of its own, and wait for it some seconds.

        It may touch the folder's share. One that is dead stops neither the others nor the caller.
        """
        answers({name: partial(self._guarded, each) for name, each in work.items()}, APART_SECONDS)

    def _recover(self, folder: str, interrupted: Sequence[Job]) -> None:
        for job in interrupted:
            if job.folder == folder:
                self._manager.apply(job.id, ev.Recovered())

    def wake(self) -> None:
        """Let the slots and the timer see what is new."""
        with self._woken:
            self._wakes += 1
            self._woken.notify_all()

    @property
    def idle(self) -> bool:
        """Whether nothing is queued, running or being published, and no held job is due to be checked.

        What is paused, or concerns folders that do not answer, does not count: nobody knows when it would end.
        """
        store, pauses = self._manager.store, self.pausing.pauses
        answering = [name for name in store.unfinished_folders() if self._answers_now(name)]
        queued = {name for name in store.queued_folders() if pauses.is_short(name)}
        busy = any(name in queued or store.find(INTERRUPTED, folder=name, limit=1) for name in answering)
        due = store.due_holds(self._manager.clock(), lambda name: self._knows_folder(name) and name in answering)
        return not busy and not due and self._holding.idle

    def hold_folder(self, name: str, finding: Finding) -> None:
        """Hold all queued jobs of a watch folder."""
        event = ev.Broke(ErrorRecord((finding,), Remedy.WAIT))

        def queued() -> list[tuple[Job, ev.Event]]:
            jobs = self._manager.store.find((JobState.QUEUED,), folder=name, limit=BATCH)
            return [(job, event) for job in jobs]

        while self._manager.change_all(queued):
            pass

    def hold_silent(self, name: str, finding: Finding) -> None:
        """Hold the queued jobs of a folder that does not answer, without waiting: their progress files lie there."""
        if not self._holding.busy(name):
            self._holding.put(name, partial(self.hold_folder, name, finding))

    def resume_folder(self, name: str) -> None:
        """Go on with a folder that is held for bugs, and with its jobs."""
        self.guard.resume(name)
        for job in self._manager.store.find((JobState.HELD,), folder=name, limit=None):
            if is_held_for_bugs(job):
                self.release(job)

    def release(self, job: Job) -> None:
        """Let a held job continue, unless it is no longer held."""
        self._manager.change(job.id, lambda now: ev.HoldOver() if now.state == JobState.HELD else None)

    def cancel(self, job_id: str) -> None:
        """Stop a job and move its source to failed/.

        Raises:
            ImpossibleTransitionError: it has ended, or its files are already being moved into place.
            StoreError: there is no such job.
        """

        def decide(job: Job) -> ev.Event | None:
            # The slot that has it stops its worker first, and cancels the job then.
            asked = job.state == JobState.RUNNING and self._stops.cancel(job_id)
            return None if asked else ev.CancelAsked()

        self._manager.change(job_id, decide)

    def fail(self, error: Exception) -> None:
        """Note an error after which the daemon must not continue."""
        _log.error("daemon.failed", exc_info=error, message=str(error))
        self.failure = error

    def drain(self, seconds: float) -> bool:
        """Stop: running jobs return to the queue. True if everything ended within `seconds`."""
        self._stops.shut_down()
        self.wake()
        deadline = time.monotonic() + seconds
        published = self._publishing.stop(seconds)
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        for slot in self._slots:
            slot.close()
        checked = self._holds.stop(deadline - time.monotonic())
        self._holding.stop(0.0)  # what it has not held is queued, and held by the next daemon
        return published and checked and not any(thread.is_alive() for thread in self._threads)

    # --- threads ------------------------------------------------------------------------------------------------

    def _start_thread(self, name: str, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=self._guarded, args=(target, *args), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _guarded(self, target: Callable[..., None], *args: object) -> None:
        """End the daemon on an error of the store, or a bug: it must not continue with half of its threads."""
        try:
            target(*args)
        except Exception as error:  # noqa: BLE001 - the thread's boundary
            self.fail(error)

    def _wait(self, seen: int, seconds: float) -> None:
        """Wait until there were more wakes than were `seen`."""
        with self._woken:
            self._woken.wait_for(lambda: self._wakes != seen, seconds)

    def _run_timer(self) -> None:
        """Check held jobs when they are due, and wake the slots for queued jobs whose wait is over."""
        while not self._stops.shutting_down:
            seen = self._wakes
            now = self._manager.clock()
            self._holds.check_due(now)
            due = self._manager.store.next_wake(now)
            self._wait(seen, IDLE_SECONDS if due is None else min(max(due - now, 0.0), IDLE_SECONDS))
            if due is not None and due <= self._manager.clock():
                self.wake()

    def _on_change(self, jobs: Sequence[Job]) -> None:
        """Publish the jobs that are due after a change, and let the slots see the others."""
        for job in jobs:
            self._publish_if_due(job)
        self.wake()

    # --- attempts -----------------------------------------------------------------------------------------------

    def _run_slot(self, slot: Slot) -> None:
        while not self._stops.shutting_down:
            seen = self._wakes
            job = self._claim(slot)
            if job is None:
                self._wait(seen, IDLE_SECONDS)
                continue
            with structlog.contextvars.bound_contextvars(**job.log_context()):
                self._attempt(job, slot)

    def _accepts(self, name: str) -> bool:
        """Return whether jobs of a folder may be claimed now."""
        can_run = self._knows_folder(name) and self._answers_now(name)
        return can_run and self.pausing.pauses.allows(name) and self.guard.holds(name) is None

    def _claim(self, slot: Slot) -> Job | None:
        with self._measuring:
            self._measure_lengths(slot)
        return self._manager.claim(
            gpu=slot.gpu,
            accepts=self._accepts,
            decide=lambda job: ev.Claimed() if self._stops.open(job.id) else None,
        )

    def _measure_lengths(self, slot: Slot) -> None:
        """Read the lengths that the order of the queue goes by, for a limited time; the others are read next time."""
        deadline = time.monotonic() + MEASURE_SECONDS
        while time.monotonic() < deadline and not self._stops.shutting_down:
            jobs = self._manager.store.unmeasured(gpu=slot.gpu, accepts=self._accepts, limit=MEASURE_BATCH)
            found = {job.id: length for job in jobs if (length := self._measured(job, slot)) is not None}
            if not found:
                return
            self._manager.change_all(partial(self._measured_events, found))

    def _measured(self, job: Job, slot: Slot) -> Length | None:
        try:
            return slot.measure(job, self._stops.shut_down_event)
        except CancelledError:
            return None
        except Exception as error:  # noqa: BLE001 - the job's boundary: it meets the same problem when it runs
            _log.error("job.bug", exc_info=error, **job.log_context())
            return Length(seconds=None)

    def _measured_events(self, found: Mapping[str, Length]) -> list[tuple[Job, ev.Event]]:
        jobs = filter(None, map(self._manager.store.get, found))
        return [(job, ev.Measured(found[job.id])) for job in jobs if job.state == JobState.QUEUED]

    def _attempt(self, job: Job, slot: Slot) -> None:
        stop = self._stops.of(job.id)
        event = self._judged(job, self._attempted(job, slot, stop))

        def decide(_: Job) -> ev.Event:
            self._stops.close(job.id)
            # A cancellation that was accepted holds, even if the work ended just before.
            return ev.CancelAsked() if stop.is_cancel else event

        self._manager.change(job.id, decide)

    def _judged(self, job: Job, event: ev.Event) -> ev.Event:
        """Return the event, or one that holds the job; the other queued jobs of its folder are held then, too."""
        judged = self.guard.judge(job, event)
        if judged is not event and (finding := self.guard.holds(job.folder)) is not None:
            self.hold_silent(job.folder, finding)
        return judged

    def _attempted(self, job: Job, slot: Slot, stop: StopRequest) -> ev.Event:
        """Return how an attempt ended. A bug in framewatch fails this job and no other."""
        try:
            return slot.attempt(job, stop)
        except CancelledError:
            return ev.Interrupted()
        except Exception as error:  # noqa: BLE001 - the job's boundary
            return ev.Broke.of(_job_error(job, error))

    # --- publishing ---------------------------------------------------------------------------------------------

    def _publish_if_due(self, job: Job) -> None:
        # When the daemon shuts down, the journal says where the next one continues.
        if job.state == JobState.PUBLISHING and self._stops.open(job.id):
            lane = zlib.crc32(job.id.encode()) % PUBLISHERS
            self._publishing.put(f"{job.folder}-{lane}", partial(self._publish_job, job))

    def _publish_job(self, job: Job) -> None:
        try:
            with structlog.contextvars.bound_contextvars(**job.log_context()):
                self._publish(job, self._stops.of(job.id).event)
        except CancelledError:
            return
        except Exception as error:  # noqa: BLE001 - the job's boundary
            self._manager.apply(job.id, self._judged(job, ev.Broke.of(_job_error(job, error))))
        finally:
            self._stops.close(job.id)
            self.wake()
        current = self._manager.store.get(job.id)
        if current is not None:
            self.guard.ended(current)
            self._publish_if_due(current)  # it will end otherwise than planned: its source still has to be moved


def _job_error(job: Job, error: Exception) -> FramewatchError:
    """Return the error to record for a job, for whatever was raised while a thread worked on it."""
    if isinstance(error, FramewatchError):
        return error
    _log.error("job.bug", exc_info=error, **job.log_context())
    return FramewatchError(f"{type(error).__name__}: {error}", code="internal.bug")
