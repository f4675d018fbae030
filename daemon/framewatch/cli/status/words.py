"""Sizes, times and names in few columns. A column is what a terminal counts: some characters take two."""

from __future__ import annotations

from rich.cells import cell_len, chop_cells, set_cell_size

from framewatch.text import printable

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def clock(seconds: float) -> str:
    """Return a duration as m:ss or h:mm:ss, with days from two on."""
    whole = max(round(seconds), 0)
    days, rest = divmod(whole, _DAY) if whole >= 2 * _DAY else (0, whole)
    hours, rest = divmod(rest, _HOUR)
    text = f"{hours}:{rest // _MINUTE:02}:{rest % _MINUTE:02}" if hours or days else f"{rest // 60}:{rest % 60:02}"
    return f"{days}d {hours}h" if days else text


def about(seconds: float) -> str:
    """Return the words for a duration that is expected."""
    return f"about {rough(seconds)}" if seconds >= _MINUTE / 2 else "less than a minute"


def rough(seconds: float) -> str:
    """Return a duration in at most two units, as a forecast is exact: "3 h 20 min"."""
    minutes = round(seconds / _MINUTE)
    if minutes < 1:
        return "< 1 min"
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if hours < 10 and minutes else f"{hours} h"
    return f"{hours // 24} days {hours % 24} h" if hours % 24 else f"{hours // 24} days"


def ago(seconds: float) -> str:
    """Return how long ago something was, in one unit."""
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= unit:
            return f"{int(seconds // unit)} {name} ago"
    return "just now"


def size(count: float) -> str:
    """Return bytes in decimal units, with three digits at least where there are as many."""
    for name, unit in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= 0.9995 * unit:
            return f"{count / unit:.0f} {name}" if count >= 99.5 * unit else f"{count / unit:.1f} {name}"
    return f"{count / 1e3:.0f} kB"


def in_middle(text: object, width: int) -> str:
    """Return the text in at most `width` columns; of a long one, the beginning and the end."""
    word = printable(text)
    if cell_len(word) <= width:
        return word
    tail = (width - 1) // 2
    head = _first(word, width - 1 - tail)
    return f"{head}…{_first(word[::-1], tail)[::-1]}"


def at_end(text: object, width: int) -> str:
    """Return the text in at most `width` columns; of a long one, the beginning."""
    word = printable(text)
    return word if cell_len(word) <= width else f"{_first(word, width - 1)}…"


def padded(text: str, width: int, *, right: bool = False) -> str:
    """Return the text with spaces up to `width` columns."""
    return f"{' ' * max(width - cell_len(text), 0)}{text}" if right else set_cell_size(text, width)


def _first(text: str, width: int) -> str:
    return chop_cells(text, width)[0] if width > 0 and text else ""
