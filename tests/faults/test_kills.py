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

from fault_harness import FaultHarness
from invariants import check
from kills import KILLS, SEED
from report import Survived
from sources import RATE, MakeSource
from waiting import eventually

PARTS = 2  # so that two processors share the kills
PIECE = RATE  # frames of a piece: `segment_seconds` is 1


@pytest.mark.parametrize("part", range(PARTS))
def test_killed_at_random_moments_nothing_is_lost_and_no_finished_piece_is_made_twice(
    harness: FaultHarness, source: MakeSource, survived: Survived, part: int
) -> None:
    sys.stdout.write(f"FRAMEWATCH_FAULT_SEED={SEED}, part {part}\n")
    chance = random.Random(f"{SEED}/{part}")  # noqa: S311 - to be repeated, not to be secret
    kills = [("daemon", "worker", "ffmpeg")[number % 3] for number in range(part, KILLS, PARTS)]
    chance.shuffle(kills)
    harness.open()
    harness.turn("delay", 0.04)
    with harness.watcher:
        harness.launch()
        for what in kills:
            _kill(harness, what, chance, lambda: _keep_busy(harness, source, 60 * part))
        harness.turn("delay", 0)
        harness.wait_done()
        assert harness.stop() == 0
    check(harness)
    _require_little_twice(harness, len(kills))
    for what, times in Counter(kills).items():
        survived(
            f"{what} killed at a random moment",
            "SIGKILL, and a new start at once" if what == "daemon" else "SIGKILL",
            "all jobs done; no finished piece made again, and no more frames than one piece has for each kill",
            times,
        )


def _keep_busy(harness: FaultHarness, source: MakeSource, clip: int) -> None:
    """See to it that two files are to be done."""
    while sum(not harness.settled(name) for name in harness.dropped) < 2:
        harness.drop(source(clip + len(harness.dropped), 3))


def _kill(harness: FaultHarness, what: str, chance: random.Random, keep_busy: Callable[[], None]) -> None:
    """Let a random time go by, and then kill the next process of that kind that is seen."""
    keep_busy()
    threading.Event().wait(chance.uniform(0, 1.5))
    if what == "daemon":
        harness.kill_daemon()
        harness.launch()
        return
    eventually(lambda: _killed(harness, what, keep_busy), what=f"a {what} to kill", story=harness.log)


def _killed(harness: FaultHarness, what: str, keep_busy: Callable[[], None]) -> bool:
    keep_busy()
    for process in harness.processes(what):
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
        return True
    return False


def _require_little_twice(harness: FaultHarness, kills: int) -> None:
    done = Counter((event["job_id"], event["number"]) for event in harness.events("segment.done"))
    assert set(done.values()) == {1}
    again = len(harness.upscaled()) - sum(source.frames for source in harness.dropped.values())
    assert again <= kills * PIECE


def test_killed_at_60_per_cent_of_ten_pieces_at_most_two_are_made_again(
    harness: FaultHarness, source: MakeSource, survived: Survived
) -> None:
    harness.open()
    harness.turn("delay", 0.02)
    harness.drop(source(1, 10))
    with harness.watcher:
        harness.start()
        harness.wait_frames(6 * PIECE + 5)
        harness.kill_daemon()
        before = len(harness.events("segment.done"))
        harness.turn("delay", 0)
        harness.start()
        harness.wait_done()
        assert harness.stop() == 0
    check(harness)
    made = len(harness.events("segment.done"))
    redone = before + (made - before) - 10
    assert before >= 4
    assert redone <= 2
    assert len(harness.upscaled()) - 10 * PIECE <= PIECE + 15  # a worker outlives its daemon by a moment
    survived(
        "daemon killed at 60 % of ten pieces",
        "SIGKILL, then a new start",
        "went on with the pieces that were finished; at most 2 of 10 made again",
    )


@pytest.mark.parametrize("stopped", ["", "worker", "ffmpeg"])
def test_no_child_is_left_two_seconds_after_the_daemon_was_killed(
    harness: FaultHarness, source: MakeSource, survived: Survived, stopped: str
) -> None:
    harness.open()
    harness.turn("delay", 0.1)
    harness.drop(source(1, 4))
    with harness.watcher:
        harness.start()
        harness.wait_frames(5)
        if stopped:
            harness.victim(stopped).send_signal(signal.SIGSTOP)
        harness.kill_daemon()
        eventually(lambda: not harness.processes(), timeout=2, what="the end of every child", story=harness.log)
        harness.turn("delay", 0)
        harness.start()
        harness.wait_done()
        assert harness.stop() == 0
    check(harness)
    survived(
        "no child outlives the daemon",
        f"SIGKILL of the daemon{f' while its {stopped} is stopped' if stopped else ''}",
        "no process left within 2 s; the job went on at the next start",
    )
