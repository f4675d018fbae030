"""How far a job has come."""

from __future__ import annotations

from typing import Literal

from framewatch.domain.record import Record

StageName = Literal["decode", "upscale", "encode"]


class Progress(Record):
    """How far a job has come, in frames; sound alone has none, and comes by its share."""

    stage: StageName | None = None
    total: int = 0
    decoded: int = 0
    upscaled: int = 0
    encoded: int = 0
    fps: float = 0.0
    share: float | None = None  # of sound alone: 0 to 1
    eta_seconds: float | None = None
    engine: str | None = None

    @property
    def percent(self) -> float:
        """The seed's bands, decode 0-5, upscale 5-90, encode 90-100, at most 99 until published."""
        if self.share is not None:
            return min(100 * self.share, 99.0)
        if self.total <= 0:
            return 0.0
        decoded, upscaled, encoded = (
            min(count / self.total, 1.0) for count in (self.decoded, self.upscaled, self.encoded)
        )
        return min(5 * decoded + 85 * upscaled + 10 * encoded, 99.0)
