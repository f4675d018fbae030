"""Timeline: which output frames show which source frame. Pure and exact: integers and fractions only.

The output has a constant frame rate, the source's average. Output frame n stands for the time n / rate
after the first frame. Each source frame goes to the output frame nearest to its own time and stays until
the next one's, so no error adds up, however long the video and whatever its rate.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Container, Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor

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

# Two rates this near to each other are the same one, rounded: at worst one frame in ten thousand (7
# minutes at 24 frames a second) is repeated or dropped. 24 and 24000/1001 are ten times as far apart.
RATE_TOLERANCE = Fraction(1, 10_000)
# First and last time stamp are each rounded to a tick; in Matroska that is a millisecond, 3% of one frame.
ROUNDED_TICKS = 2
FALLBACK_RATE = Fraction(25)
_LARGEST_DENOMINATOR = 1001  # of an uneven average; encoders and containers take no arbitrary fractions
_EMPTY = "there is no frame between start_time and end_time"
_RUNAWAY_FACTOR = 50  # output frames to a source frame …
_RUNAWAY_SECONDS = 3600  # … and a length, from which on the time stamps are not believed


def choose_rate(pts: Sequence[int], time_base: Fraction, stated: Fraction | None = None) -> Fraction:
    """The constant rate for a source: its average, and the standard rate where it is one but for rounding.

    The container's own statement counts only if the time stamps bear it out: either over the whole length,
    or from frame to frame (then there are gaps, in a video that has a steady rate).

    Args:
        pts: of the frames shown, ascending, in ticks.
        time_base: seconds per tick.
        stated: the container's average rate; None or nonsense (0, 1000) where it has none.
    """
    stated = stated if stated and stated > 0 else None
    span = (pts[-1] - pts[0]) * time_base if pts else Fraction(0)
    if not span:
        return snapped(stated, RATE_TOLERANCE) if stated else FALLBACK_RATE
    average = (len(pts) - 1) / span
    tolerance = max(RATE_TOLERANCE, ROUNDED_TICKS * time_base / span)
    if stated and (_near(average, stated, tolerance) or _is_step(pts, time_base, stated)):
        return snapped(stated, RATE_TOLERANCE)
    near = snapped(average, tolerance)
    return near if near != average else average.limit_denominator(_LARGEST_DENOMINATOR) or average


def plan_timeline(
    pts: Sequence[int],
    time_base: Fraction,
    rate: Fraction | None = None,
    last_duration: int | None = None,
    *,
    start: Fraction | None = None,
    end: Fraction | None = None,
    forced: Fraction | None = None,
) -> Timeline:
    """The timeline for a source.

    Args:
        pts: of the frames shown, ascending, in ticks; not empty.
        time_base: seconds per tick.
        rate: the container's average rate; see `choose_rate`.
        last_duration: of the last frame, in ticks; None if unknown: one output frame.
        start: cut: the first time that is shown, in seconds on the clock of `pts`.
        end: cut: the first time that is no longer shown.
        forced: the rate of the output where it is not to be the source's; frames are repeated or left out.

    Raises:
        MediaError: nothing is left between start and end (`media.empty_cut`), or the time stamps jump
        beyond reason
            (`media.timestamps`).
    """
    chosen = forced or choose_rate(pts, time_base, rate)
    first = 0 if start is None else bisect_left(pts, start / time_base)
    beyond = len(pts) if end is None else bisect_left(pts, end / time_base)
    kept = pts[first:beyond]
    if not kept:
        raise MediaError(_EMPTY, code="media.empty_cut", hint="the video is shorter than start_time")
    over = _over(pts, beyond, last_duration or round(1 / (chosen * time_base)), end and end / time_base)
    line = Timeline(time_base=time_base, rate=chosen, origin=kept[0], frames=1, source_frames=1)
    # At its own rate every frame of the source is shown; at a lower one, what would lie past the end is not.
    least = 1 if forced else line.index(kept[-1]) + 1
    line = line.evolve(frames=max(line.index(over), least))
    _check_length(line, len(kept))
    return line.evolve(source_frames=len(cadence(line, kept)))


def preserved(
    line: Timeline,
    pts: Sequence[int],
    last_duration: int | None,
    end: Fraction | None = None,
    repeats: Container[int] = frozenset(),
) -> Timeline:
    """`line` with each of its source frames shown once, at its own time, instead of at a constant rate.

    Args:
        line: from `plan_timeline`; its rate stays as the average.
        pts: of all the source's frames, as they were given to `plan_timeline`.
        last_duration: of the source's last frame, in ticks; None if unknown.
        end: cut: the first time that is no longer shown, in seconds on the clock of `pts`.
        repeats: those of `pts` at which nothing new is shown: the frame before stays.

    Raises:
        MediaError: nothing new is shown in the part that is kept (`media.empty_cut`).
    """
    beyond = len(pts) if end is None else bisect_left(pts, end / line.time_base)
    kept = pts[bisect_left(pts, line.origin) : beyond]
    times = tuple(dict.fromkeys(time for time in kept if time not in repeats))
    if not times:
        raise MediaError(
            _EMPTY, code="media.empty_cut", hint='the picture stands still there: use frame_timing "cfr"'
        )
    lasting = last_duration or round(1 / (line.rate * line.time_base))
    over = max(_over(pts, beyond, lasting, end and end / line.time_base), times[-1] + 1)
    return line.evolve(origin=times[0], frames=len(times), source_frames=len(times), times=times, end=over)


def _over(pts: Sequence[int], beyond: int, last_duration: int, end: Fraction | None) -> int:
    """The tick at which the frame before number `beyond` goes: the next one's, or the cut's where that is earlier."""
    over = pts[beyond] if beyond < len(pts) else pts[-1] + last_duration
    return over if end is None else min(over, round(end))


class FrameClock:
    """Tells, while frames are decoded, how often each is shown: known once the next frame has come.

    Whatever the decoder leaves out or adds, exactly `frames` output frames come of it: the frame before a
    hole stands in for it, and the first one also for those before it.
    """

    def __init__(self, timeline: Timeline, segment: Segment | None = None) -> None:
        """Start at the beginning of `segment`, or of the whole timeline."""
        self._origin = timeline.origin
        self._line = timeline
        self._step = timeline.time_base * timeline.rate  # output frames to a tick
        self._first = segment.first_frame if segment else 0
        self._frames = segment.frames if segment else timeline.frames
        self._written = 0
        self._begun = False

    def feed(self, pts: int) -> int:
        """Say when the next frame is shown; gives how often the one before it is shown (0: not at all)."""
        until = min(max(self._index(pts) - self._first, 0), self._frames)
        repeat = max(until - self._written, 0) if self._begun else 0
        self._begun = True
        self._written += repeat
        return repeat

    def finish(self) -> int:
        """Say that no frame comes any more; gives how often the last one is shown. All are written then."""
        repeat = self._frames - self._written
        self._written = self._frames
        return repeat

    def _index(self, pts: int) -> int:
        """`Timeline.index` in plain integers: it runs for each frame of hours of video."""
        if self._line.times:
            return self._line.index(pts)
        above, below = self._step.numerator, self._step.denominator
        return (2 * (pts - self._origin) * above + below) // (2 * below)

    @property
    def full(self) -> bool:
        """True once no output frame is left for a further source frame."""
        return self._written >= self._frames


def cadence(timeline: Timeline, pts: Iterable[int], segment: Segment | None = None) -> list[tuple[int, int]]:
    """Which source frames are shown how often: (number in `pts`, repeat), those left out not listed."""
    clock = FrameClock(timeline, segment)
    shown: list[tuple[int, int]] = []
    number = -1
    for number, time in enumerate(pts):
        shown.append((number - 1, clock.feed(time)))
    shown.append((number, clock.finish()))
    return [(each, repeat) for each, repeat in shown if each >= 0 and repeat > 0]


def _near(one: Fraction, other: Fraction, tolerance: Fraction) -> bool:
    return abs(one - other) <= other * tolerance


def snapped(rate: Fraction, tolerance: Fraction) -> Fraction:
    """The standard rate nearest to `rate`, if one is near enough; else `rate`."""
    nearest = min(STANDARD_RATES, key=lambda standard: abs(rate / standard - 1))
    return nearest if _near(rate, nearest, tolerance) else rate


def _is_step(pts: Sequence[int], time_base: Fraction, rate: Fraction) -> bool:
    """Whether most frames follow each other at `rate`, but for a tick of rounding."""
    exact = 1 / (rate * time_base)
    tick = min(Fraction(1), exact / 8)
    least, most = ceil(exact - tick), floor(exact + tick)
    fitting = sum(least <= after - before <= most for before, after in pairwise(pts))
    return fitting * 10 >= (len(pts) - 1) * 9


def _check_length(timeline: Timeline, source_frames: int) -> None:
    long = timeline.frames / timeline.rate > _RUNAWAY_SECONDS
    if long and timeline.frames > _RUNAWAY_FACTOR * source_frames:
        message = f"{source_frames} frames over {timeline.duration:.0f} seconds: the time stamps jump"
        raise MediaError(message, code="media.timestamps", hint="rewrite its time stamps, or cut the jump out")
