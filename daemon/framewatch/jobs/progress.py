"""Turns a worker's counts into progress with a speed and a time to go; pure, the clock is handed in."""

from __future__ import annotations

from collections import deque

from framewatch.domain import Progress
from framewatch.render.spec import Counted

WINDOW_SECONDS = 30.0  # speed is that of the last half minute: steady, and yet it follows a change


class Tracker:
    """Follows one attempt at a job."""

    def __init__(self, total: int, engine: str | None = None) -> None:
        """`total`: output frames in all."""
        self._progress = Progress(total=total, engine=engine)
        self._samples: deque[tuple[float, int]] = deque()

    @property
    def progress(self) -> Progress:
        """The latest."""
        return self._progress

    def opened(self, engine: str) -> Progress:
        """The engine has been chosen."""
        self._progress = self._progress.evolve(engine=engine)
        return self._progress

    def counted(self, counted: Counted, now: float) -> Progress:
        """Take in the counts at monotonic time `now`, in seconds."""
        fps = self._speed(counted.encoded, now)
        left = self._progress.total - counted.encoded
        self._progress = self._progress.evolve(
            stage=counted.stage,
            decoded=counted.decoded,
            upscaled=counted.upscaled,
            encoded=counted.encoded,
            fps=round(fps, 2),
            eta_seconds=round(max(left, 0) / fps, 1) if fps > 0 else None,
        )
        return self._progress

    def _speed(self, encoded: int, now: float) -> float:
        self._samples.append((now, encoded))
        while len(self._samples) > 2 and now - self._samples[0][0] > WINDOW_SECONDS:
            self._samples.popleft()
        then, before = self._samples[0]
        return (encoded - before) / (now - then) if now > then else 0.0
