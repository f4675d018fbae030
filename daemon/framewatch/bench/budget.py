"""The time that a benchmark may take, shared out among its steps."""

from __future__ import annotations

import time
from collections.abc import Callable

CPU_SECONDS = 50.0
GPU_SECONDS = 80.0

# Which share of the time has passed when a step should end. A step that ends early leaves its time to the next ones,
# and one that takes longer takes it from them. So the total holds, although no step can be stopped at any moment.
FIRST_RUN_ENDS = 0.2
RUNS_END = 0.5
STAGES_END = 0.68
ENGINES_END = 0.96


class Budget:
    """Counts from the moment it is made."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`seconds` is what all steps together may take; `clock` gives monotonic seconds."""
        self.seconds = seconds
        self._extra = 0.0
        self._clock = clock
        self._started = clock()

    @property
    def total(self) -> float:
        """Seconds that everything takes, as far as is known by now."""
        return self.seconds + self._extra

    @property
    def elapsed(self) -> float:
        """Seconds that have passed."""
        return self._clock() - self._started

    def until(self, share: float) -> float:
        """Return the seconds until this share of the budget, 0 to 1, has passed; 0 where it has passed already."""
        return max(0.0, self._end(share) - self.elapsed)

    def done(self, share: float, within: float) -> float:
        """Return how much of everything is done, 0 to 1, when so much is done of the step that ends at `share`.

        Args:
            share: where the step ends.
            within: how much of it is done, 0 to 1.
        """
        begin = self.elapsed
        return min(1.0, (begin + within * max(0.0, self._end(share) - begin)) / self.total)

    def extend(self, seconds: float) -> None:
        """Add time, from here on, for a step that cannot be made shorter. Less than nothing adds nothing."""
        self._extra += max(0.0, seconds)

    def _end(self, share: float) -> float:
        return share * self.seconds + self._extra
