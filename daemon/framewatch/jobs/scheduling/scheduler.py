"""Keeps the machine busy: lanes that render queued jobs, publishers that put results away, and a timekeeper.

A lane is a thread with a worker process of its own, whose engine stays warm from job to job. Jobs that need the GPU
have their lanes, jobs that do not have one too, so that a plain transcode never waits behind days of upscaling.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence

import structlog

from framewatch.domain import Job, JobState
from framewatch.errors import CancelledError, ErrorRecord, Finding, FramewatchError, Remedy
from framewatch.jobs.lifecycle import events as ev
from framewatch.jobs.scheduling.hold_poller import HoldPoller
from framewatch.jobs.scheduling.job_manager import Decision, JobManager
from framewatch.jobs.scheduling.slot import Slot
from framewatch.jobs.scheduling.stop_request import Stop

PUBLISHERS = 2  # results that are put away at once; a slow share must not stop the lanes
AT_ONCE = 200  # jobs that are changed in one transaction; the lanes wait meanwhile
IDLE_SECONDS = 5.0  # a lane looks into the queue at least so often; it is woken when something is queued

INTERRUPTED = (JobState.RUNNING, JobState.PUBLISHING)  # states that a daemon which died leaves jobs in

_log = structlog.get_logger("framewatch.jobs")


Publish = Callable[[Job, threading.Event], Job]


class Scheduler:
    """Runs every job to its end. Safe to be asked from several threads."""

    def __init__(
        self,
        manager: JobManager,
        slots: list[Slot],
        publish: Publish,
        knows: Callable[[str], bool],
        may_go_on: Callable[[Job], bool],
    ) -> None:
        """The parts that a runner works with.

        Args:
            manager: where jobs change.
            slots: what renders them.
            publish: puts a result away.
            knows: whether the configuration has a folder of this name.
            may_go_on: whether a held job is to be tried again; a look, which may hang in a dead share.
        """
        self._manager = manager
        self._slots = slots
        self._publish = publish
        self._knows = knows
        self._looks = HoldPoller(manager, knows, may_go_on, self.release, self.failed)
        self._changed = threading.Condition()
        self._wakes = 0  # counted, so that one between a look and the wait for it is not missed
        self._stopping = False
        self.failure: Exception | None = None  # why a thread ended; the daemon then ends too, and is restarted
        self._stops: dict[str, Stop] = {}
        self._threads: list[threading.Thread] = []
        self._results: queue.SimpleQueue[Job | None] = queue.SimpleQueue()  # to be put away; None ends a publisher

    def start(self) -> None:
        """Take up what an earlier daemon left, then begin."""
        self._manager.sweep()
        for left in self._manager.store.list(INTERRUPTED, limit=-1):
            job = self._manager.apply(left, ev.Recovered())
            if job.state == JobState.PUBLISHING:
                self._put_away(job)
        # Whoever starts the daemon may just have taken the cause away: all holds are looked at now.
        held = self._manager.store.list((JobState.HELD,), limit=-1)
        self._manager.store.prolong([job.id for job in held], self._manager.clock())
        for slot in self._slots:
            self._begin(f"lane-{slot.name}", self._work, slot)
        for number in range(PUBLISHERS):
            self._begin(f"publish-{number}", self._put_away_all)
        self._begin("timekeeper", self._keep_time)

    def wake(self) -> None:
        """There may be something new to do."""
        with self._changed:
            self._wakes += 1
            self._changed.notify_all()

    @property
    def idle(self) -> bool:
        """True when nothing is queued, running or being published, and no held job is due to be looked at."""
        store = self._manager.store
        counts = store.counts()
        busy = any(counts[state] for state in (JobState.QUEUED, JobState.RUNNING, JobState.PUBLISHING))
        return not busy and not store.over_holds(self._manager.clock(), self._knows)

    def take_in(self, entered: Sequence[Decision]) -> None:
        """Take over jobs that were entered at the desk; the lanes need not wait until the last is shown."""
        for number, decision in enumerate(entered):
            job = self._manager.welcome(decision)
            if job.state == JobState.PUBLISHING:
                self._put_away(job)
            if number == 0:
                self.wake()
        self.wake()

    def hold_folder(self, name: str, finding: Finding) -> None:
        """Put all queued jobs of a watch folder on hold."""
        event = ev.Broke(ErrorRecord((finding,), Remedy.WAIT))
        while held := self._manager.decide_queued(name, event, AT_ONCE):
            for decision in held:
                self._manager.carry_out(decision)

    def release(self, job: Job) -> None:
        """Let a held job go on, unless something else has happened to it since it was looked at."""
        with self._manager.lock:
            current = self._manager.store.get(job.id)
            if current is None or current.state != JobState.HELD:
                return
            decision = self._manager.decide(current, ev.HoldOver())
        self._go_on(self._manager.carry_out(decision))

    def _go_on(self, job: Job) -> None:
        if job.state == JobState.PUBLISHING:
            self._put_away(job)
        self.wake()

    def retry(self, job: Job, event: ev.RetryAsked) -> None:
        """Take up a job again that failed or was cancelled.

        Raises:
            ImpossibleTransitionError: it did neither.
        """
        with self._manager.lock:
            decision = self._manager.decide(self._manager.store.get(job.id) or job, event)
        self._manager.carry_out(decision)
        self.wake()

    def cancel(self, job_id: str) -> None:
        """Stop a job and put its source into failed/.

        Raises:
            ImpossibleTransitionError: it has ended, or is being put in its place already.
        """
        with self._manager.lock:
            job = self._manager.store.get(job_id)
            stop = self._stops.get(job_id)
            if job is None:
                return
            if stop is not None and job.state == JobState.RUNNING:
                stop.set("cancel")
                return
            decision = self._manager.decide(job, ev.CancelAsked())
        self._go_on(self._manager.carry_out(decision))

    def failed(self, error: Exception) -> None:
        """A thread met what the daemon must not go on with."""
        _log.error("daemon.failed", exc_info=error, message=str(error))
        self.failure = error

    def drain(self, seconds: float) -> bool:
        """Stop: running jobs go back to the queue. True when everything had ended within `seconds`."""
        self._stopping = True
        self.wake()
        with self._manager.lock:
            for stop in self._stops.values():
                stop.set("interrupt")
        for _ in range(PUBLISHERS):
            self._results.put(None)
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        for slot in self._slots:
            slot.close()
        looked = self._looks.stop(deadline - time.monotonic())
        return looked and not any(thread.is_alive() for thread in self._threads)

    # --- lanes --------------------------------------------------------------------------------------------

    def _begin(self, name: str, work: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=self._guarded, args=(work, *args), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _guarded(self, work: Callable[..., None], *args: object) -> None:
        """A thread's boundary. What comes here is the store's trouble or a defect: the daemon must not go on half."""
        try:
            work(*args)
        except Exception as error:  # noqa: BLE001
            self.failed(error)

    def _work(self, slot: Slot) -> None:
        while not self._stopping:
            seen = self._wakes
            job = self._claim(slot)
            if job is None:
                self._wait(seen, IDLE_SECONDS)
                continue
            with structlog.contextvars.bound_contextvars(**job.log_context()):
                self._run(job, slot)

    def _wait(self, seen: int, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._wakes != seen, seconds)

    def _claim(self, slot: Slot) -> Job | None:
        with self._manager.lock:
            if self._stopping:
                return None
            job = self._manager.store.next_queued(
                self._manager.clock(), gpu=slot.gpu, accepts=lambda job: self._knows(job.folder)
            )
            if job is None:
                return None
            self._stops[job.id] = Stop()
            decision = self._manager.decide(job, ev.Claimed())
        return self._manager.carry_out(decision)

    def _run(self, job: Job, slot: Slot) -> None:
        stop = self._stops[job.id]
        event = self._rendered(job, slot, stop)
        with self._manager.lock:
            del self._stops[job.id]
            if stop.event.is_set() and stop.reason == "cancel":
                event = ev.CancelAsked()  # it was promised, even where the work ended just before
            decision = self._manager.decide(self._manager.store.get(job.id) or job, event)
        self._go_on(self._manager.carry_out(decision))

    def _rendered(self, job: Job, slot: Slot, stop: Stop) -> ev.Event:
        """What came of rendering; a defect of framewatch fails this job and no other."""
        try:
            return slot.render(job, stop.event)
        except CancelledError:
            return ev.CancelAsked() if stop.reason == "cancel" else ev.Interrupted()
        except FramewatchError as error:
            return ev.Broke.of(error)
        except Exception as error:  # noqa: BLE001 - the job's boundary
            _log.exception("job.bug", **job.log_context())
            return ev.Broke.of(FramewatchError(f"{type(error).__name__}: {error}", code="internal.bug"))

    # --- publishing ---------------------------------------------------------------------------------------

    def _put_away(self, job: Job) -> None:
        with self._manager.lock:
            if self._stopping or job.id in self._stops:
                return  # the journal says where the next daemon goes on; or a publisher has it already
            self._stops[job.id] = Stop()
        self._results.put(job)

    def _put_away_all(self) -> None:
        while not self._stopping:  # what is left in the queue then stands in the journal, for the next daemon
            job = self._results.get()
            if job is not None:
                self._published(job)

    def _published(self, job: Job) -> None:
        stop = self._stops[job.id]
        try:
            with structlog.contextvars.bound_contextvars(**job.log_context()):
                self._publish(job, stop.event)
        except CancelledError:
            return  # the daemon ends; the journal says where the next one goes on
        except Exception as error:  # noqa: BLE001 - the job's boundary
            job = self._publishing_broke(job, error)
        finally:
            with self._manager.lock:
                self._stops.pop(job.id, None)
            self.wake()
        current = self._manager.store.get(job.id)
        if current is not None and current.state == JobState.PUBLISHING:
            self._put_away(current)  # another end than was meant: the source still has to go to failed/

    def _publishing_broke(self, job: Job, error: Exception) -> Job:
        if not isinstance(error, FramewatchError):
            _log.error("job.bug", exc_info=error, **job.log_context())
            error = FramewatchError(f"{type(error).__name__}: {error}", code="internal.bug")
        return self._manager.apply(self._manager.store.get(job.id) or job, ev.Broke.of(error))

    # --- time ---------------------------------------------------------------------------------------------

    def _keep_time(self) -> None:
        """Lets held jobs go on when their time has come, and wakes the lanes for those that waited."""
        while not self._stopping:
            seen = self._wakes
            now = self._manager.clock()
            self._looks.begin(now)
            due = self._manager.store.next_wake(now)
            wait = IDLE_SECONDS if due is None else min(max(due - now, 0.0), IDLE_SECONDS)
            self._wait(seen, wait)
            if due is not None and due <= self._manager.clock():
                self.wake()
