"""A file with a corrected clock in a pipe."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from framewatch.domain import ClockStep, SourceClock
from framewatch.errors import StorageError
from framewatch.media.ffmpeg.corrected_pipe import CorrectedPipe

SIZE = 3_000_000  # more than a pipe holds
CLOCK = SourceClock(container="mpegts", steps=(ClockStep(stream=None, first=0, before=0, offset=1),))


def piped(folder: Path) -> CorrectedPipe:
    path = folder / "a.ts"
    path.write_bytes(bytes(SIZE))
    return CorrectedPipe(os.open(path, os.O_RDONLY), CLOCK, path)


def read_all(descriptor: int) -> int:
    size = 0
    while data := os.read(descriptor, 1 << 16):
        size += len(data)
    return size


def test_a_file_comes_whole(tmp_path: Path) -> None:
    pipe = piped(tmp_path)
    assert read_all(pipe.read_end) == SIZE
    pipe.finish()
    os.close(pipe.read_end)


def test_a_reader_may_end_early(tmp_path: Path) -> None:
    pipe = piped(tmp_path)
    os.read(pipe.read_end, 1)
    os.close(pipe.read_end)
    pipe.finish()


def test_a_file_that_cannot_be_read_on_is_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.pread

    def broken(descriptor: int, size: int, offset: int, /) -> bytes:
        if offset > 2_000_000:
            raise OSError(errno.EIO, "Input/output error")
        return real(descriptor, size, offset)

    monkeypatch.setattr(os, "pread", broken)
    pipe = piped(tmp_path)
    assert 0 < read_all(pipe.read_end) < SIZE
    with pytest.raises(StorageError) as caught:
        pipe.finish()
    assert caught.value.finding.where.endswith("a.ts")
    os.close(pipe.read_end)
