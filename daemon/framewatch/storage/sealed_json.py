"""A small JSON file with a digest, so that a damaged one is recognized."""

from __future__ import annotations

import hashlib
import json


def seal(key: str, text: str) -> bytes:
    """Return the content of a file that keeps `text` under `key`."""
    return json.dumps({"digest": _digest(text), key: text}).encode() + b"\n"


def unseal(key: str, content: bytes) -> str:
    """Return the text in a file that `seal` made.

    Raises:
        ValueError: the content is damaged, in whatever way.
    """
    try:
        document = json.loads(content)
        text = document[key]
        intact = document["digest"] == _digest(text)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        intact = False
    if not intact:
        raise ValueError("damaged")
    return str(text)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
