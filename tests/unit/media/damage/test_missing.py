"""Zeros are judged by the packets that they are in or between."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from framewatch.media.damage.missing import Clock, FileFacts, PacketPlaces, damaged_runs, measure, skipped_runs
from framewatch.media.damage.zero_runs import Run

FRAME = 10_000  # bytes
CLOCK = Clock(Fraction(1, 25), Fraction(0), Fraction(4))


def places(lost: range = range(0)) -> PacketPlaces:
    """100 frames, one after another, without those that are lost."""
    made = PacketPlaces(main=0)
    for number in set(range(100)) - set(lost):
        made.add(0, number * FRAME, FRAME - 20, number)
    return made


def facts(container: str, codec: str) -> FileFacts:
    return FileFacts(size=100 * FRAME, container=container, has_video=True, codecs=[codec])


@pytest.mark.parametrize(
    ("container", "codec", "run", "is_damage"),
    [
        ("matroska,webm", "h264", Run(5_000, 9_000), True),
        ("matroska,webm", "h264", Run(5_000, 9_980), False),  # an encoder stuffed its frame
        ("matroska,webm", "prores", Run(5_000, 9_000), False),
        ("matroska,webm", "prores", Run(9_000, 35_000), True),  # the next frame has no beginning
        ("matroska,webm", "rawvideo", Run(3_000, 60_000), False),
        ("avi", "mpeg2video", Run(5_000, 9_000), True),  # no start code follows
        ("mov,mp4,m4a,3gp,3g2,mj2", "hevc", Run(990_000, 994_000), True),
        ("mov,mp4,m4a,3gp,3g2,mj2", "hevc", Run(1_000_000, 1_050_000), False),  # behind all frames
        ("mpegts", "rawvideo", Run(5_000, 6_000), True),
        ("mpeg", "mpeg2video", Run(5_000, 7_000), False),
        ("wtv", "mpeg2video", Run(1_000, 30_000), False),  # the rest of a sector
        ("wtv", "mpeg2video", Run(100_000, 500_000), True),
        ("gxf", "mpeg2video", Run(1_000, 30_000), False),
    ],
)
def test_zeros_are_damage_where_the_codec_or_the_container_has_none(
    container: str, codec: str, run: Run, is_damage: bool
) -> None:
    assert bool(damaged_runs([run], places(), facts(container, codec))) == is_damage


def test_short_runs_in_a_program_stream_count_where_frames_are_lost() -> None:
    run = Run(50_000, 52_000)
    assert damaged_runs([run], places(range(4, 9)), facts("mpeg", "mpeg2video")) == [run]


@pytest.mark.parametrize(
    ("runs", "lost", "seconds", "share"),
    [
        ([Run(305_000, 306_000)], range(0), 0.04, 0.01),
        ([Run(301_000, 495_000)], range(31, 50), 0.8, 0.2),
        ([Run(301_000, 302_000), Run(303_000, 304_000)], range(0), 0.04, 0.01),  # the same frame
        ([Run(895_000, 1_000_000)], range(90, 100), 0.44, 0.11),  # up to the stated end
        ([Run(0, 100_000)], range(10), 0.4, 0.1),
    ],
)
def test_the_seconds_from_the_last_good_frame_to_the_next_are_missing(
    runs: list[Run], lost: range, seconds: float, share: float
) -> None:
    missing = measure(runs, places(lost), facts("matroska,webm", "h264"), CLOCK)
    assert missing.seconds == pytest.approx(seconds)
    assert missing.share == pytest.approx(share)
    assert missing.bytes == sum(run.size for run in runs)


def test_a_file_without_zeros_misses_nothing() -> None:
    assert measure([], places(), facts("avi", "mpeg4"), CLOCK).bytes == 0


@pytest.mark.parametrize(
    ("container", "lost", "found"),
    [
        ("matroska,webm", range(0), []),
        ("matroska,webm", range(40, 45), [Run(399_980, 450_000)]),
        ("avi", range(40, 45), [Run(399_980, 450_000)]),
        ("avi", range(90, 100), [Run(899_980, 1_000_000)]),
        ("mov,mp4,m4a,3gp,3g2,mj2", range(40, 45), []),  # parts of it may be edited out
        ("mpegts", range(40, 45), []),  # other programs may be there
    ],
)
def test_a_part_between_packets_was_skipped_where_only_packets_are(
    container: str, lost: range, found: list[Run]
) -> None:
    assert skipped_runs(places(lost), facts(container, "h264")) == found


def test_what_lies_between_packets_without_a_loss_of_frames_or_is_known_was_not_skipped() -> None:
    spread = PacketPlaces(main=0)
    for number in range(100):
        spread.add(0, number * FRAME, 1000, number)
    assert not skipped_runs(spread, facts("matroska,webm", "vp9"))
    known = replace(facts("matroska,webm", "h264"), padded=lambda: [Run(399_980, 450_000)])
    assert not skipped_runs(places(range(40, 45)), known)
