"""How records travel between a worker and its owner: one line of JSON each."""

from __future__ import annotations

import json
from typing import TypeVar

from pydantic import TypeAdapter

from framewatch.domain import Record

T = TypeVar("T")


def to_line(record: Record) -> bytes:
    """Return a record as one line of ASCII JSON.

    File names may hold bytes that are not UTF-8. Python keeps them as surrogates, which JSON's escapes carry
    unchanged; pydantic's own JSON refuses them.
    """
    return json.dumps(record.model_dump(mode="json"), ensure_ascii=True).encode() + b"\n"


def from_line(kinds: TypeAdapter[T], line: bytes) -> T:
    """Return the record on a line, one of `kinds`.

    Raises:
        ValueError: the line holds none of them.
    """
    try:
        return kinds.validate_python(json.loads(line))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
