"""The files of a DVD's title become one file, which attempts share."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from framewatch.domain import InputFile
from framewatch.errors import CancelledError, MediaError, StorageError
from framewatch.jobs.attempt.context import Share
from framewatch.jobs.scheduling.joined_title import join_title
from framewatch.jobs.work_folder import clear
from framewatch.storage.files import identity_of


@pytest.fixture
def work(tmp_path: Path) -> Path:
    work = tmp_path / "work"
    work.mkdir()
    return work


@pytest.fixture
def parts(tmp_path: Path) -> list[InputFile]:
    return [part(tmp_path / f"VTS_01_{number}.VOB", bytes([number]) * 3000) for number in (1, 2, 3)]


def part(path: Path, content: bytes) -> InputFile:
    path.write_bytes(content)
    return InputFile(root=path.parent, relative=Path(path.name), identity=identity_of(path.stat()))


def join(parts: list[InputFile], work: Path, stop: threading.Event | None = None, reserve: int = 0) -> Path:
    return join_title(parts, work, Share(), stop or threading.Event(), reserve).path


def test_the_parts_are_joined_in_order_and_once(parts: list[InputFile], work: Path) -> None:
    title = join(parts, work)
    assert title.read_bytes() == b"".join(each.path.read_bytes() for each in parts)
    made = title.stat()
    clear(work)  # as after an attempt that failed
    assert join(parts, work).stat().st_ino == made.st_ino
    assert [path.name for path in work.iterdir()] == ["title.vob"]


def test_another_version_of_the_disc_is_joined_again(parts: list[InputFile], work: Path, tmp_path: Path) -> None:
    join(parts, work)
    parts[1] = part(tmp_path / "VTS_01_2.VOB", b"other")
    assert join(parts, work).read_bytes() == b"\1" * 3000 + b"other" + b"\3" * 3000


def test_a_stopped_or_impossible_copy_leaves_nothing_that_counts(parts: list[InputFile], work: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(CancelledError):
        join(parts, work, stop)
    parts[2].path.write_bytes(b"changed")
    with pytest.raises(MediaError) as changed:
        join(parts, work)
    assert changed.value.finding.code == "source.changed"
    with pytest.raises(StorageError) as full:
        join(parts, work, reserve=1 << 60)
    assert full.value.finding.code == "storage.will_not_fit"
    assert not (work / "title.vob").exists()
