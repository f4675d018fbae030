"""Value types of preset keys: numbers, clock times, frame rates, colours. Pure.

Presets are YAML by hand or JSON saved by Frame, so one value comes in several forms: Frame writes numbers as text and
an empty field as an empty string, and YAML reads a bare `on`, `off`, `yes` or `no` as true or false.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Any

from pydantic import AliasChoices, AliasGenerator, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

from framewatch.documents import FindingError, Section, shown
from framewatch.media.timeline import nearest_standard_rate
from framewatch.safe_yaml import MAX_NUMBER
from framewatch.text import control_character

# 23.98 and 29.97, typed with two or three digits, mean the standard rates 24000/1001 and 30000/1001.
_TYPED_RATE_TOLERANCE = Fraction(1, 5000)
MIN_RATE, MAX_RATE = 1, 240  # frames per second
MAX_SECONDS = 10**8  # three years: no file is longer, and times in microseconds stay exact
MAX_PATH = 4095  # PATH_MAX of Linux, without the closing NUL
MAX_WORDS = 64  # of a list of names
# The lengths are limited here, before a number is computed: that of "1e999999999" takes hours, and all of the memory.
_CLOCK = re.compile(r"(?:(?P<hours>\d{1,6}):)?(?P<minutes>\d{1,8}):(?P<seconds>\d{1,2}(?:\.\d{1,20})?)", re.ASCII)
_SECONDS = re.compile(r"(?:\d{1,9}(?:\.\d{0,20})?|\.\d{1,20})(?:[eE][-+]?\d{1,2})?", re.ASCII)
_RATE = re.compile(r"\d{1,9}(?:\.\d{0,20}|/\d{1,9})?|\.\d{1,20}", re.ASCII)
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def number(value: Any) -> Any:
    """Refuse true and false, which pydantic would take for 1 and 0, and text that is too long for a number."""
    if isinstance(value, bool):
        raise FindingError("config.bad_value", "a number is expected here, not true or false", "write a number")
    if isinstance(value, str) and len(value) > MAX_NUMBER:
        raise FindingError("config.bad_value", f'"{shown(value)}" is too long for a number', "write fewer digits")
    return value


def blank_as_none(value: Any) -> Any:
    """Read an empty string, which is how Frame saves an empty field, as "not set"."""
    return None if value == "" else value


def optional_number(value: Any) -> Any:
    """Read a number that may be left empty."""
    return blank_as_none(number(value))


def degrees(value: Any) -> Any:
    """Read a rotation, which Frame saves as text."""
    return {"0": 0, "90": 90, "180": 180, "270": 270}.get(value, value) if isinstance(value, str) else number(value)


def switch(value: Any) -> Any:
    """Undo YAML's reading of a bare `off` or `on` as false or true."""
    return {False: "off", True: "on"}[value] if isinstance(value, bool) else value


def one_or_more(value: Any) -> Any:
    """Read a single word as a list of one."""
    if isinstance(value, list | tuple) and len(value) > MAX_WORDS:
        raise FindingError("config.bad_value", f"{len(value)} words; {MAX_WORDS} are allowed", "remove some")
    return (value,) if isinstance(value, str) else value


def clock_time(value: Any, code: str = "config.bad_value") -> float | None:
    """Read a time in seconds from `90`, `"1:30"` or `"0:01:30.5"`; an empty string is None.

    The largest unit may be any number, those after it are below 60: 75:00 is an hour and a quarter, and 1:75 is a
    typing error. YAML itself reads an unquoted 1:30 as 90 and 1:30:00 as 5400, which agrees.

    Raises:
        FindingError: with `code`, if the value is not a time.
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _not_a_time(str(value).lower() if isinstance(value, bool) else shown(value), code)
    text = str(value).strip()
    match = _CLOCK.fullmatch(text)
    if match is None:
        return _plain_seconds(text, code)
    hours, minutes, seconds = match["hours"], int(match["minutes"]), float(match["seconds"])
    if hours is not None and minutes >= 60:
        raise _not_a_time(text, code, f": {minutes} minutes after a colon")
    if seconds >= 60:
        raise _not_a_time(text, code, f": {match['seconds']} seconds after a colon")
    return _bounded(int(hours or 0) * 3600 + minutes * 60 + seconds, text, code)


def _plain_seconds(text: str, code: str) -> float:
    if not _SECONDS.fullmatch(text):
        raise _not_a_time(text, code)
    return _bounded(float(text), text, code)


def _bounded(seconds: float, text: str, code: str) -> float:
    if seconds > MAX_SECONDS:
        raise _not_a_time(text, code, ": it is longer than any video")
    return seconds


def _not_a_time(text: str, code: str, reason: str = "") -> FindingError:
    hint = "use seconds, mm:ss or h:mm:ss(.fff), such as 90, 1:30 or 0:01:30.5"
    return FindingError(code, f'"{shown(text)}" is not a time{reason}', hint)


def frame_rate(value: Any) -> Any:
    """Read a frame rate as a fraction from 25, "25", 23.976 or "24000/1001"; "original" stays.

    Raises:
        FindingError: `timing.fps`, if the value is not a rate from 1 to 240.
    """
    value = blank_as_none(value)
    if value is None or value == "original":
        return "original"
    exact = value if isinstance(value, Fraction) else _rate(number(value))
    if not MIN_RATE <= exact <= MAX_RATE:
        hint = f"original, or a number from {MIN_RATE} to {MAX_RATE}, such as 25 or 23.976"
        raise FindingError("timing.fps", f'"{shown(value)}" is not a frame rate', hint)
    standard = nearest_standard_rate(exact, _TYPED_RATE_TOLERANCE)
    return standard if standard != exact else exact.limit_denominator(1001)


def _rate(value: Any) -> Fraction:
    """Return a rate exactly; 0 if this is none."""
    text = str(value).strip() if isinstance(value, str | int | float) else ""
    try:
        return Fraction(text) if _RATE.fullmatch(text) else Fraction(0)
    except ZeroDivisionError:  # 25/0
        return Fraction(0)


def path_text(value: Any) -> Any:
    """Refuse what cannot be a path, and control characters in one: it is shown in logs, and given to ffmpeg."""
    if isinstance(value, str) and len(value) > MAX_PATH:
        raise FindingError("config.bad_value", f"a path has at most {MAX_PATH} characters", "use a shorter path")
    if isinstance(value, str) and (found := control_character(value)):
        message = f"a path cannot contain the control character {found}"
        raise FindingError("config.bad_value", message, "remove it")
    return blank_as_none(value)


def colour(value: Any) -> Any:
    """Read a colour as `#RRGGBB`, in upper case."""
    if not isinstance(value, str) or not _COLOUR.fullmatch(value):
        raise FindingError("config.bad_value", "a colour is expected here", 'such as "#FFFFFF", in quotation marks')
    return value.upper()


Integer = Annotated[int, BeforeValidator(number)]
Number = Annotated[float, BeforeValidator(number), Field(allow_inf_nan=False)]
CLOCK_TIME_SCHEMA = WithJsonSchema(
    {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}, {"type": "null"}]}
)


def _spellings(field: str) -> AliasChoices:
    return AliasChoices(field, to_camel(field))


class PresetSection(Section):
    """A mapping in a preset. Its keys are snake_case, or camelCase as Frame writes them."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=AliasGenerator(validation_alias=_spellings)
    )
