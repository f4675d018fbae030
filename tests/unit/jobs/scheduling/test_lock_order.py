"""Locks are taken in one order, and never held while a disk or a share is touched."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from framewatch.domain import Job, JobState
from framewatch.errors import Finding
from framewatch.jobs.lifecycle.retry_policy import RetryPolicy
from framewatch.jobs.reporting import sidecar
from framewatch.jobs.reporting.reporter import Reporter
from framewatch.jobs.scheduling.job_manager import JobManager
from framewatch.jobs.scheduling.scheduler import Scheduler
from framewatch.jobs.scheduling.slot import Slot
from framewatch.jobs.store import job_backup
from framewatch.jobs.store.job_backup import Backups
from framewatch.jobs.store.store import Store
from framewatch.jobs.work_folder import BACKUP_NAME
from framewatch.storage.folder_places import FolderPlaces
from framewatch.storage.root import Root
from framewatch.threads import NamedLocks
from job_factory import MakeJob
from waiting import eventually

S = JobState
TIMEOUT = 10.0  # seconds after which a thread that should not have to wait is assumed to hang
LOST = Finding("folders.removed", "no such folder any more")


class Rivalled:
    """The job manager's lock. Before each thread that takes it, a rival takes it and then asks the store.

    A thread that comes here while it has the store to itself would wait for the rival forever, and the rival for it.
    """

    def __init__(self, lock: threading.RLock, ask: Callable[[], object]) -> None:  # type: ignore[valid-type]
        self._lock: Any = lock
        self._ask = ask
        self._mine = threading.local()

    def __enter__(self) -> None:
        if not getattr(self._mine, "depth", 0):
            rival = threading.Thread(target=self._rival, daemon=True)
            rival.start()
            rival.join(TIMEOUT)
            assert not rival.is_alive(), "two threads wait for each other: the manager's lock and the store's"
        self._lock.acquire()
        self._mine.depth = getattr(self._mine, "depth", 0) + 1

    def __exit__(self, *_: object) -> None:
        self._mine.depth -= 1
        self._lock.release()

    def _rival(self) -> None:
        with self._lock:
            self._ask()


@pytest.fixture
def work(tmp_path: Path) -> Path:
    made = tmp_path / "work"
    made.mkdir()
    return made


@pytest.fixture
def manager(store: Store, work: Path) -> JobManager:
    return JobManager(store, Reporter(store, lambda _: None), work, RetryPolicy())


def others_pass(manager: JobManager) -> bool:
    """Whether another thread gets the manager's lock, and the store, now."""

    def ask() -> None:
        with manager.lock:
            manager.store.counts()

    rival = threading.Thread(target=ask, daemon=True)
    rival.start()
    rival.join(TIMEOUT)
    return not rival.is_alive()


def test_the_jobs_of_a_removed_folder_are_held_while_slots_claim_jobs(manager: JobManager, make_job: MakeJob) -> None:
    for number in range(450):
        manager.store.add(make_job(number))
    manager.store.add(make_job(1000, folder="other"))
    scheduler = Scheduler(manager, [], lambda job, _: job, lambda _: True, lambda _: False)
    manager.lock = Rivalled(manager.lock, manager.store.counts)  # type: ignore[assignment]
    scheduler.hold_folder("anime", LOST)
    counts = manager.store.counts()
    assert (counts[S.HELD], counts[S.QUEUED]) == (450, 1)
    assert manager.store.history("id0000")[-1].codes == (LOST.code,)


