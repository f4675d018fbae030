"""kill -9 of the daemon, its workers and its ffmpeg, at random moments."""

from __future__ import annotations

import random
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable

import psutil
import pytest

from fault_house import FaultHouse
from invariants import check
from kills import KILLS, SEED
from report import Survived
from sources import RATE, MakeSource
from waiting import eventually

PARTS = 2  # so that two processors share the kills
PIECE = RATE  # frames of a piece: `segment_seconds` is 1


@pytest.mark.parametrize("part", range(PARTS))
def test_killed_at_random_moments_nothing_is_lost_and_no_finished_piece_is_made_twice(
    house: FaultHouse, source: MakeSource, survived: Survived, part: int
) -> None:
    sys.stdout.write(f"FRAMEWATCH_FAULT_SEED={SEED}, part {part}\n")
    chance = random.Random(f"{SEED}/{part}")  # noqa: S311 - to be repeated, not to be secret
    kills = [("daemon", "worker", "ffmpeg")[number % 3] for number in range(part, KILLS, PARTS)]
    chance.shuffle(kills)
    house.open()
    house.turn("delay", 0.04)
    with house.watcher:
        house.launch()
        for what in kills:
            _kill(house, what, chance, lambda: _keep_busy(house, source, 60 * part))
        house.turn("delay", 0)
        house.wait_done()
        assert house.stop() == 0
    check(house)
    _require_little_twice(house, len(kills))
    for what, times in Counter(kills).items():
        survived(
            f"{what} killed at a random moment",
            "SIGKILL, and a new start at once" if what == "daemon" else "SIGKILL",
            "all jobs done; no finished piece made again, and no more frames than one piece has for each kill",
            times,
        )


def _keep_busy(house: FaultHouse, source: MakeSource, clip: int) -> None:
    """See to it that two files are to be done."""
    while sum(not house.settled(name) for name in house.dropped) < 2:
        house.drop(source(clip + len(house.dropped), 3))


def _kill(house: FaultHouse, what: str, chance: random.Random, keep_busy: Callable[[], None]) -> None:
    """Let a random time go by, and then kill the next process of that kind that is seen."""
    keep_busy()
    threading.Event().wait(chance.uniform(0, 1.5))
    if what == "daemon":
        house.kill_daemon()
        house.launch()
        return
    eventually(lambda: _killed(house, what, keep_busy), what=f"a {what} to kill", story=house.log)


def _killed(house: FaultHouse, what: str, keep_busy: Callable[[], None]) -> bool:
    keep_busy()
    for process in house.processes(what):
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
        return True
    return False


def _require_little_twice(house: FaultHouse, kills: int) -> None:
    done = Counter((event["job_id"], event["number"]) for event in house.events("segment.done"))
    assert set(done.values()) == {1}
    again = len(house.upscaled()) - sum(source.frames for source in house.dropped.values())
    assert again <= kills * PIECE


def test_killed_at_60_per_cent_of_ten_pieces_at_most_two_are_made_again(
    house: FaultHouse, source: MakeSource, survived: Survived
) -> None:
    house.open()
    house.turn("delay", 0.02)
    house.drop(source(1, 10))
    with house.watcher:
        house.start()
        house.wait_frames(6 * PIECE + 5)
        house.kill_daemon()
        before = len(house.events("segment.done"))
        house.turn("delay", 0)
        house.start()
        house.wait_done()
        assert house.stop() == 0
    check(house)
    made = len(house.events("segment.done"))
    redone = before + (made - before) - 10
    assert before >= 4
    assert redone <= 2
    assert len(house.upscaled()) - 10 * PIECE <= PIECE + 15  # a worker outlives its daemon by a moment
    survived(
        "daemon killed at 60 % of ten pieces",
        "SIGKILL, then a new start",
        "went on with the pieces that were finished; at most 2 of 10 made again",
    )


@pytest.mark.parametrize("stopped", ["", "worker", "ffmpeg"])
def test_no_child_is_left_two_seconds_after_the_daemon_was_killed(
    house: FaultHouse, source: MakeSource, survived: Survived, stopped: str
) -> None:
    house.open()
    house.turn("delay", 0.1)
    house.drop(source(1, 4))
    with house.watcher:
        house.start()
        house.wait_frames(5)
        if stopped:
            house.victim(stopped).send_signal(signal.SIGSTOP)
        house.kill_daemon()
        eventually(lambda: not house.processes(), timeout=2, what="the end of every child", story=house.log)
        house.turn("delay", 0)
        house.start()
        house.wait_done()
        assert house.stop() == 0
    check(house)
    survived(
        "no child outlives the daemon",
        f"SIGKILL of the daemon{f' while its {stopped} is stopped' if stopped else ''}",
        "no process left within 2 s; the job went on at the next start",
    )
