"""What counts as a worker's progress, and when a worker has stalled."""

from __future__ import annotations

import pytest

from framewatch.errors import WorkerError
from framewatch.render.messages import Alive, FramesCounted, Logged
from framewatch.render.stall_detector import StallDetector


def test_only_new_content_counts_as_progress() -> None:
    stalls = StallDetector(now=0, stall_seconds=10)
    logged, counted = Logged(stage="encode", line="still here"), FramesCounted(stage="encode", encoded=1)
    stalls.note(counted, 8)
    alive = Alive(count=3)
    stalls.note(alive, 8)
    for second in range(1, 19):  # two types of messages that alternate
        for message in (logged, counted, alive) if second > 8 else ():
            stalls.note(message, second)
        stalls.check(second)
    with pytest.raises(WorkerError):
        stalls.check(18.1)
    stalls.note(alive.evolve(count=4), 18.2)
    stalls.check(19)


def test_only_the_time_in_which_the_owner_listens_counts_as_a_stall() -> None:
    """Messages wait to be read while the owner hangs in a dead share, or is suspended."""
    stalls = StallDetector(now=0, stall_seconds=10)
    for second in (1, 2, 3, 1000, 1001, 1006):
        stalls.check(second)
    for tenth in range(10_061, 10_120):
        stalls.check(tenth / 10)
    with pytest.raises(WorkerError):
        stalls.check(1012.1)
