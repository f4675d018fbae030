"""Streams that begin in the middle of a file, as in recordings that were joined: nothing before announces them."""

from __future__ import annotations

from av.container import InputContainer

from framewatch.errors import Finding
from framewatch.media.probe.libav_dump import read_dump

LATE = "streams.late"
_NAMED = 10  # streams that a warning names


def late_streams(container: InputContainer) -> tuple[str, ...]:
    """Return the streams that have appeared while all packets were read: PyAV leaves their packets out."""
    known = len(container.streams)
    return tuple(f"{index} ({codec})" for index, codec in read_dump(container).codecs.items() if index >= known)


def late_warnings(late: tuple[str, ...]) -> tuple[Finding, ...]:
    """Return the warning for streams that no reading of the beginning has found."""
    if not late:
        return ()
    more = f", and {len(late) - _NAMED} more" if len(late) > _NAMED else ""
    message = f"streams begin in the middle of the file and are dropped: {', '.join(late[:_NAMED])}{more}"
    hint = "split the file where they begin; each part is read for itself"
    return (Finding(LATE, message, hint),)
