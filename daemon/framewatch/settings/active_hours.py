"""The hours in which jobs are begun: what the configuration says of them, and whether a moment is in them. Pure.

Times are those that a clock on the wall shows, so a change to summer time moves nothing: on that night, an hour that
the clock leaves out is not there, and one that it repeats counts twice.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from framewatch.documents import FindingError, shown

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY_MINUTES = 24 * 60
_SPAN = re.compile(r"(\d{1,2}):(\d\d)\s*[-\u2013]\s*(\d{1,2}):(\d\d)")
_HINT = 'write "22:00-07:00", or with days: "sat-sun 00:00-24:00"; several in a list'


@dataclass(frozen=True, slots=True)
class Period:
    """A part of some days, in minutes from midnight. One whose end is not after its begin ends on the next day."""

    days: frozenset[int]  # on which it begins; 0 is Monday
    begin: int
    end: int

    def contains(self, moment: datetime) -> bool:
        """Return whether a moment by the clock on the wall is in it."""
        minute, day = moment.hour * 60 + moment.minute, moment.weekday()
        if self.begin < self.end:
            return day in self.days and self.begin <= minute < self.end
        began_yesterday = (day - 1) % len(_DAYS) in self.days and minute < self.end
        return began_yesterday or (day in self.days and minute >= self.begin)


def parse_period(text: str) -> Period:
    """Return the period that a text such as "fri 22:00-07:00" describes.

    Raises:
        FindingError: `config.bad_value`.
    """
    found = _SPAN.search(text)
    if found is None:
        if text.strip() and not any(character.isdigit() for character in text):
            return Period(_days(text, text), 0, _DAY_MINUTES)
        raise _wrong(text, "these are no hours")
    if text[found.end() :].strip():
        raise _wrong(text, "only days and one span of hours are expected")
    first_hour, first_minute, last_hour, last_minute = map(int, found.groups())
    begin, end = _minute(text, first_hour, first_minute), _minute(text, last_hour, last_minute)
    if begin in (end, _DAY_MINUTES):
        raise _wrong(text, "the hours are empty; all day is 00:00-24:00")
    before = text[: found.start()].strip()
    return Period(_days(text, before) if before else frozenset(range(len(_DAYS))), begin, end)


def is_active(hours: Collection[str], moment: datetime) -> bool:
    """Return whether jobs may be begun at a moment by the clock on the wall; always, if there are no hours."""
    return not hours or any(parse_period(text).contains(moment) for text in hours)


def next_begin(hours: Collection[str], moment: datetime) -> datetime:
    """Return when the hours begin, at a moment outside of them."""
    midnight = datetime.combine(moment.date(), time())
    begins = (
        midnight + timedelta(days=ahead, minutes=period.begin)
        for period in map(parse_period, hours)
        for ahead in range(len(_DAYS) + 1)
        if (moment.weekday() + ahead) % len(_DAYS) in period.days
    )
    return min(begin for begin in begins if begin > moment)


def _minute(text: str, hour: int, minute: int) -> int:
    total = hour * 60 + minute
    if minute >= 60 or total > _DAY_MINUTES:
        raise _wrong(text, f"there is no time {hour}:{minute:02}")
    return total


def _days(text: str, days: str) -> frozenset[int]:
    found: set[int] = set()
    for part in days.replace(",", " ").split():
        first, dash, last = part.partition("-")
        begin = _day(text, first)
        end = _day(text, last) if dash else begin
        found.update((begin + ahead) % len(_DAYS) for ahead in range((end - begin) % len(_DAYS) + 1))
    return frozenset(found)


def _day(text: str, name: str) -> int:
    matching = [number for number, day in enumerate(_DAYS) if len(name) >= 3 and day.startswith(name.lower())]
    if not matching:
        raise _wrong(text, f'"{shown(name)}" is no day; they are {", ".join(day[:3] for day in _DAYS)}')
    return matching[0]


def _wrong(text: str, why: str) -> FindingError:
    return FindingError("config.bad_value", f'"{shown(text)}": {why}', _HINT)


def _listed(value: Any) -> Any:
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise FindingError("config.bad_value", "hours are expected here, in quotes", _HINT)
    return tuple(value)


def _checked(text: str) -> str:
    parse_period(text)
    return text


ActiveHours = Annotated[
    tuple[Annotated[str, AfterValidator(_checked)], ...],
    BeforeValidator(_listed),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
