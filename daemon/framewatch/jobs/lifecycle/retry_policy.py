"""How often and how soon a job is attempted or checked again. Pure."""

from __future__ import annotations

from dataclasses import dataclass

# Seconds. `not_before` is wall time, since it outlives the process. A job that seems to wait longer than this was
# put off before the clock was set back, and is due.
LONGEST_WAIT = 600.0
_CHECKED_AT_ONCE = (
    *("storage.not_mounted", "storage.will_not_fit", "storage.cannot_move", "storage.cannot_fill"),
    *("source.changed", "source.may_change", "media.truncated", "media.corrupt"),
)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Limits and waits; times in seconds."""

    retries: int = 2  # further attempts after the first
    backoff: float = 10.0  # before the second attempt; doubles with each
    backoff_cap: float = LONGEST_WAIT
    hold: float = 15.0  # before a held job is attempted again; doubles with each hold in a row
    hold_cap: float = LONGEST_WAIT
    check_interval: float = 5.0  # before the first check of a hold that is checked at once, and between two checks
    worker_crashes: int = 2  # the first may be bad luck or a driver's fault, the second is taken for the file's
    free_crashes: int = 5  # deaths of the daemon that are not blamed on the job that ran

    def retry_wait(self, failures: int) -> float:
        """Return how long to wait after this many failed attempts in a row."""
        return _doubled(self.backoff, failures - 1, self.backoff_cap)

    def hold_wait(self, holds: int) -> float:
        """Return how long to hold a job that is held for the `holds`th time in a row."""
        return _doubled(self.hold, holds - 1, self.hold_cap)

    def crash_wait(self, crashes: int) -> float:
        """Return how long a job lets others go first after the daemon died with it: from the third time on."""
        return 0.0 if crashes < 3 else _doubled(self.backoff, crashes - 3, self.backoff_cap)


def is_checked_at_once(code: str) -> bool:
    """Return whether the first check of a hold may come at once; the others wait, as an attempt has just failed."""
    return code in _CHECKED_AT_ONCE


def _doubled(first: float, times: int, cap: float) -> float:
    return min(first * 2.0 ** min(max(times, 0), 64), cap)
