"""Where the time of a run goes, and the order in which frames are given."""

from __future__ import annotations

from itertools import islice, pairwise

import numpy as np
import pytest

from framewatch.bench.end_to_end import Span, phases
from framewatch.bench.frames import back_and_forth


def test_each_task_is_a_phase_and_a_command_is_named_by_its_place() -> None:
    spans = [
        Span("device", 0.0, 1.0),
        Span("probe", 1.0, 1.5),
        Span("command", 1.5, 2.0),
        Span("render", 2.0, 8.0, opened=3.0),
        Span("command", 8.125, 8.25),
        Span("inspect", 8.25, 9.0),
    ]
    assert phases(spans, 10.0) == {
        "start": 1.0,
        "probe": 0.5,
        "rehearsal": 0.5,
        "open": 1.0,
        "render": 5.0,
        "inspect": 0.125,
        "join": 0.125,
        "verify": 0.75,
        "other": 1.0,
    }


def test_tasks_that_run_in_parallel_leave_no_negative_rest() -> None:
    assert phases([Span("render", 0.0, 5.0, opened=1.0), Span("inspect", 1.0, 5.0)], 5.0)["other"] == 0.0


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_frames_go_back_and_forth_so_that_only_neighbours_follow_each_other(count: int) -> None:
    frames = [np.full((1, 1, 3), number, np.uint8) for number in range(count)]
    numbers = [int(frame[0, 0, 0]) for frame in islice(back_and_forth(frames, start=1), 4 * count)]
    assert set(numbers) == set(range(count))
    steps = {abs(after - before) for before, after in pairwise(numbers)}
    assert steps == ({1} if count > 1 else {0})
