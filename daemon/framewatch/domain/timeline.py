"""Which output frames are made from which source frames, and the segments they are rendered in."""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction

from framewatch.domain.record import Record


class Timeline(Record):
    """Maps source frames to output frames; made by `framewatch.media.timeline`.

    Output frame n is shown n / rate seconds after `origin`. A source frame with the presentation time stamp p is
    shown from output frame `index(p)` until the index of the next one: not at all, once, or repeatedly. With `times`,
    the rate is only the average, and output frame n is the one that the source shows at `times[n]`.
    """

    time_base: Fraction  # seconds per PTS tick
    rate: Fraction  # output frames per second
    origin: int  # PTS of the first frame that is shown
    frames: int  # output frames in all
    source_frames: int  # source frames that are shown at least once
    times: tuple[int, ...] = ()  # for a variable rate that is kept: the PTS of each frame
    end: int = 0  # with `times`: the PTS at which the last frame ends

    def index(self, pts: int) -> int:
        """Return the first output frame that shows a source frame; rounded half up."""
        if self.times:
            return self.frames if pts >= self.end else bisect_right(self.times, pts) - 1
        exact = (pts - self.origin) * self.time_base * self.rate
        return (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)

    def time_of(self, frame: int) -> float:
        """Seconds from the first output frame to this one, exact to the microsecond."""
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
    """A part of the output that is rendered on its own; made by `framewatch.media.plan.segments`."""

    number: int
    first_pts: int | None  # source frames from this PTS on; None: from the first
    end_pts: int | None  # up to, not including, this PTS; None: to the last
    first_frame: int  # output frame numbers, on the timeline
    frames: int
    lead: int = 0  # output frames before the first, rendered for filters that look back, and then dropped

    @property
    def rendered(self) -> Segment:
        """The segment with its lead, as it goes through the network."""
        return self.evolve(first_frame=self.first_frame - self.lead, frames=self.frames + self.lead, lead=0)
