"""The inspector and its process: what it finds, and that nothing of it is left."""

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
def piece(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("piece") / "segment.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=1", "-c:v", "libx264", path)
    return path


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker().helper(NICENESS)
    yield worker
    worker.kill()


def process_of(worker: Worker) -> psutil.Process:
    return psutil.Process(eventually(lambda: worker.pid, what="the worker"))


def test_it_steps_back_behind_the_rendering_and_is_gone_with_its_block(worker: Worker, piece: Path) -> None:
    with Inspector(lambda: worker, 60) as inspector:
        assert worker.pid is None  # nothing to look at, no process
        assert inspector.wait_idle(0)
        inspector.submit(SEGMENT, piece)
        inspector.submit(SEGMENT.evolve(number=4, frames=26), piece)
        piece.with_name("no.txt").write_text("no video")
        inspector.submit(SEGMENT.evolve(number=5), piece.with_name("no.txt"))
        eventually(lambda: inspector.wait_idle(1), what="its end")
        process = process_of(worker)
        assert process.nice() == min(psutil.Process().nice() + NICENESS, 19)  # which is the most
    assert not process.is_running()
    assert set(inspector.inspections) == {3}
    assert inspector.inspections[3].payload is not None
    assert set(inspector.flaws) == {4, 5}
    assert inspector.failure is None


def test_left_in_the_middle_of_a_piece_it_leaves_no_process(worker: Worker, piece: Path) -> None:
    with Inspector(lambda: worker, 60) as inspector:
        inspector.submit(SEGMENT, piece)
        process = process_of(worker)
        process.suspend()
        assert not inspector.wait_idle(0)
    assert not process.is_running()


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_where_its_process_fails_it_gives_up_and_says_why(worker: Worker, piece: Path, how: str) -> None:
    with Inspector(lambda: worker, 1.5) as inspector:
        inspector.submit(SEGMENT, piece)
        inspector.submit(SEGMENT.evolve(number=4), piece)
        process = process_of(worker)
        process.kill() if how == "killed" else process.suspend()
        eventually(lambda: inspector.wait_idle(1), what="its end")
        assert inspector.failure is not None
        assert inspector.failure.finding.code == {"killed": "worker.died", "stopped": "worker.stalled"}[how]
    assert not process.is_running()
    assert (inspector.inspections, inspector.flaws) == ({}, {})


def test_no_more_workers_than_segments_that_wait_and_no_more_than_wished(piece: Path) -> None:
    made: list[Worker] = []

    def helper() -> Worker:
        made.append(Worker().helper(NICENESS))
        return made[-1]

    with Inspector(helper, 60, max_workers=2, threads=1) as inspector:
        inspector.submit(SEGMENT, piece)
        eventually(lambda: inspector.wait_idle(1), what="the first one's end")
        assert len(made) == 1
        inspector.submit(SEGMENT.evolve(number=4), piece)
        eventually(lambda: inspector.wait_idle(1), what="the second one's end")
        assert len(made) == 1  # it had nothing to do
        for number in range(5, 9):
            inspector.submit(SEGMENT.evolve(number=number), piece)
        eventually(lambda: inspector.wait_idle(1), what="the end of all")
        assert len(made) == 2
        processes = [process_of(worker) for worker in made]
    assert not any(process.is_running() for process in processes)
    assert set(inspector.inspections) == set(range(3, 9))
    assert inspector.flaws == {}


def test_a_defect_of_its_own_costs_no_more_than_time(
    worker: Worker, piece: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> str:
        raise ValueError("a defect")

    monkeypatch.setattr("framewatch.jobs.attempt.segment_inspector.find_flaw", broken)
    with Inspector(lambda: worker, 60) as inspector:
        inspector.submit(SEGMENT, piece)
        inspector.submit(SEGMENT.evolve(number=4), piece)
        eventually(lambda: inspector.wait_idle(1), what="its end")
    assert inspector.failure is not None
    assert inspector.failure.finding.code == "internal.bug"
    assert "a defect" in inspector.failure.finding.message
    assert (inspector.inspections, inspector.flaws) == ({}, {})


def test_without_a_thread_it_gives_up(worker: Worker, piece: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with Inspector(lambda: worker, 60) as inspector:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", none_left)
            inspector.submit(SEGMENT, piece)
        assert inspector.wait_idle(0)
        inspector.submit(SEGMENT.evolve(number=4), piece)
        assert inspector.wait_idle(0)
    assert inspector.failure is not None
    assert "can't start new thread" in inspector.failure.finding.message
