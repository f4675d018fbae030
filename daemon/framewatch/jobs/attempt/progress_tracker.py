"""Turns a worker's counts into progress with a speed and a remaining time. Pure: the caller passes the clock."""

from __future__ import annotations

from collections import deque

from framewatch.domain import Progress
from framewatch.render.messages import FramesCounted

WINDOW_SECONDS = 30.0  # the speed is that of the last half minute: steady, and yet it follows a change


class ProgressTracker:
    """Follows one attempt."""

    def __init__(self, *, frames: int = 0, kept: int = 0, seconds: float | None = None) -> None:
        """Begin to follow an output.

        Args:
            frames: the number of its frames.
            kept: how many of them an earlier attempt has made.
            seconds: its length, where it has no frames; None where frames are counted.
        """
        self._progress = Progress(
            total=frames, decoded=kept, upscaled=kept, encoded=kept, share=None if seconds is None else 0.0
        )
        self._kept = kept
        self._seconds = seconds
        self._samples: deque[tuple[float, float]] = deque()  # time, and frames or seconds done by then

    @property
    def progress(self) -> Progress:
        """The latest progress."""
        return self._progress

    def continue_from(self, kept: int) -> None:
        """Note that `kept` frames are done, and that the next counts begin at zero."""
        self._kept = kept
        self._samples.clear()

    def engine_opened(self, engine: str) -> Progress:
        """Note the engine that was chosen."""
        self._progress = self._progress.evolve(engine=engine)
        return self._progress

    def update(self, counts: FramesCounted, now: float) -> Progress:
        """Take counts into account; `now` is in monotonic seconds.

        Progress never goes back: where frames are lost with their segment, it waits until they are made again.
        """
        if self._seconds is not None:
            return self._update_duration(self._seconds, counts, now)
        fps = self._speed(counts.encoded, now)
        shown = self._progress
        left = shown.total - self._kept - counts.encoded
        self._progress = shown.evolve(
            stage=counts.stage,
            decoded=max(shown.decoded, self._kept + counts.decoded),
            upscaled=max(shown.upscaled, self._kept + counts.upscaled),
            encoded=max(shown.encoded, self._kept + counts.encoded),
            fps=round(fps, 2),
            eta_seconds=round(max(left, 0) / fps, 1) if fps > 0 else None,
        )
        return self._progress

    def _update_duration(self, total: float, counts: FramesCounted, now: float) -> Progress:
        speed = self._speed(counts.seconds, now)
        left = max(total - counts.seconds, 0.0)
        self._progress = self._progress.evolve(
            stage=counts.stage,
            share=min(counts.seconds / total, 1.0) if total > 0 else 1.0,
            eta_seconds=round(left / speed, 1) if speed > 0 else None,
        )
        return self._progress

    def _speed(self, done: float, now: float) -> float:
        if self._samples and done < self._samples[-1][1]:
            self._samples.clear()  # frames were lost with their segment, and are counted again when it is made again
        self._samples.append((now, done))
        while len(self._samples) > 2 and now - self._samples[0][0] > WINDOW_SECONDS:
            self._samples.popleft()
        then, before = self._samples[0]
        return (done - before) / (now - then) if now > then else 0.0
