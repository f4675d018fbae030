"""What the inspector finds, and that none of its processes is left."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from framewatch.domain import Segment
from framewatch.jobs.attempt.segment_inspector import NICENESS, Inspector
from framewatch.render.worker_client import Worker
from media_factory import ffmpeg
from waiting import eventually

SEGMENT = Segment(number=3, first_pts=None, end_pts=None, first_frame=0, frames=25)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("segment") / "segment.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=1", "-c:v", "libx264", path)
    return path


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker().helper(NICENESS)
    yield worker
    worker.kill()


def process_of(worker: Worker) -> psutil.Process:
    return psutil.Process(eventually(lambda: worker.pid, what="the worker"))


def test_inspection_runs_at_lower_priority_and_ends_with_its_block(worker: Worker, path: Path) -> None:
    with Inspector(lambda: worker, 60) as inspector:
        assert worker.pid is None  # nothing to inspect, no process
        assert inspector.wait_idle(0)
        inspector.submit(SEGMENT, path)
        inspector.submit(SEGMENT.evolve(number=4, frames=26), path)
        path.with_name("no.txt").write_text("no video")
        inspector.submit(SEGMENT.evolve(number=5), path.with_name("no.txt"))
        eventually(lambda: inspector.wait_idle(1), what="its end")
        process = process_of(worker)
        assert process.nice() == min(psutil.Process().nice() + NICENESS, 19)  # the maximum
    assert not process.is_running()
    assert set(inspector.inspections) == {3}
    assert inspector.inspections[3].payload is not None
    assert set(inspector.flaws) == {4, 5}
    assert inspector.failure is None


def test_leaving_the_block_in_the_middle_of_a_segment_leaves_no_process(worker: Worker, path: Path) -> None:
    with Inspector(lambda: worker, 60) as inspector:
        inspector.submit(SEGMENT, path)
        process = process_of(worker)
        process.suspend()
        assert not inspector.wait_idle(0)
    assert not process.is_running()


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_an_inspector_whose_process_fails_gives_up_and_keeps_the_reason(worker: Worker, path: Path, how: str) -> None:
    with Inspector(lambda: worker, 1.5) as inspector:
        inspector.submit(SEGMENT, path)
        inspector.submit(SEGMENT.evolve(number=4), path)
        process = process_of(worker)
        process.kill() if how == "killed" else process.suspend()
        eventually(lambda: inspector.wait_idle(1), what="its end")
        assert inspector.failure is not None
        assert inspector.failure.finding.code == {"killed": "worker.died", "stopped": "worker.stalled"}[how]
    assert not process.is_running()
    assert (inspector.inspections, inspector.flaws) == ({}, {})


def test_a_worker_starts_only_for_a_waiting_segment_and_up_to_the_limit(path: Path) -> None:
    helpers: list[Worker] = []

    def helper() -> Worker:
        helpers.append(Worker().helper(NICENESS))
        return helpers[-1]

    with Inspector(helper, 60, max_workers=2, threads=1) as inspector:
        inspector.submit(SEGMENT, path)
        eventually(lambda: inspector.wait_idle(1), what="the first one's end")
        assert len(helpers) == 1
        inspector.submit(SEGMENT.evolve(number=4), path)
        eventually(lambda: inspector.wait_idle(1), what="the second one's end")
        assert len(helpers) == 1  # it was idle
        for number in range(5, 9):
            inspector.submit(SEGMENT.evolve(number=number), path)
        eventually(lambda: inspector.wait_idle(1), what="the end of all")
        assert len(helpers) == 2
        processes = [process_of(worker) for worker in helpers]
    assert not any(process.is_running() for process in processes)
    assert set(inspector.inspections) == set(range(3, 9))
    assert inspector.flaws == {}


def test_a_bug_in_the_inspector_costs_only_time(worker: Worker, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> str:
        raise ValueError("a bug")

    monkeypatch.setattr("framewatch.jobs.attempt.segment_inspector.find_flaw", broken)
    with Inspector(lambda: worker, 60) as inspector:
        inspector.submit(SEGMENT, path)
        inspector.submit(SEGMENT.evolve(number=4), path)
        eventually(lambda: inspector.wait_idle(1), what="its end")
    assert inspector.failure is not None
    assert inspector.failure.finding.code == "internal.bug"
    assert "a bug" in inspector.failure.finding.message
    assert (inspector.inspections, inspector.flaws) == ({}, {})


def test_an_inspector_without_a_thread_gives_up(worker: Worker, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with Inspector(lambda: worker, 60) as inspector:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            inspector.submit(SEGMENT, path)
        assert inspector.wait_idle(0)
        inspector.submit(SEGMENT.evolve(number=4), path)
        assert inspector.wait_idle(0)
    assert inspector.failure is not None
    assert "can't start new thread" in inspector.failure.finding.message
