"""Runs of zeros in what is read of a file."""

from __future__ import annotations

import random
import time

from framewatch.media.damage.zero_runs import SHORTEST, Run, ZeroRuns, without


def found(data: bytes, pieces: list[tuple[int, int]]) -> list[Run]:
    zeros = ZeroRuns()
    for start, end in pieces:
        zeros.feed(start, data[start:end])
    return zeros.runs()


def test_runs_are_found_whole_however_the_file_is_cut_into_pieces() -> None:
    chance = random.Random(1)  # noqa: S311
    data = bytearray(chance.randrange(1, 256) for _ in range(40_000))
    expected = [Run(0, 700), Run(5_000, 5_000 + SHORTEST), Run(9_999, 20_001), Run(39_000, 40_000)]
    for run in (*expected, Run(30_000, 30_000 + SHORTEST - 1)):
        data[run.start : run.end] = bytes(run.size)
    for size in (40_000, 8_192, 1_000, 511):
        pieces = [(start, min(start + size, len(data))) for start in range(0, len(data), size)]
        assert found(bytes(data), pieces) == expected
        chance.shuffle(pieces)
        assert found(bytes(data), [*pieces, *pieces[:5]]) == expected


def test_what_is_excluded_is_cut_out_of_a_run() -> None:
    assert list(without(Run(0, 100), [Run(10, 20), Run(90, 120)])) == [Run(0, 10), Run(20, 90)]
    assert list(without(Run(0, 100), [Run(0, 100)])) == []


def test_many_short_runs_and_many_excluded_ranges_take_no_minutes() -> None:
    piece = (bytes(SHORTEST) + b"x") * 16_000  # 8 MiB
    began = time.process_time()
    runs = found(piece, [(0, len(piece))])
    excluded = [Run(run.start + 1, run.start + 2) for run in runs]
    parts = [part for run in runs for part in without(run, excluded)]
    assert (len(runs), len(parts)) == (16_000, 32_000)
    assert time.process_time() - began < 5
