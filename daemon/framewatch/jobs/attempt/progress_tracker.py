"""Turns a worker's counts into progress with a speed and a time to go; pure, the clock is handed in."""

from __future__ import annotations

from collections import deque

from framewatch.domain import Progress
from framewatch.render.messages import FramesCounted

WINDOW_SECONDS = 30.0  # speed is that of the last half minute: steady, and yet it follows a change


class ProgressTracker:
    """Follows one attempt at a job."""

    def __init__(self, total: int, engine: str | None = None, seconds: float = 0.0, kept: int = 0) -> None:
        """`total`: output frames in all, `kept` of them from an earlier attempt; `seconds`: of an output without."""
        self._progress = Progress(
            total=total, decoded=kept, upscaled=kept, encoded=kept, engine=engine, share=0.0 if seconds > 0 else None
        )
        self._kept = kept
        self._seconds = seconds
        self._samples: deque[tuple[float, float]] = deque()

    @property
    def progress(self) -> Progress:
        """The latest."""
        return self._progress

    def begin_again(self, kept: int) -> None:
        """`kept` frames are done now, and whoever does the others counts from none."""
        self._kept = kept
        self._samples.clear()

    def opened(self, engine: str) -> Progress:
        """The engine has been chosen."""
        self._progress = self._progress.evolve(engine=engine)
        return self._progress

    def counted(self, counted: FramesCounted, now: float) -> Progress:
        """Take in the counts at monotonic time `now`, in seconds.

        What is shown never goes back: where frames are lost with their segment, it waits until they are made again.
        """
        if self._seconds > 0:
            return self._heard(counted, now)
        fps = self._speed(counted.encoded, now)
        shown = self._progress
        left = shown.total - self._kept - counted.encoded
        self._progress = shown.evolve(
            stage=counted.stage,
            decoded=max(shown.decoded, self._kept + counted.decoded),
            upscaled=max(shown.upscaled, self._kept + counted.upscaled),
            encoded=max(shown.encoded, self._kept + counted.encoded),
            fps=round(fps, 2),
            eta_seconds=round(max(left, 0) / fps, 1) if fps > 0 else None,
        )
        return self._progress

    def _heard(self, counted: FramesCounted, now: float) -> Progress:
        speed = self._speed(counted.seconds, now)
        left = max(self._seconds - counted.seconds, 0.0)
        self._progress = self._progress.evolve(
            stage=counted.stage,
            share=min(counted.seconds / self._seconds, 1.0),
            eta_seconds=round(left / speed, 1) if speed > 0 else None,
        )
        return self._progress

    def _speed(self, encoded: float, now: float) -> float:
        if self._samples and encoded < self._samples[-1][1]:
            self._samples.clear()  # frames were lost with their segment, and are counted again when it is redone
        self._samples.append((now, encoded))
        while len(self._samples) > 2 and now - self._samples[0][0] > WINDOW_SECONDS:
            self._samples.popleft()
        then, before = self._samples[0]
        return (encoded - before) / (now - then) if now > then else 0.0
