"""Job ids: short, unique, and sortable by age."""

from __future__ import annotations

import secrets
import threading

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
LENGTH = 12
_RANDOM_BITS = 15


class Ids:
    """Makes ids that sort by age. Each is greater than the one before, even if the clock jumps back.

    An id is 45 bits of milliseconds since 1970 (enough until the year 3084) and 15 random bits, in base 32.
    """

    def __init__(self, last: str = "") -> None:
        """`last`: an id that the next ones must be greater than; ignored if it is none of this form."""
        self._last = _number(last)
        self._lock = threading.Lock()

    def after(self, known: str) -> None:
        """Make the next ids greater than this one, too."""
        with self._lock:
            self._last = max(self._last, _number(known))

    def new(self, now: float) -> str:
        """Return the next id, at Unix time `now`."""
        fresh = int(now * 1000) << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
        with self._lock:
            self._last = max(fresh, self._last + 1)
            return _text(self._last)


def is_job_id(text: str) -> bool:
    """Return whether this has the form of an id."""
    return len(text) == LENGTH and set(text) <= set(ALPHABET)


def _text(number: int) -> str:
    return "".join(ALPHABET[number >> 5 * place & 31] for place in reversed(range(LENGTH)))


def _number(text: str) -> int:
    if not is_job_id(text):
        return 0
    number = 0
    for character in text:
        number = number << 5 | ALPHABET.index(character)
    return number
