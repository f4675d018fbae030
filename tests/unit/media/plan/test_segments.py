"""Segments cover a timeline without gap or overlap, and show the same frames as the whole."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from framewatch.domain import Timeline
from framewatch.media.plan.segments import SegmentOptions, plan_segments
from framewatch.media.timeline import cadence, plan_timeline, with_own_times

MILLISECOND = Fraction(1, 1000)


def line_of(pts: list[int], last: int = 40, *, variable: bool = False) -> Timeline:
    line = plan_timeline(pts, MILLISECOND, Fraction(25), last)
    return with_own_times(line, pts, last) if variable else line


def lengths(line: Timeline, pts: list[int], keys: list[int], seconds: float) -> list[int]:
    return [each.frames for each in plan_segments(line, pts, keys, SegmentOptions(seconds=seconds))]


def test_segments_are_equally_long_where_no_key_frame_is_near() -> None:
    pts = list(range(0, 10_000, 40))
    assert lengths(line_of(pts), pts, [0], 1) == [25] * 10


def test_a_segment_starts_at_the_nearest_key_frame() -> None:
    pts = list(range(0, 10_000, 40))
    assert lengths(line_of(pts), pts, [0, 2680, 3200, 6400], 3) == [80, 80, 90]


def test_a_short_rest_is_part_of_the_last_segment() -> None:
    pts = list(range(0, 1400, 40))
    assert lengths(line_of(pts), pts, [0], 1) == [35]


def test_a_source_that_cannot_be_seeked_has_few_segments() -> None:
    pts = list(range(0, 40_000, 40))
    cut = plan_segments(line_of(pts), pts, [0], SegmentOptions(seconds=1), seekable=False)
    assert len(cut) == 8


def test_a_lead_starts_earlier_but_never_before_the_first_frame() -> None:
    pts = list(range(0, 3000, 40))
    first, second, _ = plan_segments(line_of(pts), pts, [0], SegmentOptions(seconds=1, lead=30))
    assert (first.lead, first.first_pts) == (0, None)
    assert (second.first_frame, second.lead, second.first_pts) == (25, 25, None)
    assert (second.rendered.first_frame, second.rendered.frames) == (0, 50)


@given(
    steps=st.lists(st.integers(5, 400), min_size=1, max_size=120),
    keys=st.sets(st.integers(0, 119)),
    seconds=st.floats(0.1, 5),
    lead=st.integers(0, 10),
    variable=st.booleans(),
)
def test_segments_together_show_exactly_what_the_whole_shows(
    steps: list[int], keys: set[int], seconds: float, lead: int, variable: bool
) -> None:
    pts = [sum(steps[:number]) for number in range(len(steps))]
    line = line_of(pts, steps[-1], variable=variable)
    options = SegmentOptions(seconds=seconds, lead=lead)
    cut = plan_segments(line, pts, [pts[key] for key in sorted(keys) if key < len(pts)], options)
    shown: list[int] = []
    for segment in cut:
        rendered = segment.rendered
        begin = 0 if rendered.first_pts is None else pts.index(rendered.first_pts)
        end = len(pts) if segment.end_pts is None else pts.index(segment.end_pts)
        pictures = [
            number + begin for number, repeat in cadence(line, pts[begin:end], rendered) for _ in range(repeat)
        ]
        assert len(pictures) == rendered.frames
        shown += pictures[segment.lead :]
    assert shown == [number for number, repeat in cadence(line, pts) for _ in range(repeat)]
