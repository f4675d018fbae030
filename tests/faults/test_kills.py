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
SEGMENT = RATE  # frames of a segment: `segment_seconds` is 1


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.slow) for part in range(1, PARTS))])
def test_kills_at_random_moments_lose_nothing_and_repeat_no_finished_segment(
    harness: FaultHarness, source: MakeSource, survived: Survived, part: int
) -> None:
    sys.stdout.write(f"FRAMEWATCH_FAULT_SEED={SEED}, part {part}\n")
    chance = random.Random(f"{SEED}/{part}")  # noqa: S311 - reproducible, not secret
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
    _require_little_repeated(harness, len(kills))
    for what, times in Counter(kills).items():
        survived(
            f"{what} killed at a random moment",
            "SIGKILL, and an immediate restart" if what == "daemon" else "SIGKILL",
            "all jobs done; no finished segment rendered again, at most one segment of frames lost for each kill",
            times,
        )


def _keep_busy(harness: FaultHarness, source: MakeSource, clip: int) -> None:
    """Keep at least two files waiting."""
    while sum(not harness.settled(name) for name in harness.dropped) < 2:
        harness.drop(source(clip + len(harness.dropped), 3))


def _kill(harness: FaultHarness, what: str, chance: random.Random, keep_busy: Callable[[], None]) -> None:
    """Wait a random time, then kill the next process of that kind."""
    keep_busy()
    threading.Event().wait(chance.uniform(0, 1.5))
    if what == "daemon":
        harness.kill_daemon()
        harness.launch()
        return
    eventually(lambda: _killed(harness, what, keep_busy), what=f"a {what} to kill", details=harness.log)


def _killed(harness: FaultHarness, what: str, keep_busy: Callable[[], None]) -> bool:
    keep_busy()
    for process in harness.processes(what):
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
        return True
    return False


def _require_little_repeated(harness: FaultHarness, kills: int) -> None:
    done = Counter((event["job_id"], event["number"]) for event in harness.events("segment.done"))
    assert set(done.values()) == {1}
    repeated = len(harness.upscaled()) - sum(source.frames for source in harness.dropped.values())
    assert repeated <= kills * SEGMENT


def test_after_a_kill_at_60_per_cent_of_ten_segments_at_most_two_are_rendered_again(
    harness: FaultHarness, source: MakeSource, survived: Survived
) -> None:
    harness.open()
    harness.turn("delay", 0.02)
    harness.drop(source(1, 10))
    with harness.watcher:
        harness.start()
        harness.wait_frames(6 * SEGMENT + 5)
        harness.kill_daemon()
        before = len(harness.events("segment.done"))
        harness.turn("delay", 0)
        harness.start()
        harness.wait_done()
        assert harness.stop() == 0
    check(harness)
    finished = len(harness.events("segment.done"))
    redone = before + (finished - before) - 10
    assert before >= 4
    assert redone <= 2
    assert len(harness.upscaled()) - 10 * SEGMENT <= SEGMENT + 15  # a worker outlives its daemon for a moment
    survived(
        "daemon killed at 60% of ten segments",
        "SIGKILL, then a restart",
        "finished segments kept; at most 2 of 10 rendered again",
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
        eventually(lambda: not harness.processes(), timeout=2, what="the end of every child", details=harness.log)
        harness.turn("delay", 0)
        harness.start()
        harness.wait_done()
        assert harness.stop() == 0
    check(harness)
    survived(
        "no child outlives the daemon",
        f"SIGKILL of the daemon{f' while its {stopped} is stopped' if stopped else ''}",
        "no process left within 2 s; the job continued at the next start",
    )
