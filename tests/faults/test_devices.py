"""A video on several devices at once: what is shared out, and what happens when one of them goes wrong."""

from __future__ import annotations

import threading
from collections import Counter

from fault_house import FaultHouse
from framewatch.jobs.gpu.semaphore import GpuSemaphore
from framewatch.upscale.host import memory_gb
from invariants import check
from report import Survived
from sources import RATE, MakeSource
from waiting import eventually

PIECE = RATE  # frames of a piece: `segment_seconds` is 1


def opened(house: FaultHouse) -> list[str]:
    """The devices on which an engine was opened, in order."""
    tally = house.knobs / "opened"
    return tally.read_text().split() if tally.exists() else []


def require_each_piece_once(house: FaultHouse, pieces: int) -> None:
    assert sorted(event["number"] for event in house.events("segment.done")) == list(range(pieces))


def begin(house: FaultHouse, source: MakeSource, seconds: int, devices: list[str], delay: float = 0.05) -> None:
    house.open()
    house.turn("devices", devices)
    house.turn("delay", delay)
    house.drop(source(1, seconds))


def test_segments_are_shared_out_among_equal_devices_and_none_is_made_twice(
    house: FaultHouse, source: MakeSource
) -> None:
    begin(house, source, 6, ["0", "1"])
    with house.watcher:
        house.start()
        house.wait_done(60)
        assert house.stop() == 0
    check(house)
    assert sorted(opened(house)) == ["0", "1"]
    require_each_piece_once(house, 6)
    assert Counter(house.upscaled()).most_common(1)[0][1] == 1
    assert not house.processes()


def test_stopped_in_the_middle_no_worker_is_left(house: FaultHouse, source: MakeSource) -> None:
    begin(house, source, 4, ["0", "1"], delay=0.1)
    with house.watcher:
        house.start()
        house.wait_event("segment.done", 2)
        assert house.stop() == 0
        assert not house.processes()
        house.turn("delay", 0)
        house.start()
        house.wait_done(60)
        assert house.stop() == 0
    check(house)
    require_each_piece_once(house, 4)


def test_a_device_that_does_not_open_leaves_its_share_to_the_others(
    house: FaultHouse, source: MakeSource, survived: Survived
) -> None:
    begin(house, source, 4, ["0", "1!", "2"])
    with house.watcher:
        house.start()
        house.wait_done(60)
        assert house.stop() == 0
    check(house)
    assert sorted(set(opened(house))) == ["0", "1", "2"]
    require_each_piece_once(house, 4)
    assert (
        house.events(
            "job.queued",
        )
        == house.events("job.queued")[:1]
    )  # it was not tried again
    survived("one of three GPUs fails", "its engine does not open", "a warning; the others made its share; done")


def test_a_device_that_another_process_has_is_not_waited_for(house: FaultHouse, source: MakeSource) -> None:
    taken = GpuSemaphore("identity 1", memory_gb(), 1, house.knobs / "locks")
    with taken.acquire(1, threading.Event()):
        begin(house, source, 3, ["0", "1"], delay=0)
        with house.watcher:
            house.start()
            house.wait_done(60)
            assert house.stop() == 0
    check(house)
    assert opened(house) == ["0"]


def test_one_of_two_workers_killed_costs_a_try_and_at_most_the_pieces_in_hand(
    house: FaultHouse, source: MakeSource, survived: Survived
) -> None:
    begin(house, source, 4, ["0", "1"], delay=0.1)
    with house.watcher:
        house.start()
        eventually(lambda: len(opened(house)) == 2, what="both engines", story=house.log)
        house.wait_frames(PIECE)
        max(house.processes("worker"), key=lambda process: process.create_time()).kill()
        house.wait_event("job.queued", code="worker.died")
        house.turn("delay", 0)
        house.wait_done(60)
        assert house.stop() == 0
    check(house)
    require_each_piece_once(house, 4)
    assert len(house.upscaled()) <= (4 + 2) * PIECE
    survived("the worker of one of two GPUs killed", "SIGKILL", "tried again; finished pieces kept; done")


def test_all_workers_of_a_job_go_with_a_daemon_that_is_killed(
    house: FaultHouse, source: MakeSource, survived: Survived
) -> None:
    begin(house, source, 4, ["0", "1"], delay=0.1)
    with house.watcher:
        house.start()
        house.wait_event("segment.done")
        eventually(lambda: house.processes("inspector"), what="the one that inspects", story=house.log)
        assert len(house.processes("worker")) == 2
        house.kill_daemon()
        eventually(lambda: not house.processes(), what="the end of every child", story=house.log)
        house.turn("delay", 0)
        house.start()
        house.wait_done(60)
        assert house.stop() == 0
    check(house)
    require_each_piece_once(house, 4)
    what = "SIGKILL of the daemon while two workers render and a third one inspects"
    survived("no child outlives the daemon", what, "no process left; the job went on at the next start")
