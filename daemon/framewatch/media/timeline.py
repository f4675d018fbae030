"""The timeline: which output frames show which source frame. Pure and exact: integers and fractions only.

The output has a constant frame rate, the source's average. Output frame n stands for the time n / rate after the
first frame. Each source frame goes to the output frame nearest to its own time and stays until the next one's, so no
error adds up, however long the video and whatever its rate. The same rule runs on the list of PTS, to plan, and frame
by frame while decoding (`FrameClock`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Container, Iterable, Sequence
from fractions import Fraction
from itertools import groupby, pairwise
from math import ceil, floor
from typing import NamedTuple

from framewatch.domain import Segment, Timeline
from framewatch.errors import MediaError

STANDARD_RATES = tuple(
    Fraction(rate)
    for rate in (
        "24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001", "60", "10", "12", "12000/1001",
        "12.5", "15", "15000/1001", "16", "18", "20", "48000/1001", "48", "72", "75", "90", "100",
        "120000/1001", "120", "144", "240",
    )
)  # fmt: skip

# Two rates this close are the same one, rounded: at worst one frame in ten thousand (7 minutes at 24 frames per
# second) is repeated or dropped. 24 and 24000/1001 are ten times as far apart.
RATE_TOLERANCE = Fraction(1, 10_000)
# The first and the last timestamp are each rounded to a tick; in Matroska that is a millisecond, 3% of a frame.
ROUNDED_TICKS = 2
FALLBACK_RATE = Fraction(25)  # of a video that states no rate, and whose timestamps show none
NTSC = Fraction(30_000, 1001)
_VIDEO_RUN = 5  # frames of two fields each in a row, which no film has, nor what a screen of 60 Hz shows at 25
_BETWEEN = Fraction(1, 10)  # of a frame: by which times between two output frames count as later
_DROPPED_SHARE = Fraction(1, 100)  # of the frames of a film: short pieces of video between do not make it one
_LARGEST_DENOMINATOR = 1001  # of an uneven average; encoders and containers do not take arbitrary fractions
_EMPTY = "there is no frame between start_time and end_time"
# Timestamps are not believed where both are exceeded: output frames per source frame, and seconds.
_RUNAWAY_FACTOR = 50
_RUNAWAY_SECONDS = 3600


class Interval(NamedTuple):
    """A part of a source, in seconds on the clock of its PTS; None: from its first frame, or to its last."""

    start: Fraction | None = None  # the first time that is shown
    end: Fraction | None = None  # the first time that is no longer shown


WHOLE = Interval()


def choose_rate(pts: Sequence[int], time_base: Fraction, stated: Fraction | None = None) -> Fraction:
    """Return the constant rate for a source: its average, or the standard rate that differs from it only by rounding.

    The rate that the container states counts only if the timestamps confirm it: either over the whole length, or from
    frame to frame (then there are gaps in a video with a steady rate).

    Film on NTSC discs and in broadcasts has 24000/1001 frames a second, which are shown for three and two fields by
    turns (soft telecine). It gets its own rate. Where it is mixed with so much video that many frames would be
    dropped, both get the rate of the video, at which frames of the film are repeated.

    Args:
        pts: of the frames shown, ascending, in ticks.
        time_base: seconds per tick.
        stated: the container's average rate; None or nonsense (0, 1000) where it has none.
    """
    stated = stated if stated and stated > 0 else None
    span = (pts[-1] - pts[0]) * time_base if pts else Fraction(0)
    if not span:
        return nearest_standard_rate(stated, RATE_TOLERANCE) if stated else FALLBACK_RATE
    average = (len(pts) - 1) / span
    tolerance = max(RATE_TOLERANCE, ROUNDED_TICKS * time_base / span)
    if stated and (_near(average, stated, tolerance) or _is_step(pts, time_base, stated)):
        return nearest_standard_rate(stated, RATE_TOLERANCE)
    standard = nearest_standard_rate(average, tolerance)
    if standard != average:
        return standard
    return _pulled_down_rate(pts, time_base, stated) or average.limit_denominator(_LARGEST_DENOMINATOR) or average


def plan_timeline(
    pts: Sequence[int],
    time_base: Fraction,
    stated_rate: Fraction | None = None,
    last_duration: int | None = None,
    *,
    cut: Interval = WHOLE,
    forced_rate: Fraction | None = None,
) -> Timeline:
    """Return the timeline for a source.

    Args:
        pts: of the frames shown, ascending, in ticks; not empty.
        time_base: seconds per tick.
        stated_rate: the container's average rate; see `choose_rate`.
        last_duration: of the last frame, in ticks; None if unknown: one output frame.
        cut: the part that is kept.
        forced_rate: the output's rate where it differs from the source's; frames are repeated or dropped.

    Raises:
        MediaError: nothing is left of the cut (`media.empty_cut`), or the timestamps jump beyond reason
            (`media.timestamps`).
    """
    rate = forced_rate or choose_rate(pts, time_base, stated_rate)
    first = 0 if cut.start is None else bisect_left(pts, cut.start / time_base)
    beyond = len(pts) if cut.end is None else bisect_left(pts, cut.end / time_base)
    kept = pts[first:beyond]
    if not kept:
        raise MediaError(_EMPTY, code="media.empty_cut", hint="the video is shorter than start_time")
    end = _end_tick(pts, beyond, last_duration or round(1 / (rate * time_base)), cut.end and cut.end / time_base)
    timeline = _filled(Timeline(time_base=time_base, rate=rate, origin=kept[0], frames=1, source_frames=1), kept, end)
    if forced_rate:  # at a lower rate, frames that would lie past the end are not shown
        timeline = timeline.evolve(frames=max(timeline.index(end), 1))
    _check_length(timeline, len(kept))
    shown = len(cadence(timeline, kept))
    if not forced_rate and shown < len(kept) and _pulled_down_rate(pts, time_base, stated_rate) == rate:
        # Frames of video behind those of a film lie between two output frames, and rounding would be chance.
        timeline = _filled(timeline.evolve(origin=kept[0] - round(_BETWEEN / (rate * time_base))), kept, end)
        shown = len(cadence(timeline, kept))
    return timeline.evolve(source_frames=shown)


def _filled(timeline: Timeline, kept: Sequence[int], end: int) -> Timeline:
    """Return the timeline with as many output frames as there are until its end, and for its last frame."""
    return timeline.evolve(frames=max(timeline.index(end), timeline.index(kept[-1]) + 1))


def with_own_times(
    timeline: Timeline,
    pts: Sequence[int],
    last_duration: int | None,
    end: Fraction | None = None,
    repeats: Container[int] = frozenset(),
) -> Timeline:
    """Return the timeline that shows each source frame once, at its own time, instead of at a constant rate.

    Args:
        timeline: from `plan_timeline`; its rate stays as the average.
        pts: of all the source's frames, as they were given to `plan_timeline`.
        last_duration: of the source's last frame, in ticks; None if unknown.
        end: of the cut: the first time that is no longer shown, in seconds on the clock of `pts`.
        repeats: those of `pts` at which nothing new is shown: the frame before stays.

    Raises:
        MediaError: nothing new is shown in the part that is kept (`media.empty_cut`).
    """
    beyond = len(pts) if end is None else bisect_left(pts, end / timeline.time_base)
    kept = pts[bisect_left(pts, timeline.origin) : beyond]
    times = tuple(dict.fromkeys(time for time in kept if time not in repeats))
    if not times:
        hint = 'the video shows a still there: use frame_timing "cfr"'
        raise MediaError(_EMPTY, code="media.empty_cut", hint=hint)
    duration = last_duration or round(1 / (timeline.rate * timeline.time_base))
    end_tick = max(_end_tick(pts, beyond, duration, end and end / timeline.time_base), times[-1] + 1)
    return timeline.evolve(origin=times[0], frames=len(times), source_frames=len(times), times=times, end=end_tick)


def _end_tick(pts: Sequence[int], beyond: int, last_duration: int, cut_end: Fraction | None) -> int:
    """Return the tick until which the frame before number `beyond` is shown: the next frame, or an earlier cut."""
    end = pts[beyond] if beyond < len(pts) else pts[-1] + last_duration
    return end if cut_end is None else min(end, round(cut_end))


class FrameClock:
    """Tells, while frames are decoded, how often each is shown; this is known once the next frame has come.

    Whatever the decoder drops or adds, the repeats add up to exactly `frames` output frames: the frame before a gap
    stands in for it, and the first frame also for those before it.
    """

    def __init__(self, timeline: Timeline, segment: Segment | None = None) -> None:
        """Start at the beginning of `segment`, or of the whole timeline."""
        self._origin = timeline.origin
        self._timeline = timeline
        self._step = timeline.time_base * timeline.rate  # output frames per tick
        self._first = segment.first_frame if segment else 0
        self._frames = segment.frames if segment else timeline.frames
        self._written = 0
        self._started = False

    def feed(self, pts: int) -> int:
        """Take the time of the next frame; returns how often the frame before it is shown (0: not at all)."""
        until = min(max(self._index(pts) - self._first, 0), self._frames)
        repeat = max(until - self._written, 0) if self._started else 0
        self._started = True
        self._written += repeat
        return repeat

    def finish(self) -> int:
        """Note that no frame follows; returns how often the last one is shown. All output frames are written then."""
        repeat = self._frames - self._written
        self._written = self._frames
        return repeat

    def _index(self, pts: int) -> int:
        """`Timeline.index` in plain integers, since it runs for each frame of hours of video."""
        if self._timeline.times:
            return self._timeline.index(pts)
        above, below = self._step.numerator, self._step.denominator
        return (2 * (pts - self._origin) * above + below) // (2 * below)

    @property
    def full(self) -> bool:
        """Whether all output frames are written, so that a further source frame is not shown."""
        return self._written >= self._frames


def cadence(timeline: Timeline, pts: Iterable[int], segment: Segment | None = None) -> list[tuple[int, int]]:
    """Return how often each source frame is shown: (number in `pts`, repeat). Frames not shown are left out."""
    clock = FrameClock(timeline, segment)
    shown: list[tuple[int, int]] = []
    number = -1
    for number, time in enumerate(pts):
        shown.append((number - 1, clock.feed(time)))
    shown.append((number, clock.finish()))
    return [(each, repeat) for each, repeat in shown if each >= 0 and repeat > 0]


def dropped_frames(timeline: Timeline, pts: Sequence[int], repeats: Container[int] = frozenset()) -> int:
    """Count the source frames between the first that is shown and the timeline's end that no output frame shows.

    Args:
        timeline: from `plan_timeline`.
        pts: of the frames that are kept, as they were given to it, without those beyond a cut.
        repeats: those of `pts` at which nothing new is shown, which are no loss.
    """
    kept = pts[bisect_left(pts, timeline.origin) :]
    if timeline.times or timeline.source_frames == len(kept):
        return 0
    shown = {number for number, _ in cadence(timeline, kept)}
    return sum(number not in shown and time not in repeats for number, time in enumerate(kept))


def nearest_standard_rate(rate: Fraction, tolerance: Fraction) -> Fraction:
    """Return the standard rate nearest to `rate`, if one is within the tolerance; else `rate`."""
    nearest = min(STANDARD_RATES, key=lambda standard: abs(rate / standard - 1))
    return nearest if _near(rate, nearest, tolerance) else rate


def _near(one: Fraction, other: Fraction, tolerance: Fraction) -> bool:
    return abs(one - other) <= other * tolerance


def _is_step(pts: Sequence[int], time_base: Fraction, rate: Fraction) -> bool:
    """Return whether most frames follow each other at `rate`, give or take a tick of rounding."""
    exact = 1 / (rate * time_base)
    tick = min(Fraction(1), exact / 8)
    least, most = ceil(exact - tick), floor(exact + tick)
    fitting = sum(least <= after - before <= most for before, after in pairwise(pts))
    return fitting * 10 >= (len(pts) - 1) * 9


def _pulled_down_rate(pts: Sequence[int], time_base: Fraction, stated: Fraction | None) -> Fraction | None:
    """Return the rate for frames that are shown for two or three fields of a video; None where they are not."""
    stated = nearest_standard_rate(stated, RATE_TOLERANCE) if stated else None
    for video in dict.fromkeys(filter(None, (stated, NTSC))):
        field = 1 / (2 * video * time_base)
        tick = min(Fraction(1), field / 8)
        near = {fields: (ceil(fields * field - tick), floor(fields * field + tick)) for fields in (2, 3)}
        steps = [after - before for before, after in pairwise(pts)]
        two, three = (sum(least <= step <= most for step in steps) for least, most in near.values())
        if not three or (two + three) * 10 < len(steps) * 9:
            continue
        film = nearest_standard_rate(video * 4 / 5, RATE_TOLERANCE)
        line = Timeline(time_base=time_base, rate=film, origin=pts[0], frames=1, source_frames=1)
        dropped = sum(line.index(before) == line.index(after) for before, after in pairwise(pts))
        if dropped <= _DROPPED_SHARE * len(pts):
            return film
        least, most = near[2]
        runs = (sum(1 for _ in run) for is_two, run in groupby(least <= step <= most for step in steps) if is_two)
        if max(runs, default=0) >= _VIDEO_RUN:
            return video
    return None


def _check_length(timeline: Timeline, source_frames: int) -> None:
    long = timeline.frames / timeline.rate > _RUNAWAY_SECONDS
    if long and timeline.frames > _RUNAWAY_FACTOR * source_frames:
        message = f"{source_frames} frames over {timeline.duration:.0f} seconds: the timestamps jump"
        raise MediaError(message, code="media.timestamps", hint="rewrite its timestamps, or cut the jump out")
