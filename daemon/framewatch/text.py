"""Text that is safe to print: file names may come from anybody, and terminals obey control characters."""

from __future__ import annotations


def printable(text: object) -> str:
    """Escape control characters, and bytes of a name that are not UTF-8."""
    clean = str(text).encode("utf-8", "backslashreplace").decode()
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in clean)
