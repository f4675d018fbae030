"""Segments: where an output is divided into pieces that are rendered, kept and redone on their own. Pure.

A piece begins where the source has a key frame, if one is near: decoding begins there without a detour, and that is
mostly a change of scene, where an encoder would begin anew by itself.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from framewatch.domain import Record, Segment, Timeline

DEFAULT_SECONDS = 30.0
_REACH = 1 / 3  # of a segment's length: how far from it a key frame may lie to be taken
_MOST_UNSEEKABLE = 8  # pieces of a source that is decoded from its beginning for each


class Segmenting(Record):
    """How an output is to be divided."""

    seconds: float = DEFAULT_SECONDS  # length of a piece, about
    lead: int = 0  # output frames rendered before each piece, for filters that remember, and thrown away


def plan_segments(
    line: Timeline,
    pts: Sequence[int],
    keyframes: Sequence[int],
    wish: Segmenting,
    *,
    seekable: bool = True,
) -> tuple[Segment, ...]:
    """Divide a timeline.

    Args:
        line: of the output.
        pts: of the source's frames, ascending, in ticks.
        keyframes: PTS at which decoding can begin.
        wish: how long, with which lead.
        seekable: whether the source can be decoded from the middle; else there are fewer pieces.

    Returns:
        Segments without gap or overlap, in order; each holds at least one frame.
    """
    length = max(1, round(wish.seconds * line.rate))
    if not seekable:
        length = max(length, -(-line.frames // _MOST_UNSEEKABLE))
    starts = _starts(line, keyframes, length)
    shown = [line.index(each) for each in pts]
    bounds = zip(starts, [*starts[1:], line.frames], strict=True)
    return tuple(_segment(number, (begin, end), pts, shown, wish.lead) for number, (begin, end) in enumerate(bounds))


def _starts(line: Timeline, keyframes: Sequence[int], length: int) -> list[int]:
    """The output frames that pieces begin with."""
    keys = sorted({line.index(each) for each in keyframes})
    starts = [0]
    while line.frames - starts[-1] > 1.5 * length:
        wanted = starts[-1] + length
        near = keys[bisect_left(keys, wanted - length * _REACH) : bisect_right(keys, wanted + length * _REACH)]
        starts.append(min(near, key=lambda key: (abs(key - wanted), key), default=wanted))
    return starts


def _segment(number: int, span: tuple[int, int], pts: Sequence[int], shown: Sequence[int], lead: int) -> Segment:
    """One piece. `shown`: the output frame from which each source frame is shown, ascending."""
    begin, end = span
    lead = min(lead, begin)
    # The last source frame that is shown by then, which may have been shown before, too.
    first = max(bisect_right(shown, begin - lead) - 1, 0)
    beyond = bisect_left(shown, end)
    return Segment(
        number=number,
        first_pts=None if first == 0 else pts[first],
        end_pts=pts[beyond] if beyond < len(pts) else None,
        first_frame=begin,
        frames=end - begin,
        lead=lead,
    )
