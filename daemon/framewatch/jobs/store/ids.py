"""Job ids: unique, and so different in their first characters that a few of these name a job."""

from __future__ import annotations

import secrets
import threading

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
LENGTH = 12
_SPREAD = 4  # characters that follow from the number of the job
_STEP = 648_055  # odd, and 32**4 divided by the golden ratio: multiples of it are spread evenly (Knuth, TAOCP 6.4)


class Ids:
    """Makes ids whose beginnings differ as much as possible from those of the jobs before.

    Of any 2**20 ids in a row, no two have the same four first characters; of any 300, no two have the same two. The
    other eight characters are random. Ids of before 2026-12 began with the time; they stay valid.
    """

    def __init__(self, made: int = 0) -> None:
        """`made`: how many jobs there were before, so that a restart does not begin anew."""
        self._made = made
        self._lock = threading.Lock()

    def new(self) -> str:
        """Return the next id."""
        with self._lock:
            self._made += 1
            spread = self._made * _STEP % len(ALPHABET) ** _SPREAD
        rest = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH - _SPREAD))
        return _text(spread) + rest


def is_job_id(text: str) -> bool:
    """Return whether this has the form of an id."""
    return len(text) == LENGTH and set(text) <= set(ALPHABET)


def _text(number: int) -> str:
    return "".join(ALPHABET[number >> 5 * place & 31] for place in reversed(range(_SPREAD)))
