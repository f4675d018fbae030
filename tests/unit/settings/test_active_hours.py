"""Hours in which jobs are begun."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from framewatch.documents import FindingError
from framewatch.settings.active_hours import is_active, next_begin, parse_period

MONDAY = datetime(2026, 11, 30)  # noqa: DTZ001 - by the clock on the wall


def at(day: int, clock: str) -> datetime:
    hour, minute = map(int, clock.split(":"))
    return MONDAY + timedelta(days=day, hours=hour, minutes=minute)


@pytest.mark.parametrize(
    ("hours", "inside", "outside"),
    [
        (["22:00-07:00"], [(0, "22:00"), (0, "23:59"), (1, "0:00"), (1, "6:59")], [(0, "7:00"), (0, "21:59")]),
        (["9:30 - 17:00"], [(0, "9:30"), (6, "16:59")], [(0, "9:29"), (0, "17:00")]),
        (["sat-sun 00:00-24:00"], [(5, "0:00"), (6, "23:59")], [(4, "23:59"), (7, "0:00")]),
        (["Fri 22:00-07:00"], [(4, "22:00"), (5, "6:59")], [(4, "6:00"), (5, "7:00"), (5, "22:00")]),
        (["sun 20:00-04:00"], [(6, "20:00"), (7, "3:59")], [(6, "3:00"), (7, "4:00")]),
        (["sat-mon 12:00-13:00"], [(5, "12:00"), (6, "12:00"), (7, "12:00")], [(1, "12:00"), (4, "12:00")]),
        (["mon,wednesday 12:00-13:00"], [(0, "12:00"), (2, "12:00")], [(1, "12:00")]),
        (["sat, sun"], [(5, "3:00"), (6, "3:00")], [(0, "3:00")]),
        (["20:00-22:00", "mon 06:00-08:00"], [(0, "7:00"), (3, "21:00")], [(1, "7:00")]),
        ([], [(0, "0:00"), (3, "12:00")], []),
    ],
)
def test_moments_inside_and_outside(
    hours: list[str], inside: list[tuple[int, str]], outside: list[tuple[int, str]]
) -> None:
    assert [moment for moment in inside if not is_active(hours, at(*moment))] == []
    assert [moment for moment in outside if is_active(hours, at(*moment))] == []


@pytest.mark.parametrize(
    "text",
    [
        *("", "always", "22-07", "22:00", "25:00-07:00", "22:60-07:00", "24:00-07:00", "07:00-07:00"),
        *("xyz 22:00-07:00", "su 22:00-07:00", "mon- 22:00-07:00", "22:00-07:00 sat", "22:00-07:00, 12:00-13:00"),
    ],
)
def test_what_is_no_hours_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(FindingError) as caught:
        parse_period(text)
    assert caught.value.finding.code == "config.bad_value"
    assert "22:00-07:00" in caught.value.finding.hint


def test_when_the_hours_begin_again() -> None:
    hours = ["fri 22:00-07:00", "mon 06:00-08:00"]
    assert next_begin(hours, at(0, "9:00")) == at(4, "22:00")
    assert next_begin(hours, at(5, "8:00")) == at(7, "6:00")
    assert next_begin(["mon 06:00-08:00"], at(0, "8:00")) == at(7, "6:00")
