"""Which output frames are made of which source frames, and the segments they are rendered in."""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction

from framewatch.domain.record import Record


class Timeline(Record):
    """Which output frames a source's frames become; made by `framewatch.media.timeline`.

    Output frame n is shown from n / rate seconds after `origin`. A source frame with presentation time stamp p
    is shown from output frame `index(p)` until the next one's index: 0 times, once, or repeated. With `times` the
    rate is only the average: output frame n is the one that the source shows at `times[n]`.
    """

    time_base: Fraction  # seconds per PTS tick
    rate: Fraction  # output frames per second
    origin: int  # PTS of the first frame that is shown
    frames: int  # output frames in all
    source_frames: int  # source frames that are shown at least once
    times: tuple[int, ...] = ()  # a variable rate that is kept: the PTS of each frame; else empty
    end: int = 0  # with `times`: the PTS at which the last of them goes

    def index(self, pts: int) -> int:
        """The output frame from which a source frame is shown: nearest, halves up (round half up)."""
        if self.times:
            return self.frames if pts >= self.end else bisect_right(self.times, pts) - 1
        exact = (pts - self.origin) * self.time_base * self.rate
        return (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)

    def time_of(self, frame: int) -> float:
        """Seconds from the output's first frame to this one; exact to the microsecond, however late."""
        if self.times:
            return float((self.times[frame] - self.origin) * self.time_base)
        return float(frame / self.rate)

    @property
    def duration(self) -> float:
        """Length of the output in seconds."""
        if self.times:
            return float((self.end - self.origin) * self.time_base)
        return float(self.frames / self.rate)


class Segment(Record):
    """A piece of the output that is rendered on its own; made by `framewatch.media.plan.segments`."""

    number: int
    first_pts: int | None  # source frames from this PTS on; None: from the first
    end_pts: int | None  # up to, not including, this PTS; None: to the last
    first_frame: int  # output frame numbers, on the timeline
    frames: int
    lead: int = 0  # output frames before the first that are rendered, too, and thrown away by the encoder

    @property
    def rendered(self) -> Segment:
        """What goes through the network for it: the lead, too."""
        return self.evolve(first_frame=self.first_frame - self.lead, frames=self.frames + self.lead, lead=0)
