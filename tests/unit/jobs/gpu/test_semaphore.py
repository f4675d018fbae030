"""GPU shares among threads and among processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from framewatch.errors import CancelledError, StorageError
from framewatch.jobs.gpu.semaphore import GpuSemaphore

NEVER = threading.Event()
LIMIT = 20.0  # seconds after which a test that waits for something fails

HOLDER = """
import sys, threading
from pathlib import Path
from framewatch.jobs.gpu.semaphore import GpuSemaphore
semaphore = GpuSemaphore("gpu0", 8, 4, Path(sys.argv[1]))
with semaphore.acquire(float(sys.argv[2]), threading.Event()):
    print("held", flush=True)
    sys.stdin.read()
"""


def semaphore(tmp_path: Path, capacity: float = 8, slots: int = 4) -> GpuSemaphore:
    return GpuSemaphore("gpu0", capacity, slots, tmp_path / "locks")


class Job:
    """A thread that requests a share and holds it until it is told to end."""

    def __init__(self, gpu: GpuSemaphore, weight: float, on_held: Callable[[], None] = lambda: None) -> None:
        self.held, self.end, self.cancel = threading.Event(), threading.Event(), threading.Event()
        self.cancelled = False
        self._run = (gpu, weight, on_held)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        gpu, weight, on_held = self._run
        try:
            with gpu.acquire(weight, self.cancel):
                on_held()
                self.held.set()
                assert self.end.wait(LIMIT)
        except CancelledError:
            self.cancelled = True

    def finish(self) -> None:
        self.end.set()
        self.thread.join(LIMIT)
        assert not self.thread.is_alive()


def holder(tmp_path: Path, weight: float) -> subprocess.Popen[bytes]:
    """Another process that holds a share until its stdin is closed."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "locks"), str(weight)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"held\n"
    return child


def test_jobs_run_at_once_while_their_memory_fits(tmp_path: Path) -> None:
    gpu = semaphore(tmp_path)
    first, second = Job(gpu, 4), Job(gpu, 4)
    assert first.held.wait(LIMIT)
    assert second.held.wait(LIMIT)
    third = Job(gpu, 1)
    assert not third.held.wait(0.5)
    first.finish()
    assert third.held.wait(LIMIT)
    second.finish()
    third.finish()


def test_there_are_no_more_jobs_than_slots_however_little_they_need(tmp_path: Path) -> None:
    gpu = semaphore(tmp_path, slots=1)
    first, second = Job(gpu, 0), Job(gpu, 0)
    assert first.held.wait(LIMIT) or second.held.wait(LIMIT)
    (holds, waits) = (first, second) if first.held.is_set() else (second, first)
    assert not waits.held.wait(0.3)
    holds.finish()
    assert waits.held.wait(LIMIT)
    waits.finish()


def test_within_a_process_jobs_are_served_in_order_and_a_big_need_is_not_overtaken(tmp_path: Path) -> None:
    gpu = semaphore(tmp_path)
    order: list[str] = []
    running = Job(gpu, 4)
    assert running.held.wait(LIMIT)
    big = Job(gpu, 8, lambda: order.append("big"))
    while len(gpu._waiting) < 1:
        assert big.thread.is_alive()
    small = Job(gpu, 1, lambda: order.append("small"))
    assert not small.held.wait(0.3)  # though there is room for it
    running.finish()
    assert big.held.wait(LIMIT)
    big.finish()
    assert small.held.wait(LIMIT)
    small.finish()
    assert order == ["big", "small"]


def test_a_waiting_job_can_be_cancelled_and_leaves_nothing_locked(tmp_path: Path) -> None:
    gpu = semaphore(tmp_path)
    running = Job(gpu, 4)
    assert running.held.wait(LIMIT)
    waiting, behind = Job(gpu, 8), Job(gpu, 8)
    for job in (behind, waiting):
        job.cancel.set()
        job.thread.join(LIMIT)
        assert job.cancelled
    other = Job(gpu, 4)
    assert other.held.wait(LIMIT)
    running.finish()
    other.finish()


def test_a_need_above_the_capacity_takes_the_whole_device_and_warns(tmp_path: Path) -> None:
    gpu = semaphore(tmp_path, capacity=7.6)
    with gpu.acquire(15.2, NEVER) as share:
        assert share.weight == 7
        assert [finding.code for finding in share.warnings] == ["gpu.need_above_capacity"]
        assert "16 GB" in share.warnings[0].message
        assert share.warnings[0].hint
    with gpu.acquire(3.1, NEVER) as share:
        assert (share.weight, share.warnings) == (4, ())


def test_each_device_has_its_own_shares(tmp_path: Path) -> None:
    with ExitStack() as stack:
        for device in ("cuda:0", "cuda:1", "Intel(R) Arc / 1"):
            gpu = GpuSemaphore(device, 1, 1, tmp_path / "locks")
            stack.enter_context(gpu.acquire(1, NEVER))


def test_shares_hold_across_processes_and_become_free_when_the_holder_is_killed(tmp_path: Path) -> None:
    gpu = semaphore(tmp_path)
    with holder(tmp_path, 6) as other:
        with gpu.acquire(2, NEVER):
            pass
        waiting = Job(gpu, 4)
        assert not waiting.held.wait(0.5)
        other.send_signal(signal.SIGKILL)
        assert waiting.held.wait(LIMIT)
    waiting.finish()


def test_the_lock_folder_is_created_for_this_user_alone(tmp_path: Path) -> None:
    gpu = semaphore(tmp_path)
    with gpu.acquire(1, NEVER):
        assert (tmp_path / "locks").stat().st_mode & 0o777 == 0o700
        assert {path.stat().st_mode & 0o777 for path in (tmp_path / "locks").iterdir()} == {0o600}


def test_a_lock_folder_that_others_can_write_to_is_refused_unless_sticky(tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks").chmod(0o777)
    with pytest.raises(StorageError) as caught:
        semaphore(tmp_path)
    assert caught.value.finding.code == "storage.unsafe"
    (tmp_path / "locks").chmod(0o1777)
    with semaphore(tmp_path).acquire(1, NEVER):
        pass


def test_links_in_place_of_lock_files_are_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (tmp_path / "locks").symlink_to(target)
    with pytest.raises(StorageError):
        semaphore(tmp_path)
    (tmp_path / "locks").unlink()
    gpu = semaphore(tmp_path)
    (tmp_path / "locks" / "gpu0.gate.lock").symlink_to(tmp_path / "made")
    with pytest.raises(StorageError) as caught, gpu.acquire(1, NEVER):
        pass
    assert caught.value.finding.code == "storage.symlink"
    assert not (tmp_path / "made").exists()


def test_waiting_takes_almost_no_cpu_time(tmp_path: Path) -> None:
    with holder(tmp_path, 8) as other:
        gpu = semaphore(tmp_path)
        before = os.times()
        waiting = Job(gpu, 8)
        assert not waiting.held.wait(1.0)
        spent = os.times()
        assert (spent.user + spent.system) - (before.user + before.system) < 0.25
        assert other.stdin is not None
        other.stdin.close()
        assert waiting.held.wait(LIMIT)
    waiting.finish()
