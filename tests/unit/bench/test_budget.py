"""The time of a benchmark is shared out among its steps."""

from __future__ import annotations

import pytest

from framewatch.bench.budget import Budget


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_step_that_ends_early_leaves_its_time_to_the_next(clock: Clock) -> None:
    budget = Budget(100.0, clock)
    assert budget.until(0.2) == pytest.approx(20)
    clock.now += 5
    assert budget.until(0.5) == pytest.approx(45)


def test_a_step_that_takes_too_long_takes_the_time_of_the_next(clock: Clock) -> None:
    budget = Budget(100.0, clock)
    clock.now += 45
    assert budget.until(0.2) == 0
    assert budget.until(0.5) == pytest.approx(5)


def test_more_time_for_one_step_leaves_the_others_theirs(clock: Clock) -> None:
    budget = Budget(100.0, clock)
    budget.extend(30)
    budget.extend(-5)
    assert budget.total == 130
    clock.now += 50
    assert budget.until(0.5) == pytest.approx(30)
    assert budget.elapsed == 50


def test_progress_grows_from_what_has_passed_to_the_end_of_the_step_and_stays_below_one(clock: Clock) -> None:
    budget = Budget(100.0, clock)
    clock.now += 10
    assert budget.done(0.2, 0.0) == pytest.approx(0.1)
    assert budget.done(0.2, 0.5) == pytest.approx(0.15)
    clock.now += 500
    assert budget.done(1.0, 1.0) == 1.0
