"""Recognising files in an input that are not to be queued."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from framewatch.domain import KnownFile
from framewatch.jobs.known_files import KnownFiles, Seen
from framewatch.jobs.store.store import Store
from framewatch.library.kinds import Kind
from framewatch.storage.files import content_sample, identity_of
from framewatch.storage.root import Root

HOUR = 3600 * 10**9


class Library:
    def __init__(self, home: Path) -> None:
        self.input, self.output = home / "in", home / "out"
        self.input.mkdir()
        self.output.mkdir()
        self.store = Store.open(home / "jobs.db")

    def files(self, *, sources: bool = True) -> KnownFiles:
        return KnownFiles(self.store, "films", Root(self.input), sources=sources)

    def write(self, name: str, content: bytes, mtime: int = 10**18) -> Path:
        path = self.input / name
        path.write_bytes(content)
        os.utime(path, ns=(mtime, mtime))
        return path

    def remember(
        self, name: str, *, made: bool = False, output: Path | None = None, other_than: tuple[str, ...] = ()
    ) -> None:
        path = self.input / name
        with path.open("rb") as file:
            sample = content_sample(file.fileno())
        identity = identity_of(path.stat())
        known = KnownFile(identity=identity, sample=sample, made=made, output=output, other_than=other_than)
        self.store.remember("films", {Path(name): known})

    def seen(self) -> list[Seen]:
        return [(Path(path.name), identity_of(path.stat())) for path in sorted(self.input.iterdir())]

    def known(self, *, sources: bool = True) -> list[str]:
        return sorted(map(str, self.files(sources=sources).recognise(self.seen())[0]))

    def with_output(self) -> list[str]:
        strangers = self.files().recognise(self.seen())[1]
        found = self.files().with_output(strangers, lambda path: self.output / f"{path.stem}.mp4", Root(self.output))
        return sorted(map(str, found))


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    library = Library(tmp_path)
    yield library
    library.store.close()


def test_a_file_is_known_after_a_rename_a_copy_and_a_shift_and_not_after_a_change(library: Library) -> None:
    path = library.write("a.mkv", b"film")
    library.remember("a.mkv")
    path.rename(library.input / "b.mkv")
    library.write("c.mkv", b"film")  # another inode
    library.write("d.mkv", b"film", 10**18 - HOUR)
    library.write("e.mkv", b"fill")
    library.write("f.mkv", b"film", 10**18 + 60 * 10**9)
    assert library.known() == ["b.mkv", "c.mkv", "d.mkv"]
    library.write("b.mkv", b"more film")
    assert library.known() == ["c.mkv", "d.mkv"]


def test_sources_are_known_only_where_they_stay_and_outputs_everywhere(library: Library) -> None:
    library.write("source.mkv", b"film")
    library.write("output.mp4", b"larger")
    library.remember("source.mkv")
    library.remember("output.mp4", made=True)
    assert library.known() == ["output.mp4", "source.mkv"]
    assert library.known(sources=False) == ["output.mp4"]


def test_two_files_that_exchange_their_names_are_still_known(library: Library) -> None:
    for name in ("a.mkv", "b.mkv"):
        library.write(name, name.encode())
        library.remember(name)
    library.write("a.mkv", b"b.mkv")
    library.write("b.mkv", b"a.mkv")
    assert library.known() == ["a.mkv", "b.mkv"]


def test_an_output_that_is_there_speaks_for_one_source_that_is_not_newer(library: Library) -> None:
    for name in ("a.avi", "a.mkv", "a.mov", "late.mkv", "new.mkv"):
        library.write(name, name.encode(), 10**18)
    for name in ("a.mp4", "a (2).mp4", "late.mp4"):
        (library.output / name).write_bytes(b"output")
    os.utime(library.output / "late.mp4", ns=(0, 10**18 - HOUR))
    assert library.with_output() == ["a.avi", "a.mkv"]
    assert library.known() == ["a.avi", "a.mkv"]
    assert library.with_output() == []


def test_an_output_of_another_source_says_nothing(library: Library) -> None:
    library.write("a.avi", b"one")
    library.remember("a.avi", output=library.output / "a.mp4")
    (library.output / "a.mp4").write_bytes(b"output")
    library.write("a.mkv", b"other")
    assert library.with_output() == []


def test_a_changed_file_is_not_known_by_its_old_output(library: Library) -> None:
    library.write("a.avi", b"one", 1)
    library.remember("a.avi")
    (library.output / "a.mp4").write_bytes(b"output")
    library.write("a.avi", b"two", 10**18)
    assert library.known() == library.with_output() == []


def test_memory_is_bounded_and_what_was_not_seen_for_long_is_forgotten_first(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("framewatch.jobs.store.store.KEEP_KNOWN_FILES", 2)
    now = [0.0]
    monkeypatch.setattr(library.store, "_clock", lambda: now[0])
    for name in ("a", "b", "c"):
        now[0] += 1
        library.write(name, name.encode())
        library.remember(name)
    (library.input / "b").rename(library.input / "z")
    now[0] += 1
    library.known()
    library.store.prune()
    assert library.known() == ["a", "c", "z"][:2] or library.known() == ["c", "z"]


def test_a_file_of_another_kind_is_left_alone_until_it_changes_or_the_preset_does(library: Library) -> None:
    video, picture = frozenset({Kind.VIDEO}), frozenset({Kind.PICTURE})
    library.write("notes", b"text")
    library.remember("notes", other_than=("video",))
    assert library.files().left_alone(library.seen(), video) == {Path("notes")}
    assert library.files().left_alone(library.seen(), picture) == set()
    assert library.known() == []
    library.write("notes", b"film")
    os.utime(library.input / "notes", ns=(1, 2 * 10**18))
    assert library.files().left_alone(library.seen(), video) == set()
