"""How many lines of a tool are logged."""

from __future__ import annotations

from framewatch.render.line_limit import LineLimit


def test_lines_pass_at_once_and_then_by_the_second_and_the_others_are_counted() -> None:
    now = 0.0
    limit = LineLimit(3, 2.0, lambda: now)
    assert [limit.admit() for _ in range(5)] == [0, 0, 0, None, None]
    now = 0.5
    assert [limit.admit() for _ in range(3)] == [2, None, None]
    now = 100.0
    assert [limit.admit() for _ in range(4)] == [2, 0, 0, None]
