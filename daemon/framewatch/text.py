"""Text fit to be shown: names come from strangers, and terminals obey what they print."""

from __future__ import annotations


def printable(text: object) -> str:
    """Text fit for any terminal: what is not UTF-8, and control characters, are shown escaped."""
    clean = str(text).encode("utf-8", "backslashreplace").decode()
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in clean)
