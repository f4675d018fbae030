"""When each frame is shown: exact, without drift, whatever the container says."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framewatch.domain import Segment, Timeline
from framewatch.errors import MediaError
from framewatch.media.timeline import (
    FrameClock,
    Interval,
    cadence,
    choose_rate,
    dropped_frames,
    plan_timeline,
    with_own_times,
)

MILLISECOND = Fraction(1, 1000)
NTSC_FILM = Fraction(24000, 1001)


def rounded(rate: Fraction, count: int, time_base: Fraction) -> list[int]:
    return [round(number / rate / time_base) for number in range(count)]


# --- the rate ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", ["24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001", "60", "12.5"])
@pytest.mark.parametrize("count", [100, 5000])
@pytest.mark.parametrize("stated", [None, "0", "1000", "600"])
def test_a_standard_rate_is_found_in_rounded_timestamps_whatever_is_stated(
    rate: str, count: int, stated: str | None
) -> None:
    pts = rounded(Fraction(rate), count, MILLISECOND)
    assert choose_rate(pts, MILLISECOND, Fraction(stated) if stated else None) == Fraction(rate)


@pytest.mark.parametrize("rate", ["24000/1001", "24", "30000/1001", "30", "59.94"])
def test_the_stated_rate_decides_where_few_rounded_timestamps_cannot(rate: str) -> None:
    pts = rounded(Fraction(rate), 4, MILLISECOND)
    exact = Fraction(60000, 1001) if rate == "59.94" else Fraction(rate)
    assert choose_rate(pts, MILLISECOND, Fraction(rate)) == exact


@pytest.mark.parametrize("time_base", [MILLISECOND, Fraction(1, 90_000)])
@pytest.mark.parametrize("count", [20, 120, 5001])
@pytest.mark.parametrize("stated", [None, Fraction(30_000, 1001), NTSC_FILM, Fraction(31)])
def test_film_that_is_shown_by_fields_has_its_own_rate(
    time_base: Fraction, count: int, stated: Fraction | None
) -> None:
    fields = accumulate((3 - number % 2 for number in range(count - 1)), initial=0)
    pts = [round(each * Fraction(1001, 60_000) / time_base) for each in fields]
    assert choose_rate(pts, time_base, stated) == NTSC_FILM
    assert plan_timeline(pts, time_base, stated).source_frames == count


def test_frames_at_two_or_three_refreshes_of_a_screen_keep_their_average() -> None:
    times = accumulate((2 + (number % 5 in (1, 3)) for number in range(500)), initial=0)
    assert choose_rate([round(each * Fraction(1000, 60)) for each in times], MILLISECOND, None) == pytest.approx(
        25, rel=0.001
    )


def test_an_unusual_but_steady_rate_is_kept() -> None:
    rate = Fraction(1199, 50)  # 23.98, really
    assert choose_rate(rounded(rate, 2000, rate and Fraction(50, 1199)), Fraction(50, 1199), rate) == rate


def test_gaps_do_not_lower_a_steady_rate() -> None:
    pts = [tick for tick in range(1000) if tick % 97 > 4]
    assert choose_rate(pts, Fraction(1, 25), Fraction(25)) == 25


def test_an_uneven_rate_becomes_its_average() -> None:
    pts = [0, *accumulate([20] * 40 + [60] * 40)]
    assert choose_rate(pts, MILLISECOND, Fraction(125, 4)) == 25


@pytest.mark.parametrize(
    ("stated", "rate"), [(None, 25), ("0", 25), ("24000/1001", "24000/1001"), ("29.97", "30000/1001")]
)
def test_one_frame_has_the_stated_rate_or_25(stated: str | None, rate: str) -> None:
    assert choose_rate([7], MILLISECOND, Fraction(stated) if stated else None) == Fraction(rate)


# --- the frames --------------------------------------------------------------------------------------------


@st.composite
def sources(draw: st.DrawFn) -> tuple[list[int], Fraction, int]:
    time_base = draw(st.sampled_from([MILLISECOND, Fraction(1, 90000), Fraction(1001, 24000), Fraction(1, 12800)]))
    steps = draw(st.lists(st.integers(0, 20_000), min_size=1, max_size=120))
    start = draw(st.integers(-100_000, 10_000_000))
    return list(accumulate(steps, initial=start)), time_base, draw(st.integers(0, 20_000))


@settings(max_examples=300)
@given(sources(), st.one_of(st.none(), st.sampled_from([Fraction(25), NTSC_FILM, Fraction(1000), Fraction(0)])))
def test_repeats_fill_the_timeline_in_order_without_drift(
    source: tuple[list[int], Fraction, int], stated: Fraction | None
) -> None:
    pts, time_base, last = source
    try:
        line = plan_timeline(pts, time_base, stated, last)
    except MediaError:  # too long for so few frames: refused, which is tested below
        return
    shown = cadence(line, pts)
    numbers = [number for number, _ in shown]
    assert sum(repeat for _, repeat in shown) == line.frames
    assert numbers == sorted(set(numbers))
    assert all(repeat > 0 for _, repeat in shown)
    assert len(shown) == line.source_frames
    begins = accumulate((repeat for _, repeat in shown), initial=0)
    for (number, _), begin in zip(shown, begins, strict=False):
        late = Fraction(begin) / line.rate - (pts[number] - line.origin) * time_base
        assert abs(late) * line.rate <= Fraction(1, 2)


@given(sources(), st.data())
def test_exactly_the_planned_frames_are_written_whatever_the_decoder_returns(
    source: tuple[list[int], Fraction, int], data: st.DataObject
) -> None:
    pts, time_base, _ = source
    line = Timeline(time_base=time_base, rate=Fraction(25), origin=pts[0], frames=200, source_frames=1)
    given_out = data.draw(st.lists(st.sampled_from(pts), min_size=1, max_size=60))
    shown = cadence(line, given_out)
    assert sum(repeat for _, repeat in shown) == line.frames


@pytest.mark.parametrize("rate", ["24000/1001", "25", "30000/1001", "50", "60"])
def test_hours_of_rounded_timestamps_show_each_frame_once(rate: str) -> None:
    pts = rounded(Fraction(rate), 50_000, MILLISECOND)
    line = plan_timeline(pts, MILLISECOND, Fraction(rate), round(1000 / Fraction(rate)))
    assert (line.frames, line.source_frames) == (50_000, 50_000)


def test_a_long_last_frame_keeps_its_duration() -> None:
    line = plan_timeline([0, 40, 80], MILLISECOND, Fraction(25), 400)
    assert cadence(line, [0, 40, 80]) == [(0, 1), (1, 1), (2, 10)]


def test_frames_that_are_too_close_are_dropped_and_gaps_are_filled() -> None:
    line = Timeline(time_base=MILLISECOND, rate=Fraction(25), origin=0, frames=6, source_frames=3)
    assert cadence(line, [0, 10, 40, 200]) == [(1, 1), (2, 4), (3, 1)]


@pytest.mark.parametrize(
    ("pts", "repeats", "dropped"),
    [
        (range(0, 400, 40), set(), 0),
        ([0, 10, 40, 200], set(), 1),
        ([0, 10, 40, 200], {0}, 0),  # at 0 the frame before would have stayed
        ([0, 10, 12, 40, 200], {10}, 1),
    ],
)
def test_dropped_frames_are_those_that_no_output_frame_shows(pts: Any, repeats: set[int], dropped: int) -> None:
    line = plan_timeline(pts, MILLISECOND, Fraction(25), 40, forced_rate=Fraction(25))
    assert dropped_frames(line, pts, repeats) == dropped


def test_a_cut_starts_and_ends_the_timeline() -> None:
    pts = range(0, 2000, 40)
    line = plan_timeline(pts, MILLISECOND, Fraction(25), 40, cut=Interval(Fraction("0.41"), Fraction(1)))
    assert (line.origin, line.frames) == (440, 14)
    assert plan_timeline(pts, MILLISECOND, Fraction(25), 40, cut=Interval(end=Fraction(9))).frames == 50
    with pytest.raises(MediaError) as caught:
        plan_timeline(pts, MILLISECOND, Fraction(25), 40, cut=Interval(Fraction(3)))
    assert caught.value.finding.code == "media.empty_cut"


def test_timestamps_that_jump_by_a_day_are_refused() -> None:
    pts = [*range(0, 1000, 40), *range(86_400_000, 86_401_000, 40)]
    with pytest.raises(MediaError) as caught:
        plan_timeline(pts, MILLISECOND, Fraction(25), 40)
    assert caught.value.finding.code == "media.timestamps"


def test_the_cadence_of_segments_adds_up_to_the_whole() -> None:
    pts = list(range(0, 4000, 50))
    line = plan_timeline(pts, MILLISECOND, Fraction(20), 50)
    segments = [Segment(number=0, first_pts=None, end_pts=1000, first_frame=0, frames=20),
              Segment(number=1, first_pts=1000, end_pts=None, first_frame=20, frames=60)]  # fmt: skip
    first = cadence(line, pts[:20], segments[0])
    second = [(number + 20, repeat) for number, repeat in cadence(line, pts[20:], segments[1])]
    assert first + second == cadence(line, pts)


def test_a_clock_is_full_when_all_frames_are_written() -> None:
    line = Timeline(time_base=MILLISECOND, rate=Fraction(25), origin=0, frames=2, source_frames=2)
    clock = FrameClock(line)
    assert [clock.feed(pts) for pts in (0, 40, 80)] == [0, 1, 1]
    assert clock.full
    assert clock.finish() == 0


# --- other rates and own times ------------------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "wanted", "frames"), [(25, 50, 100), (50, 25, 50), (25, 24, 48), (24, 25, 50)])
def test_another_rate_keeps_the_duration(rate: int, wanted: int, frames: int) -> None:
    pts = rounded(Fraction(rate), 2 * rate, MILLISECOND)
    line = plan_timeline(pts, MILLISECOND, Fraction(rate), round(1000 / rate), forced_rate=Fraction(wanted))
    assert (line.rate, line.frames, line.duration) == (wanted, frames, 2.0)


UNEVEN = [0, 10, 50, 130, 140, 900]


def test_frames_with_their_own_times_are_each_shown_once() -> None:
    line = with_own_times(plan_timeline(UNEVEN, MILLISECOND, None, 300), UNEVEN, 300)
    assert (line.times, line.end, line.frames) == (tuple(UNEVEN), 1200, 6)
    assert cadence(line, UNEVEN) == [(number, 1) for number in range(6)]
    assert line.duration == 1.2


def test_a_missing_frame_is_replaced_by_the_one_before_it() -> None:
    line = with_own_times(plan_timeline(UNEVEN, MILLISECOND, None, 300), UNEVEN, 300)
    assert cadence(line, [0, 10, 130, 140, 900]) == [(0, 1), (1, 2), (2, 1), (3, 1), (4, 1)]


def test_a_cut_with_own_times_ends_at_the_cut() -> None:
    start, end = Fraction("0.05"), Fraction("0.5")
    line = with_own_times(plan_timeline(UNEVEN, MILLISECOND, None, 300, cut=Interval(start, end)), UNEVEN, 300, end)
    assert (line.times, line.end) == ((50, 130, 140), 500)
    assert cadence(line, UNEVEN[2:]) == [(0, 1), (1, 1), (2, 1)]
