"""How preset values are read: numbers that came as text, Frame's empty texts, times, rates. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from pydantic import AliasChoices, AliasGenerator, ConfigDict, model_validator
from pydantic.alias_generators import to_camel

from framewatch.documents import FindingError
from framewatch.domain import Record
from framewatch.media.timeline import snapped

# A rate typed with two or three digits (23.98, 29.97) is the standard one that it stands for.
_TYPED_RATE_TOLERANCE = Fraction(1, 5000)
_SLOWEST, _FASTEST = 1, 240  # frames per second
_CLOCK = re.compile(r"(?:(?:(\d+):)?([0-5]?\d):([0-5]?\d(?:\.\d+)?)|(\d+(?:\.\d+)?))")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def number(value: Any) -> Any:
    """Lets numbers and Frame's numbers as text through, but not YAML's yes and no."""
    if isinstance(value, bool):
        raise FindingError("config.bad_value", "a number is expected here, not true or false")
    return value


def unset(value: Any) -> Any:
    """Frame saves a field that is not filled in as an empty text."""
    return None if value == "" else value


def optional_number(value: Any) -> Any:
    """A number, or nothing."""
    return unset(number(value))


def whole(value: Any) -> Any:
    """Frame saves the degrees of a rotation as text."""
    return int(value) if isinstance(value, str) and value.isdecimal() else number(value)


def switch(value: Any) -> Any:
    """YAML reads a bare `off` or `on` as false or true."""
    return {False: "off", True: "on"}[value] if isinstance(value, bool) else value


def seconds(value: Any) -> Any:
    """A time in seconds from `90`, `"1:30"` or `"00:01:30.5"`.

    YAML itself reads an unquoted 1:30 as 90 and 1:30:00 as 5400, which is the same.
    """
    value = unset(value)
    found = None if value is None or isinstance(value, bool) else _CLOCK.fullmatch(str(value).strip())
    if value is None:
        return None
    if found is None:
        hint = "seconds, mm:ss or hh:mm:ss(.fff), such as 90, 1:30 or 0:01:30.5"
        raise FindingError("time.unreadable", f'"{value}" is no time', hint)
    hours, minutes, rest, plain = found.groups()
    return float(plain) if plain else int(hours or 0) * 3600 + int(minutes) * 60 + float(rest)


def rate(value: Any) -> Any:
    """A frame rate as a fraction, from 25, "25", 23.976 or "24000/1001"; "original" stays."""
    value = unset(value)
    if value is None or value == "original":
        return "original"
    try:
        exact = value if isinstance(value, Fraction) else Fraction(str(number(value)))
    except (ValueError, ZeroDivisionError):
        exact = Fraction(0)
    if not _SLOWEST <= exact <= _FASTEST:
        hint = f"original, or a number from {_SLOWEST} to {_FASTEST}, such as 25 or 23.976"
        raise FindingError("timing.fps", f'"{value}" is no frame rate', hint)
    near = snapped(exact, _TYPED_RATE_TOLERANCE)
    return near if near != exact else exact.limit_denominator(1001)


def colour(value: Any) -> Any:
    """`#RRGGBB`."""
    if not isinstance(value, str) or not _COLOUR.fullmatch(value):
        raise FindingError("config.bad_value", "a colour is expected here", 'such as "#FFFFFF", in quotation marks')
    return value.upper()


def _names(field: str) -> AliasChoices:
    return AliasChoices(field, to_camel(field))


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        raise FindingError("config.bad_value", "a number is expected here, not true or false")
    return value


class Keys(Record):
    """A mapping in a preset: snake_case, or Frame's camelCase. A key without a value means its default."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=AliasGenerator(validation_alias=_names))

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        return {key: value for key, value in data.items() if value is not None}
