"""The progress of a job."""

from __future__ import annotations

from typing import Literal

from framewatch.domain.record import Record

StageName = Literal["decode", "upscale", "encode"]


ForecastBasis = Literal["jobs", "similar", "bench"]
"""What an expected time follows from: jobs like this one, jobs with another encoder, or the benchmark."""


class Forecast(Record):
    """What a job is expected to take, from what was measured on this machine."""

    seconds: float | None = None  # None: nothing like it was measured here
    basis: ForecastBasis | None = None
    output_size: int = 0  # bytes
    measured_size: bool = False  # False: `output_size` is a low guess, since nothing like it was encoded here
    disk: int = 0  # bytes that the work folder takes at most, the output included


class Progress(Record):
    """The progress of a job, in frames; for audio alone, which has none, as a share."""

    stage: StageName | None = None
    total: int = 0
    decoded: int = 0
    upscaled: int = 0
    encoded: int = 0
    fps: float = 0.0
    share: float | None = None  # of audio alone: 0 to 1
    eta_seconds: float | None = None
    engine: str | None = None
    forecast: Forecast | None = None  # from before the work; None: the job is not planned yet

    @property
    def percent(self) -> float:
        """One number for three stages: decoding counts 5, upscaling 85, encoding 10; at most 99 until published."""
        if self.share is not None:
            return min(100 * self.share, 99.0)
        if self.total <= 0:
            return 0.0
        decoded, upscaled, encoded = (
            min(count / self.total, 1.0) for count in (self.decoded, self.upscaled, self.encoded)
        )
        return min(5 * decoded + 85 * upscaled + 10 * encoded, 99.0)
