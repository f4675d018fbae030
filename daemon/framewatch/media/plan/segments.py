"""Segments: where an output is divided into parts that are rendered, kept and repeated independently. Pure.

A segment starts at a key frame of the source where one is near: decoding starts there without a detour, and it is
mostly a change of scene, where an encoder would start a new GOP by itself.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from framewatch.domain import Record, Segment, Timeline

DEFAULT_SECONDS = 30.0
_REACH = 1 / 3  # of a segment's length: how far from the intended start a key frame may lie
_MAX_UNSEEKABLE = 8  # segments of a source that has to be decoded from its beginning for each of them


class SegmentOptions(Record):
    """How an output is to be divided."""

    seconds: float = DEFAULT_SECONDS  # approximate length of a segment
    lead: int = 0  # output frames rendered before each segment for filters with a memory, and then dropped


def plan_segments(
    timeline: Timeline,
    pts: Sequence[int],
    keyframes: Sequence[int],
    options: SegmentOptions,
    *,
    seekable: bool = True,
) -> tuple[Segment, ...]:
    """Divide a timeline.

    Args:
        timeline: of the output.
        pts: of the source's frames, ascending, in ticks.
        keyframes: PTS at which decoding can start.
        options: the length and the lead.
        seekable: whether decoding can start in the middle of the source; otherwise there are fewer segments.

    Returns:
        Segments without gap or overlap, in order; each holds at least one frame.
    """
    length = max(1, round(options.seconds * timeline.rate))
    if not seekable:
        length = max(length, -(-timeline.frames // _MAX_UNSEEKABLE))
    starts = _starts(timeline, keyframes, length)
    shown = [timeline.index(each) for each in pts]
    bounds = zip(starts, [*starts[1:], timeline.frames], strict=True)
    return tuple(_segment(number, span, pts, shown, options.lead) for number, span in enumerate(bounds))


def _starts(timeline: Timeline, keyframes: Sequence[int], length: int) -> list[int]:
    """Return the first output frame of each segment."""
    keys = sorted({timeline.index(each) for each in keyframes})
    starts = [0]
    while timeline.frames - starts[-1] > 1.5 * length:
        ideal = starts[-1] + length
        near = keys[bisect_left(keys, ideal - length * _REACH) : bisect_right(keys, ideal + length * _REACH)]
        starts.append(min(near, key=lambda key: (abs(key - ideal), key), default=ideal))
    return starts


def _segment(number: int, span: tuple[int, int], pts: Sequence[int], shown: Sequence[int], lead: int) -> Segment:
    """One segment. `shown`: the output frame from which each source frame is shown, ascending."""
    start, end = span
    lead = min(lead, start)
    # The last source frame that is shown by then; it may have been shown before, too.
    first = max(bisect_right(shown, start - lead) - 1, 0)
    beyond = bisect_left(shown, end)
    return Segment(
        number=number,
        first_pts=None if first == 0 else pts[first],
        end_pts=pts[beyond] if beyond < len(pts) else None,
        first_frame=start,
        frames=end - start,
        lead=lead,
    )