def test_no_lock_is_held_while_a_backup_is_written(
    manager: JobManager, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(state=S.RUNNING, started_at=1.0, stuck=1)
    manager.store.add(job)
    written: list[Path] = []

    def write(_: Root, path: Path, data: bytes, **__: object) -> None:
        assert others_pass(manager), "a lock is held during a write to the disk"
        written.append(path)

    monkeypatch.setattr(Root, "write", write)
    slot = Slot("gpu-0", manager, MagicMock(), MagicMock(), lambda _: None, gpu=True)
    slot._reset_counts(job.id)
    assert [path.name for path in written] == [BACKUP_NAME]
    changed = manager.store.get(job.id)
    assert changed is not None
    assert changed.stuck == 0


class Slow:
    """A slow operation: it says that it has begun, and ends when it may."""

    def __init__(self) -> None:
        self.begun, self.may_end = threading.Event(), threading.Event()

    def __call__(self, *_: object, **__: object) -> None:
        self.begun.set()
        assert self.may_end.wait(TIMEOUT)


def test_removing_the_segments_of_one_job_does_not_delay_the_backup_of_another(
    store: Store, work: Path, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = make_job(1, state=S.CANCELLED, outcome=S.CANCELLED, ended_at=2.0)
    running = make_job(2, state=S.RUNNING, started_at=1.0)
    for job in (ended, running):
        store.add(job)
    backups, slow = Backups(store, work), Slow()
    monkeypatch.setattr(job_backup.shutil, "rmtree", slow)
    removing = threading.Thread(target=backups.discard_work, args=(ended,), daemon=True)
    removing.start()
    assert slow.begun.wait(TIMEOUT)
    keeping = threading.Thread(target=backups.keep, args=(running,), daemon=True)
    keeping.start()
    keeping.join(TIMEOUT)
    assert (work / running.id / BACKUP_NAME).is_file()
    slow.may_end.set()
    removing.join(TIMEOUT)


def test_the_work_of_a_job_that_was_started_again_is_not_removed(store: Store, work: Path, make_job: MakeJob) -> None:
    ended = make_job(state=S.CANCELLED, outcome=S.CANCELLED, ended_at=2.0)
    store.add(ended)
    store.save(ended.evolve(state=S.RUNNING, outcome=None, ended_at=None, revision=ended.revision + 2), "Claimed")
    segment = work / ended.id / "segment-00000.mp4"
    segment.parent.mkdir()
    segment.write_bytes(b"new")
    Backups(store, work).discard_work(ended)
    assert segment.read_bytes() == b"new"


def test_a_dead_share_delays_only_the_progress_files_of_its_own_folder(
    store: Store, tmp_path: Path, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out"
    output.mkdir()
    places = FolderPlaces(tmp_path / "in", output, tmp_path / "done", tmp_path / "failed", work=tmp_path / "work")
    reporter = Reporter(store, lambda _: places)
    jobs = [
        make_job(number, folder=f"folder {number}", state=S.RUNNING, started_at=1.0, output=output / f"{number}.mp4")
        for number in (1, 2)
    ]
    reporter.show(jobs[0])
    slow = Slow()
    monkeypatch.setattr(sidecar, "remove_sidecar", slow)
    renamed = jobs[0].evolve(output=output / "renamed.mp4")
    hanging = threading.Thread(target=reporter.show, args=(renamed,), daemon=True)
    hanging.start()
    assert slow.begun.wait(TIMEOUT)
    other = threading.Thread(target=reporter.show, args=(jobs[1],), daemon=True)
    other.start()
    other.join(TIMEOUT)
    assert any(path.name.startswith("2.mp4") for path in output.iterdir())
    slow.may_end.set()
    hanging.join(TIMEOUT)
    assert any(path.name.startswith("renamed.mp4") for path in output.iterdir())


def test_a_dead_share_delays_only_the_checks_of_its_own_folder(manager: JobManager, make_job: MakeJob) -> None:
    gone = Finding(code="storage.not_mounted", message="")
    for number, folder in enumerate(("dead", "fine", "fine")):
        manager.store.add(make_job(number, folder=folder, state=S.HELD, held_state=S.QUEUED, findings=(gone,)))
    slow = Slow()

    def may_go_on(job: Job) -> bool:
        if job.folder == "dead":
            slow()
        return True

    scheduler = Scheduler(manager, [], lambda job, _: job, lambda _: True, may_go_on)
    scheduler.start()
    assert slow.begun.wait(TIMEOUT)
    eventually(lambda: manager.store.counts("fine")[S.QUEUED] == 2, timeout=TIMEOUT)
    manager.store.add(make_job(7, folder="later", state=S.HELD, held_state=S.QUEUED, findings=(gone,)))
    scheduler.wake()
    eventually(lambda: manager.store.counts("later")[S.QUEUED] == 1, timeout=TIMEOUT)
    assert manager.store.counts("dead")[S.HELD] == 1
    slow.may_end.set()
    eventually(lambda: manager.store.counts("dead")[S.QUEUED] == 1, timeout=TIMEOUT)
    assert scheduler.drain(TIMEOUT)
    assert scheduler.failure is None


def test_an_error_during_the_check_of_holds_ends_the_daemon(manager: JobManager, make_job: MakeJob) -> None:
    manager.store.add(
        make_job(state=S.HELD, held_state=S.QUEUED, findings=(Finding(code="storage.full", message=""),))
    )

    def broken(_: Job) -> bool:
        raise RuntimeError("a defect")

    scheduler = Scheduler(manager, [], lambda job, _: job, lambda _: True, broken)
    scheduler.start()
    eventually(lambda: isinstance(scheduler.failure, RuntimeError), timeout=TIMEOUT)
    assert scheduler.drain(TIMEOUT)


def test_only_threads_that_want_the_same_name_wait_for_its_lock() -> None:
    locks, slow = NamedLocks(), Slow()
    order: list[str] = []

    def take(name: str, work: Callable[[], None]) -> None:
        with locks.of(name):
            work()
            order.append(name)

    first = threading.Thread(target=take, args=("same", slow), daemon=True)
    first.start()
    assert slow.begun.wait(TIMEOUT)
    second = threading.Thread(target=take, args=("same", lambda: order.append("after")), daemon=True)
    second.start()
    take("other", lambda: None)
    slow.may_end.set()
    for thread in (first, second):
        thread.join(TIMEOUT)
    assert order == ["other", "same", "after", "same"]
    assert not locks._entries  # a name that no thread has takes no memory
