"""Deleting old files from done/ and failed/."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from framewatch.domain import Job
from framewatch.jobs.publishing.retention import delete_old_files
from framewatch.jobs.store.store import Store
from framewatch.library.retention import Limit, MovedFile
from framewatch.storage.folder_places import FolderPlaces
from job_factory import MakeJob

AT_ONCE = {"done": Limit(seconds=0), "failed": Limit(seconds=0)}


class Shelf:
    def __init__(self, home: Path) -> None:
        self.places = FolderPlaces(*(home / name for name in ("in", "out", "done", "failed")), work=home / "work")
        for root in self.places.roots.values():
            root.mkdir()
        self.store = Store.open(home / "jobs.db")

    def put(self, name: str, content: str = "film", *, moved: bool = True, age: float = 60) -> Path:
        """Put a file below done/ or failed/, as `name` says."""
        path = self.places.input.parent / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        if moved:
            found = path.stat()
            self.store.note_moved([MovedFile(path, found.st_size, found.st_mtime_ns, time.time() - age, "id")])
        return path

    def tidy(self, **limits: Limit) -> list[str]:
        """Delete; returns what is left."""
        delete_old_files("films", self.places, limits or AT_ONCE, self.store, lambda: False)
        home = self.places.input.parent
        roots = (home / "done", home / "failed")
        return sorted(str(path.relative_to(home)) for root in roots for path in root.rglob("*"))


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.store.close()


def test_only_what_framewatch_moved_and_nobody_changed_is_deleted(shelf: Shelf, tmp_path: Path) -> None:
    shelf.put("done/s1/film.mkv")
    shelf.put("failed/film.mkv")
    shelf.put("failed/film.mkv.progress.json", '{"schema": "framewatch.progress/1", "job_id": "id"}', moved=False)
    shelf.put("done/s2/theirs.mkv", moved=False)
    shelf.put("done/s2/changed.mkv").write_text("another film")
    outside = tmp_path / "outside.mkv"
    outside.write_text("film")
    linked = shelf.put("done/linked.mkv")
    linked.unlink()
    linked.symlink_to(outside)
    assert shelf.tidy() == ["done/linked.mkv", "done/s2", "done/s2/changed.mkv", "done/s2/theirs.mkv"]
    assert outside.exists()
    assert shelf.store.moved_files(shelf.places.root("done").path) == []


def test_a_file_whose_job_is_tried_again_stays(shelf: Shelf, make_job: MakeJob) -> None:
    path = shelf.put("failed/film.mkv")
    job: Job = make_job(1).evolve(source=path)
    shelf.store.add(job)
    assert shelf.tidy() == ["failed/film.mkv"]
    assert shelf.store.moved_files(path.parent)


def test_the_oldest_go_until_the_rest_fits(shelf: Shelf) -> None:
    for number, name in enumerate(("new", "middle", "old")):
        shelf.put(f"done/{name}.mkv", age=number * 100)
    assert shelf.tidy(done=Limit(size=8)) == ["done/middle.mkv", "done/new.mkv"]


def test_files_of_a_clock_that_was_not_set_are_dated_anew(shelf: Shelf) -> None:
    shelf.put("done/film.mkv", age=time.time() - 5)
    limit = Limit(seconds=3600)
    assert shelf.tidy(done=limit) == ["done/film.mkv"]
    (file,) = shelf.store.moved_files(shelf.places.root("done").path)
    assert abs(file.moved_at - time.time()) < 60


def test_nothing_is_forgotten_while_the_folder_is_away(shelf: Shelf) -> None:
    path = shelf.put("done/film.mkv")
    path.unlink()
    path.parent.rename(path.parent.with_name("away"))
    with pytest.raises(Exception, match="done"):
        shelf.tidy()
    assert shelf.store.moved_files(path.parent)
