"""The mark by which framewatch knows a file again that it wrote for a service manager.

The mark holds the hash of all other lines. So a file that somebody has edited is no longer framewatch's own.
"""

from __future__ import annotations

import hashlib
import re

_MARK = "Made by `framewatch service`; sha256 of the other lines: "
_LINE = re.compile(rf"^(?:# |<!-- ){re.escape(_MARK)}([0-9a-f]{{64}})(?: -->)?\n", re.MULTILINE)


def marked(text: str) -> str:
    """Return a unit or a property list with the mark: on the first line or, in XML, on the second."""
    mark = f"{_MARK}{_digest(text)}"
    if text.startswith("<?xml"):
        head, _, rest = text.partition("\n")
        return f"{head}\n<!-- {mark} -->\n{rest}"
    return f"# {mark}\n{text}"


def has_mark(text: str) -> bool:
    """Return whether framewatch wrote the text, in whatever way it was changed since."""
    return _LINE.search(text) is not None


def is_unchanged(text: str) -> bool:
    """Return whether framewatch wrote the text, and nobody has changed it since."""
    found = _LINE.search(text)
    return found is not None and found[1] == _digest(text[: found.start()] + text[found.end() :])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
