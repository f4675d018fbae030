"""The timeline that a preset asks for: cut, rate, and whether each frame keeps its own time. Pure."""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction

from framewatch.domain import Record, Timeline
from framewatch.media.preset.preset import Preset
from framewatch.media.probe.packet_scan import ScanResult, Spans
from framewatch.media.timeline import plan_timeline, preserved


class TimingWish(Record):
    """What a preset wants of the timeline. Times in seconds after the file's own beginning."""

    start: Fraction | None = None
    end: Fraction | None = None
    rate: Fraction | None = None  # None: the source's
    preserve: bool = False
    at_key_frame: bool = False  # copied packets can be shown only from a key frame on

    @property
    def cuts(self) -> bool:
        """Whether something is left out."""
        return self.start is not None or self.end is not None


def timing_wish(preset: Preset) -> TimingWish:
    """The part of `preset` that decides when which frame is shown."""
    return TimingWish(
        start=exact(preset.start_time) if preset.start_time else None,
        end=None if preset.end_time is None else exact(preset.end_time),
        rate=None if preset.fps == "original" else Fraction(preset.fps),
        preserve=preset.frame_timing == "preserve",
        at_key_frame=preset.processing_mode == "copy",
    )


def exact(seconds: float) -> Fraction:
    """A time as it was written, to the microsecond."""
    return Fraction(round(seconds * 1_000_000), 1_000_000)


def wished_timeline(wish: TimingWish, scanned: ScanResult, stated: Fraction | None, zero: float) -> Timeline:
    """The timeline for a scanned video.

    Args:
        wish: from `timing_wish`.
        scanned: when the source shows its frames.
        stated: the container's average rate.
        zero: seconds on the source's clock at which the file begins.

    Raises:
        MediaError: as `plan_timeline`.
    """
    start = None if wish.start is None else wish.start + exact(zero)
    end = None if wish.end is None else wish.end + exact(zero)
    if wish.at_key_frame and start is not None:
        start = _key_frame_before(start, scanned)
    line = plan_timeline(
        scanned.pts, scanned.time_base, stated, scanned.last_duration, start=start, end=end, forced=wish.rate
    )
    return preserved(line, scanned.pts, scanned.last_duration, end, scanned.repeats) if wish.preserve else line


def begins(wish: TimingWish, line: Timeline | None, zero: float) -> Fraction:
    """Seconds on the source's clock at which the output begins.

    That is the first frame of the cut, less than a frame after its time, so that no output begins without a
    picture; for a copy, the key frame that it needs; and the cut itself where the picture only comes later.
    """
    start = exact(zero) + (wish.start or 0)
    if line is None or not wish.start:
        return start
    first = line.origin * line.time_base
    return first if first - start < 1 / line.rate else start


def clipped_lengths(wish: TimingWish, line: Timeline | None, spans: Spans, zero: float) -> dict[int, float]:
    """Seconds that each stream lasts between the cuts, by its index."""
    if not wish.cuts:
        return {index: float(until - begin) for index, (begin, until) in spans.items()}
    first = begins(wish, line, zero)
    last = None if wish.end is None else exact(zero) + wish.end
    return {
        index: max(0.0, float((until if last is None else min(until, last)) - max(begin, first)))
        for index, (begin, until) in spans.items()
    }


def _key_frame_before(start: Fraction, scanned: ScanResult) -> Fraction:
    number = bisect_right(scanned.keyframes, start / scanned.time_base) - 1
    return scanned.keyframes[max(number, 0)] * scanned.time_base
