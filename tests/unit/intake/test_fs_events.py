"""Real events from the operating system, the self-test, and the reasons to fall back to polling."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from watchdog.observers.api import BaseObserver

from framewatch.intake import fs_events
from framewatch.intake.fs_events import INSTANCE_REASON, LIMIT_REASON, PROBE_PREFIX, EventSource
from framewatch.intake.watch_mode import choose_mode
from framewatch.settings import FolderSettings
from framewatch.storage.root import Root
from waiting import eventually


class Source(EventSource):
    """A source that keeps what it is told."""

    def __init__(self, root: Path, *, recursive: bool = True) -> None:
        self.touched: set[str] = set()
        super().__init__(Root(root), recursive=recursive, on_change=self.touched.add)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


@pytest.fixture
def source(root: Path) -> Iterator[Source]:
    source = Source(root)
    assert source.open() is None
    yield source
    source.close()


def test_the_self_test_passes_and_leaves_nothing_behind(source: Source, root: Path) -> None:
    assert list(root.iterdir()) == []
    assert source.touched == set()


def test_new_changed_renamed_and_removed_files_are_reported(source: Source, root: Path) -> None:
    path = root / "a.part"
    path.write_bytes(b"1")
    eventually(lambda: "a.part" in source.touched)
    source.touched.clear()
    path.rename(root / "a.mp4")
    eventually(lambda: {"a.part", "a.mp4"} <= source.touched)
    source.touched.clear()
    (root / "a.mp4").unlink()
    eventually(lambda: "a.mp4" in source.touched)


def test_files_in_new_and_moved_in_subfolders_are_reported(source: Source, root: Path, tmp_path: Path) -> None:
    (root / "show" / "s1").mkdir(parents=True)
    (root / "show" / "s1" / "e1.mp4").write_bytes(b"1")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "e2.mp4").write_bytes(b"2")
    (tmp_path / "other").rename(root / "other")
    eventually(lambda: {"show/s1/e1.mp4", "other/e2.mp4"} <= source.touched)


def test_reading_a_file_causes_no_event(source: Source, root: Path) -> None:
    path = root / "a.mp4"
    path.write_bytes(b"1")
    eventually(lambda: "a.mp4" in source.touched)
    (root / "end.mp4").touch()
    eventually(lambda: "end.mp4" in source.touched)
    source.touched.clear()
    path.read_bytes()
    (root / "later.mp4").touch()
    eventually(lambda: "later.mp4" in source.touched)
    assert "a.mp4" not in source.touched


def test_names_that_are_not_utf_8_are_reported_as_surrogates(source: Source, root: Path) -> None:
    (root / "caf\udce9.mkv").touch()
    eventually(lambda: "caf\udce9.mkv" in source.touched)


def test_a_folder_reached_by_a_link_is_watched(root: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(root)
    source = Source(tmp_path / "alias")
    assert source.open() is None
    (root / "a.mp4").touch()
    eventually(lambda: "a.mp4" in source.touched)
    source.close()


def test_without_recursion_the_self_test_uses_a_plain_file(root: Path) -> None:
    source = Source(root, recursive=False)
    assert source.open() is None
    assert list(root.iterdir()) == []
    source.close()


def test_a_closed_source_reports_nothing_and_can_be_closed_again(source: Source, root: Path) -> None:
    source.close()
    source.close()
    (root / "a.mp4").touch()
    assert source.touched == set()


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, LIMIT_REASON),
        (errno.EMFILE, INSTANCE_REASON),
        (errno.EIO, "events are not available: broken"),
    ],
)
def test_an_exhausted_limit_is_named(root: Path, monkeypatch: pytest.MonkeyPatch, number: int, reason: str) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(number, "broken")

    monkeypatch.setattr(BaseObserver, "start", refuse)
    assert Source(root).open() == reason


def test_a_folder_without_events_is_detected(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a share: the watch is accepted, and then nothing comes."""
    monkeypatch.setattr(fs_events, "PROBE_SECONDS", 0.2)
    monkeypatch.setattr(EventSource, "on_any_event", lambda *_: None)
    assert Source(root).open() == "no events arrive from this folder"
    assert list(root.iterdir()) == []


def test_a_limit_that_is_reached_below_the_root_is_detected(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The root still tells of its entries, but no new folder can be watched."""
    real = EventSource.on_any_event

    def only_the_root(self: EventSource, event: Any) -> None:
        if Path(event.src_path).parent == root:
            real(self, event)

    monkeypatch.setattr(fs_events, "PROBE_SECONDS", 0.2)
    monkeypatch.setattr(EventSource, "on_any_event", only_the_root)
    assert Source(root).open() == LIMIT_REASON


def test_a_folder_that_cannot_be_written_is_polled(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Injected, as a read-only folder does not hold root back."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(fs_events.os, "mkdir", refuse)
    folder = FolderSettings(name="a", input=root)
    mode = choose_mode(folder, Root(folder.input), lambda _: None)
    assert mode.mode == "poll"
    assert mode.source is None
    assert "Read-only file system" in mode.reason


def test_trees_that_grow_faster_than_they_are_watched_do_not_stop_events(source: Source, root: Path) -> None:
    """Made while the watching library still adds its watches, which makes it warn."""
    for number in range(60):
        (root / f"t{number}" / "a" / "b" / "c").mkdir(parents=True)
    (root / "t59" / "a" / "b" / "c" / "film.mp4").touch()
    eventually(lambda: "t59/a/b/c/film.mp4" in source.touched)
    (root / "end.mp4").touch()
    eventually(lambda: "end.mp4" in source.touched)


def test_leftovers_of_a_killed_self_test_are_removed_by_the_next(root: Path) -> None:
    (root / f"{PROBE_PREFIX}1-aa").mkdir()
    (root / f"{PROBE_PREFIX}1-aa" / "file").touch()
    (root / f"{PROBE_PREFIX}2-bb").touch()
    (root / "film.mkv").touch()
    source = Source(root)
    assert source.open() is None
    source.close()
    assert [path.name for path in root.iterdir()] == ["film.mkv"]
