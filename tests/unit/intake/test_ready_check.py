"""The check of a file before it is offered."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from framewatch.intake import ready_check
from framewatch.intake.ready_check import ReadyState, check_ready
from framewatch.intake.settle_tracker import Snapshot
from framewatch.storage.root import Root


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"film")
    return path


def snapshot(path: Path) -> Snapshot:
    status = path.lstat()
    return Snapshot(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def check(path: Path, expected: Snapshot, *, leases: bool) -> ReadyState:
    with Root(path.parent).opened() as top:
        return check_ready(top, path.name, expected, leases=leases)


def test_an_unchanged_file_is_ready(path: Path) -> None:
    assert check(path, snapshot(path), leases=True) is ReadyState.READY


def test_a_file_that_a_program_holds_open_for_writing_is_busy_until_it_is_closed(path: Path) -> None:
    """A copy that stalls for longer than the settle time. Linux tells; elsewhere it is not known."""
    with path.open("r+b"):
        verdict = check(path, snapshot(path), leases=True)
        assert verdict is (ReadyState.BUSY if hasattr(fcntl, "F_SETLEASE") else ReadyState.READY)
        assert check(path, snapshot(path), leases=False) is ReadyState.READY
    assert check(path, snapshot(path), leases=True) is ReadyState.READY


def test_readers_do_not_make_a_file_busy(path: Path) -> None:
    with path.open("rb"):
        assert check(path, snapshot(path), leases=True) is ReadyState.READY


def test_a_file_that_changed_vanished_or_became_a_link_is_not_ready(path: Path, tmp_path: Path) -> None:
    before = snapshot(path)
    path.write_bytes(b"longer film")
    assert check(path, before, leases=True) is ReadyState.CHANGED
    path.rename(tmp_path / "elsewhere")
    assert check(path, before, leases=True) is ReadyState.CHANGED
    path.symlink_to(tmp_path / "elsewhere")
    assert check(path, snapshot(path), leases=True) is ReadyState.CHANGED
    path.unlink()
    os.mkfifo(path)
    assert check(path, snapshot(path), leases=True) is ReadyState.CHANGED


def test_a_file_that_may_not_be_opened_counts_as_ready(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that its job fails with a reason, instead of the file waiting for ever."""

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    with Root(path.parent).opened() as top:
        monkeypatch.setattr(ready_check.beneath, "open_beneath", refuse)
        assert check_ready(top, path.name, snapshot(path), leases=True) is ReadyState.READY


def test_a_new_file_with_long_runs_of_zeros_is_unfilled(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    path.write_bytes(b"x" * 50_000 + bytes(50_000))
    assert check(path, snapshot(path), leases=True) is ReadyState.UNFILLED


def test_inode_numbers_tell_versions_apart_only_where_they_are_kept(path: Path) -> None:
    other = snapshot(path)._replace(device=1, inode=2)
    assert check(path, other, leases=True) is ReadyState.CHANGED
    assert check(path, other, leases=False) is ReadyState.READY
