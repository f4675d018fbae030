"""How colours are coded."""

from __future__ import annotations

from typing import Literal

from framewatch.domain.record import Record


class Colour(Record):
    """Colour tags by ffmpeg's names; None if the source has none."""

    matrix: str | None = None  # bt709, smpte170m, bt470bg, bt2020nc, gbr …
    range: Literal["limited", "full"] | None = None
    primaries: str | None = None  # bt709, smpte170m, bt2020 …
    transfer: str | None = None  # bt709, smpte2084, arib-std-b67 …
