"""Measures jobs, for the times that `framewatch plan` and `status` expect."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from framewatch.domain import Forecast, Job, Measured, Progress, Speeds, Workload
from framewatch.domain.speeds import preset_key
from framewatch.errors import StorageError
from framewatch.jobs.attempt.forecast.duration import forecast, workload
from framewatch.jobs.attempt.segment_ledger import LedgerEntry
from framewatch.jobs.store.speeds import read_speeds, write_speeds
from framewatch.jobs.store.store import Store
from framewatch.media.plan.image_plan import Plan

_log = structlog.get_logger("framewatch.jobs")


class SpeedBook:
    """The speeds, in memory and in the store. Safe for use from several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._speeds = read_speeds(store)

    @property
    def speeds(self) -> Speeds:
        """What was measured so far."""
        return self._speeds

    def learn(self, work: Workload, measured: Measured, key: str = "", whole: Measured | None = None) -> None:
        """Add a measurement; arguments as those of `Speeds.learned`."""
        with self._lock:
            self._speeds = self._speeds.learned(work, measured, key, whole)
            try:  # it is only shown, so the job continues if the store cannot be written
                write_speeds(self._store, self._speeds)
            except StorageError as error:
                _log.debug("speeds.not_noted", message=error.finding.message)


class Stopwatch:
    """Measures one attempt."""

    def __init__(self, book: SpeedBook, job: Job, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds."""
        self._book = book
        self._key = preset_key(job.folder, job.preset_name)
        self._clock = clock
        self._made_at = clock()
        self._work: Workload | None = None
        self._source_size = 0
        self._whole = True  # no segment is from an earlier attempt
        self._started_at: float | None = None  # with the first sign of the work: the GPU may have been waited for
        self._segment_at, self._segment_frames = 0.0, 0
        self._progress = Progress()

    def planned(self, plan: Plan, source_size: int) -> Forecast:
        """Note the plan, and return what it is expected to take."""
        self._work, self._source_size = workload(plan, source_size), source_size
        self._segment_at = self._clock()
        return forecast(plan, source_size, self._book.speeds)

    def resumed(self) -> None:
        """Note that an earlier attempt has done a part of the work."""
        self._whole = False

    def progressed(self, progress: Progress) -> None:
        """Note the counts."""
        if self._started_at is None:
            self._started_at = self._segment_at = self._clock()
            self._segment_frames = progress.encoded
        self._progress = progress

    def segment_done(self, entry: LedgerEntry) -> None:
        """Measure what was rendered since the segment before."""
        now, frames = self._clock(), self._progress.encoded - self._segment_frames
        if self._work is None or frames <= 0 or not self._progress.total:
            return
        share = frames / self._progress.total
        measured = Measured(
            units=share * self._work.units,
            seconds=now - self._segment_at,
            output_units=entry.frames / self._progress.total * self._work.output_units,
            output_bytes=entry.size,
        )
        self._segment_at, self._segment_frames = now, self._progress.encoded
        self._book.learn(self._work, measured)

    def rendered(self, size: int) -> None:
        """Measure the whole attempt; `size` is that of the result in bytes."""
        if self._work is None or not self._whole:
            return
        begun = self._segment_at if self._started_at is None else self._started_at
        measured = Measured(
            units=self._work.units,
            seconds=self._clock() - begun,
            output_units=self._work.output_units,
            output_bytes=size,
            source_bytes=self._source_size,
        )
        whole = measured.evolve(seconds=self._clock() - self._made_at)  # with all that comes before the first frame
        self._book.learn(self._work, measured, self._key, whole)
