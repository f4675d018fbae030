"""Where the clock of a recording jumps, by the times of its packets."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

import pytest

from framewatch.domain import SourceClock
from framewatch.errors import MediaError
from framewatch.media.clock.jumps import TICKS, WRAP, Bridged, Joint, JumpDetector, Stamp, jump_warning

FRAME = TICKS // 25
VIDEO, SOUND, TEXT = 0, 1, 2
Timed = tuple[int, float]
"""A stream, and the seconds on the clock at which a packet of it is decoded; each is 100 bytes long."""


def found(packets: Iterable[Timed], container: str = "mpegts") -> Bridged | None:
    detector = JumpDetector("mpegts" if container == "mpegts" else "mpeg", VIDEO)
    for place, (stream, seconds) in zip(count(0, 100), packets, strict=False):
        ticks = round(seconds * TICKS)
        detector.add(stream, 0x1E0 + stream, Stamp(place, ticks, ticks, FRAME), timed=stream != TEXT)
    return detector.result()


def both(start: float, frames: int = 10) -> list[Timed]:
    """Picture and sound by turns."""
    return [(stream, start + number / 25) for number in range(frames) for stream in (VIDEO, SOUND)]


def steps(clock: SourceClock, stream: int | None) -> list[tuple[int, float]]:
    """Place and offset in seconds of each step of a stream."""
    return [
        (step.first, (step.offset - WRAP if step.offset > WRAP // 2 else step.offset) / TICKS)
        for step in clock.steps
        if step.stream == stream
    ]


@pytest.mark.parametrize("start", [0.4, 5.0, 10.2])
def test_a_clock_that_goes_on_within_ten_seconds_has_not_jumped(start: float) -> None:
    assert found([*both(0), *both(start)]) is None


@pytest.mark.parametrize("start", [10.5, 1000.0, 0.2, 0.0, -50.0])
def test_what_follows_a_jump_continues_where_the_picture_ended(start: float) -> None:
    bridged = found([*both(0), *both(start)])
    assert bridged is not None
    assert bridged.joints == (Joint(pytest.approx(0.4), pytest.approx(start - 0.4)),)
    for stream, first in ((0x1E0, 2000), (0x1E1, 2100), (None, 2000)):
        assert steps(bridged.clock, stream) == [(first, pytest.approx(0.4 - start))]


def test_a_turn_of_the_clock_that_libav_adds_is_not_named() -> None:
    bridged = found([*both(1000), *both(WRAP / TICKS)])
    assert bridged is not None
    assert bridged.joints[0].seconds == pytest.approx(-1000.4)


def test_a_stream_that_jumps_first_is_corrected_from_there() -> None:
    bridged = found([*both(0), (SOUND, 100.0), (SOUND, 100.04), *both(100)[::2], (SOUND, 100.08)])
    assert bridged is not None
    assert steps(bridged.clock, 0x1E1) == [(2000, pytest.approx(-99.6))]
    assert steps(bridged.clock, 0x1E0) == [(2200, pytest.approx(-99.6))]


def test_a_stream_that_jumps_last_keeps_its_old_times_until_then() -> None:
    bridged = found([*both(0), (VIDEO, 100.0), (SOUND, 0.4), (VIDEO, 100.04), (SOUND, 0.44), *both(100.08)])
    assert bridged is not None
    assert steps(bridged.clock, 0x1E1) == [(2500, pytest.approx(-99.6))]


def test_one_packet_with_a_wrong_time_moves_no_other_stream() -> None:
    bridged = found([*both(0), (VIDEO, 5000.0), *both(0.44)])
    assert bridged is not None
    assert [round(each.seconds) for each in bridged.joints] == [5000, -5000]
    assert {round(offset, 3) for _, offset in steps(bridged.clock, 0x1E1)} == {0.0}


def test_a_pause_of_the_picture_is_no_jump_while_the_sound_goes_on() -> None:
    sound = [(SOUND, number / 25) for number in range(500)]
    assert found([*both(0)[::2], *sound, (VIDEO, 20.0), (SOUND, 20.0), (VIDEO, 20.04)]) is None


def test_the_sound_of_another_program_may_have_any_clock() -> None:
    other = [(SOUND, 50_000 + number / 25) for number in range(20)]
    pairs = [each for pair in zip([*both(0)[::2], *both(1000)[::2]], other, strict=True) for each in pair]
    bridged = found(pairs)
    assert bridged is not None
    assert steps(bridged.clock, 0x1E0) == [(2000, pytest.approx(-999.6))]
    assert steps(bridged.clock, 0x1E1) == []


def test_a_pause_of_the_sound_is_no_jump() -> None:
    assert found([*both(0), *((VIDEO, 0.4 + number / 25) for number in range(500)), *both(20.4)]) is None


@pytest.mark.parametrize("lead", [0.0, 3.0])
def test_texts_follow_the_picture(lead: float) -> None:
    bridged = found([*both(0), (TEXT, 0.3), *both(1000), (TEXT, 1000.4 + lead)])
    assert bridged is not None
    assert steps(bridged.clock, 0x1E2) == [(2100, pytest.approx(-999.6))]


def test_texts_with_the_new_clock_before_the_picture_are_corrected_too() -> None:
    bridged = found([*both(0), (TEXT, 0.3), (TEXT, 1000.0), (TEXT, 1000.2), *both(1000)])
    assert bridged is not None
    assert steps(bridged.clock, 0x1E2) == [(2100, pytest.approx(-999.6))]


def test_parts_of_a_private_stream_are_corrected_together() -> None:
    detector = JumpDetector("mpeg", VIDEO)
    for number in range(20):
        ticks = number * FRAME + (1000 * TICKS if number > 9 else 0)
        for stream, identifier in ((VIDEO, 0x1E0), (SOUND, 0x80)):
            detector.add(stream, identifier, Stamp(number * 2048, ticks, ticks, FRAME), timed=True)
    bridged = detector.result()
    assert bridged is not None
    assert {step.stream for step in bridged.clock.steps} == {None, 0xE0, 0xBD}


def test_a_clock_that_never_stops_jumping_is_refused() -> None:
    with pytest.raises(MediaError) as caught:
        found((VIDEO, number % 2 * 1000.0) for number in range(40_000))
    assert caught.value.finding.code == "media.timestamps"


def test_a_warning_names_some_jumps_and_counts_the_rest() -> None:
    message = jump_warning(tuple(Joint(3600.0 * number + 1.5, -2.0) for number in range(7))).message
    assert "at 0:00:01.500 by -2.0 s, at 1:00:01.500 by" in message
    assert "and 2 more" in message


@pytest.mark.parametrize("jump", [20.0, 23_860.9, -40.0])
def test_a_few_damaged_times_of_a_sound_are_moved_back(jump: float) -> None:
    packets = [
        (stream, time + jump) if index in (21, 23) else (stream, time)
        for index, (stream, time) in enumerate(both(100, 30))
    ]
    bridged = found(packets)
    assert bridged is not None
    assert steps(bridged.clock, 0x1E1) == [(2100, pytest.approx(-jump)), (2500, 0)]
    assert steps(bridged.clock, 0x1E0) == steps(bridged.clock, None) == []
    assert bridged.joints == (Joint(pytest.approx(0.4), pytest.approx(jump)),)


def test_a_sound_that_pauses_and_much_later_goes_back_has_no_damaged_times() -> None:
    pictures = [(VIDEO, number / 25) for number in range(1000)]
    sounds = [(SOUND, 0.0), (SOUND, 15.0), *((SOUND, 15 + number / 25) for number in range(1, 400)), (SOUND, 16.0)]
    mixed = [*pictures[:10], *sounds[:2], *pictures[10:600], *sounds[2:], *pictures[600:]]
    assert found(mixed) is None


def test_damaged_times_stay_where_another_sound_could_not_be_told_apart() -> None:
    detector = JumpDetector("mpeg", VIDEO)
    for place in range(60):
        stream, ticks = place % 3, place // 3 * FRAME
        damaged = ticks + (100 * TICKS if place == 31 else 0)
        identifier = (0x1E0, 0x80, 0x81)[stream]
        detector.add(stream, identifier, Stamp(place, damaged, damaged, FRAME), timed=True)
    assert detector.result() is None
