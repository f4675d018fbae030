"""Text that is safe to print: file names may come from anybody, and terminals obey control characters."""

from __future__ import annotations

import unicodedata


def printable(text: object) -> str:
    """Escape control characters, and bytes of a name that are not UTF-8."""
    clean = str(text).encode("utf-8", "backslashreplace").decode()
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in clean)


def control_character(text: str) -> str | None:
    """Return the first control character or lone surrogate of a text, as `U+000A`; None if it has none."""
    found = next((char for char in text if unicodedata.category(char) in ("Cc", "Cs")), None)
    return None if found is None else f"U+{ord(found):04X}"
