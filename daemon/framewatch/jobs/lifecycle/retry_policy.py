"""How often and how soon something is tried again. Pure."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_WAIT = 600.0  # seconds; a job that seems to wait longer was put off before the clock was set back


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Limits and waits; times in seconds."""

    retries: int = 2  # further tries after the first
    backoff: float = 10.0  # before the second try; doubles with each
    backoff_cap: float = LONGEST_WAIT
    hold: float = 15.0  # before a held job is looked at again; doubles with each hold in a row
    hold_cap: float = LONGEST_WAIT
    look: float = 5.0  # between two looks at what is cheap to see: the room on a disk, whether it is mounted
    free_crashes: int = 5  # deaths of the daemon that are not put down to the job that ran

    def retry_wait(self, attempt: int) -> float:
        """How long to wait after this many tries have failed."""
        return _doubled(self.backoff, attempt - 1, self.backoff_cap)

    def hold_wait(self, holds: int) -> float:
        """How long to hold a job that is now held for the `holds`th time in a row."""
        return _doubled(self.hold, holds - 1, self.hold_cap)

    def crash_wait(self, crashes: int) -> float:
        """How long a job lets others come first after the daemon died with it: from the third time on."""
        return 0.0 if crashes < 3 else _doubled(self.backoff, crashes - 3, self.backoff_cap)


def seen_cheaply(code: str) -> bool:
    """Whether it can be seen, without trying the job again, that the cause of a hold is gone."""
    return code in ("storage.not_mounted", "storage.will_not_fit")


def _doubled(first: float, times: int, cap: float) -> float:
    return min(first * 2.0 ** min(max(times, 0), 64), cap)
