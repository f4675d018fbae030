"""Files that were allocated before they are written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from framewatch.media.damage.unfilled import is_unfilled

MIB = 2**20


def filled(size: int) -> bytes:
    return (bytes(range(1, 256)) * (size // 255 + 1))[:size]


@pytest.mark.parametrize("size", [20_000, 100_000, 3 * MIB])
def test_a_file_that_is_written_is_not_unfilled(tmp_path: Path, size: int) -> None:
    assert not judged(tmp_path / "film", filled(size))


@pytest.mark.parametrize(
    ("size", "begin", "end"),
    [(100_000, 0, 20_000), (100_000, 40_000, 60_000), (3 * MIB, 2 * MIB, 3 * MIB), (3 * MIB, 0, MIB)],
)
def test_runs_of_written_zeros_are_found(tmp_path: Path, size: int, begin: int, end: int) -> None:
    data = bytearray(filled(size))
    data[begin:end] = bytes(end - begin)
    assert judged(tmp_path / "film", bytes(data))


def test_holes_are_found_wherever_they_are(tmp_path: Path) -> None:
    path = tmp_path / "film"
    path.write_bytes(filled(MIB))
    os.truncate(path, 64 * MIB)
    with path.open("r+b") as file:
        file.seek(63 * MIB + MIB // 2)
        file.write(filled(MIB // 2))
    with path.open("rb") as file:
        assert is_unfilled(file.fileno())


def judged(path: Path, data: bytes) -> bool:
    path.write_bytes(data)
    with path.open("rb") as file:
        return is_unfilled(file.fileno())
