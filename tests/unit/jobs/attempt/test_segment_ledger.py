"""The ledger keeps exactly those segments whose files match their entries."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from framewatch.domain import Segment
from framewatch.errors import CancelledError
from framewatch.jobs.attempt.segment_ledger import LedgerEntry, SegmentLedger
from framewatch.jobs.work_folder import LEDGER_NAME
from framewatch.render.segment_check import size_and_digest

SEGMENTS = [Segment(number=n, first_pts=None, end_pts=None, first_frame=10 * n, frames=10) for n in range(3)]


def filled(work: Path, fingerprint: str = "a", numbers: tuple[int, ...] = (0, 1, 2)) -> SegmentLedger:
    ledger = opened(work, fingerprint)
    for number in numbers:
        ledger.add(rendered(ledger, number))
    return ledger


def rendered(ledger: SegmentLedger, number: int) -> LedgerEntry:
    """Write a segment as a worker does, and return its entry."""
    path = ledger.partial_path(number)
    path.write_bytes(bytes([number]) * 1000)
    size, digest = size_and_digest(path)
    return LedgerEntry(number=number, frames=10, size=size, digest=digest, engine="e", upscaled=10, damaged=0)


def opened(work: Path, fingerprint: str = "a") -> SegmentLedger:
    return SegmentLedger.open(work, fingerprint, SEGMENTS, "mp4", threading.Event())


def test_entered_segments_are_there_when_the_ledger_is_opened_again(tmp_path: Path) -> None:
    done = filled(tmp_path).done
    assert opened(tmp_path).done == done
    assert set(done) == {0, 1, 2}


def test_another_fingerprint_starts_from_scratch(tmp_path: Path) -> None:
    filled(tmp_path)
    assert opened(tmp_path, "b").done == {}
    assert [path.name for path in tmp_path.iterdir()] == [LEDGER_NAME]


def damage_torn(work: Path) -> None:
    text = (work / LEDGER_NAME).read_bytes()
    (work / LEDGER_NAME).write_bytes(text[:-30])


def damage_garbage(work: Path) -> None:
    lines = (work / LEDGER_NAME).read_bytes().splitlines()
    (work / LEDGER_NAME).write_bytes(b"\n".join([*lines[:-1], b"\xff\x00{]", b""]))


def damage_changed(work: Path) -> None:
    (work / "segment-00002.mp4").write_bytes(b"x" * 1000)


def damage_cut(work: Path) -> None:
    (work / "segment-00002.mp4").write_bytes(b"x")


def damage_gone(work: Path) -> None:
    (work / "segment-00002.mp4").unlink()


def damage_link(work: Path) -> None:
    path = work / "segment-00002.mp4"
    path.rename(work.parent / "elsewhere.mp4")
    path.symlink_to(work.parent / "elsewhere.mp4")


DAMAGES = [damage_torn, damage_garbage, damage_changed, damage_cut, damage_gone, damage_link]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda each: each.__name__)
def test_damage_costs_only_the_segment_that_it_hit(tmp_path: Path, damage: Any) -> None:
    work = tmp_path / "work"
    work.mkdir()
    filled(work)
    damage(work)
    again = opened(work)
    assert set(again.done) == {0, 1}
    assert {path.name for path in work.iterdir()} == {LEDGER_NAME, "segment-00000.mp4", "segment-00001.mp4"}
    assert set(opened(work).done) == {0, 1}  # the ledger was repaired


@pytest.mark.parametrize("content", [b"", b"{}", b"\x00" * 4096, b'{"fingerprint": "a"', json.dumps([1]).encode()])
def test_a_file_that_is_no_ledger_is_replaced(tmp_path: Path, content: bytes) -> None:
    filled(tmp_path)
    (tmp_path / LEDGER_NAME).write_bytes(content)
    assert opened(tmp_path).done == {}


def test_other_files_are_removed_and_links_are_not_followed(tmp_path: Path) -> None:
    work, elsewhere = tmp_path / "work", tmp_path / "elsewhere"
    work.mkdir()
    elsewhere.mkdir()
    (elsewhere / "precious").touch()
    (work / "part-00001.mp4").touch()
    (work / "folder").mkdir()
    (work / "link").symlink_to(elsewhere)
    (work / "job.json").touch()
    opened(work)
    assert {path.name for path in work.iterdir()} == {LEDGER_NAME, "job.json"}
    assert (elsewhere / "precious").exists()


def test_rendering_a_dropped_segment_again_is_no_progress(tmp_path: Path) -> None:
    """Otherwise one that always turns out bad would be rendered forever."""
    filled(tmp_path).drop([1])
    again = opened(tmp_path)
    assert set(again.done) == {0, 2}
    assert again.add(rendered(again, 1)) is False
    again.drop([2])
    once_more = opened(tmp_path)
    assert once_more.add(rendered(once_more, 2)) is False
    assert set(opened(tmp_path).done) == {0, 1, 2}


def test_a_segment_that_was_replaced_is_found_before_the_join(tmp_path: Path) -> None:
    """It is a complete segment, and no other check would notice that it shows something else."""
    ledger = filled(tmp_path)
    assert ledger.changed_segments() == []
    ledger.path(1).write_bytes(ledger.path(0).read_bytes())
    assert ledger.changed_segments() == [1]


def test_the_check_of_existing_segments_can_be_stopped(tmp_path: Path) -> None:
    filled(tmp_path)
    stop = threading.Event()
    stop.set()
    with pytest.raises(CancelledError):
        SegmentLedger.open(tmp_path, "a", SEGMENTS, "mp4", stop)
    assert set(opened(tmp_path).done) == {0, 1, 2}
