"""What is left of a folder moves when its last video is done, and not before."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from framewatch.errors import StorageError
from framewatch.jobs.publishing.remains import Remains
from framewatch.storage.folder_places import FolderPlaces
from waiting import eventually

SETTLE = 0.05


class Tree:
    """The folders of a watch folder with a season of which one episode was processed."""

    def __init__(self, home: Path) -> None:
        self.places = FolderPlaces(home / "in", home / "out", home / "in/done", home / "in/failed", home / "work")
        for place in ("in/Show/S1", "out/Show/S1", "in/done/Show/S1", "in/failed", "work"):
            (home / place).mkdir(parents=True)
        self.home = home
        self.open: set[str] = set()
        self.remains = self.make()

    def make(self) -> Remains:
        return Remains("anime", self.places, SETTLE)

    def put(self, *names: str) -> None:
        for name in names:
            path = self.home / "in" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)

    def clear(self) -> None:
        """Look as often as a watch does, until nothing is expected to happen."""
        self.remains.expect(Path("Show/S1/e01.mkv"))
        self.look()

    def look(self) -> None:
        def looked() -> bool:
            self.remains.clear(lambda relative: relative in self.open, lambda: False)
            return not self.remains.changing

        eventually(looked, timeout=5, what="quiet folders")

    def files(self, folder: str) -> set[str]:
        top = self.home / folder
        return {
            path.relative_to(top).as_posix()
            for path in top.rglob("*")
            if path.is_file() and (folder != "in" or path.relative_to(top).parts[0] not in ("done", "failed"))
        }


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_everything_moves_after_the_videos_and_empty_folders_go(tree: Tree) -> None:
    tree.put("Show/tvshow.nfo", "Show/S1/readme.txt", "Show/S1/Sample/a.txt", "Show/S1/.DS_Store", "holiday.jpg")
    (tree.home / "in/Show/S2").mkdir()
    tree.clear()
    assert tree.files("in") == {"holiday.jpg"}
    assert not (tree.home / "in/Show").exists()
    expected = {"Show/tvshow.nfo", "Show/S1/readme.txt", "Show/S1/Sample/a.txt", "Show/S1/.DS_Store"}
    assert tree.files("in/done") == expected
    assert tree.files("out") == {"Show/tvshow.nfo"}


def test_a_folder_with_an_unfinished_video_waits_and_the_finished_one_in_it_does_not(tree: Tree) -> None:
    tree.put("Show/tvshow.nfo", "Show/S1/readme.txt", "Show/S2/e01.mkv", "Show/S2/e01.srt")
    tree.open = {"Show/S2/e01.mkv"}
    tree.clear()
    assert tree.files("in") == {"Show/tvshow.nfo", "Show/S2/e01.mkv", "Show/S2/e01.srt"}
    assert tree.files("in/done") == {"Show/S1/readme.txt"}


@pytest.mark.parametrize("name", [".e02.mkv.Xy12Za", ".stfolder/x", ".nfs000001", "framewatch-preset.yaml"])
def test_a_folder_in_which_another_program_may_be_at_work_is_left_alone(tree: Tree, name: str) -> None:
    tree.put("Show/S1/readme.txt", f"Show/S1/{name}")
    tree.clear()
    assert tree.files("in") == {"Show/S1/readme.txt", f"Show/S1/{name}"}


def test_a_folder_that_still_changes_is_not_torn_apart(tree: Tree) -> None:
    tree.put("Show/S1/e02.srt")
    tree.remains.expect(Path("Show/S1/e01.mkv"))
    for number in range(3):
        tree.put(f"Show/S1/{number}.txt")
        tree.remains.clear(lambda _: False, lambda: False)
        assert "Show/S1/e02.srt" in tree.files("in")
    assert tree.remains.changing
    tree.look()
    assert tree.files("in") == set()


def test_a_name_that_is_taken_in_done_gets_a_number(tree: Tree) -> None:
    (tree.home / "in/done/Show/S1/readme.txt").write_text("older")
    tree.put("Show/S1/readme.txt")
    tree.clear()
    assert tree.files("in/done") == {"Show/S1/readme.txt", "Show/S1/readme (2).txt"}
    assert (tree.home / "in/done/Show/S1/readme.txt").read_text() == "older"


def test_after_a_restart_the_folders_of_earlier_jobs_are_cleared_and_no_others(tree: Tree) -> None:
    tree.put("Show/S1/readme.txt", "Photos/a.jpg")
    tree.remains = tree.make()
    tree.remains.expect_all()
    tree.look()
    assert tree.files("in") == {"Photos/a.jpg"}


def test_links_are_neither_followed_nor_moved(tree: Tree, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "a.txt").write_text("secret")
    tree.put("Show/S1/readme.txt")
    (tree.home / "in/Show/S1/link").symlink_to(secret)
    tree.clear()
    assert (secret / "a.txt").exists()
    assert tree.files("in/done") == {"Show/S1/readme.txt"}
    assert (tree.home / "in/Show/S1/link").is_symlink()


def _left(places: FolderPlaces) -> FolderPlaces:
    return replace(places, companions="leave")


def _kept(places: FolderPlaces) -> FolderPlaces:
    return replace(places, done=None, failed=None)


@pytest.mark.parametrize("change", [_left, _kept])
def test_nothing_moves_where_sources_or_companions_stay(
    tree: Tree, change: Callable[[FolderPlaces], FolderPlaces]
) -> None:
    tree.places = change(tree.places)
    tree.remains = tree.make()
    tree.put("Show/S1/readme.txt")
    tree.remains.expect_all()
    tree.clear()
    assert tree.files("in") == {"Show/S1/readme.txt"}


def test_pictures_of_the_input_itself_move_with_its_last_video_and_nothing_else_does(tree: Tree) -> None:
    tree.put("poster.jpg", "tvshow.nfo", "holiday.jpg", "readme.txt", ".nomedia", "e02.mkv", "Subs/x.srt")
    (tree.home / "in/done/e01.mkv").write_text("done")
    tree.open = {"e02.mkv"}
    tree.remains.expect(Path("e01.mkv"))
    tree.look()
    assert "poster.jpg" in tree.files("in")
    tree.open = set()
    (tree.home / "in/e02.mkv").unlink()
    tree.look()
    assert tree.files("in") == {"holiday.jpg", "readme.txt", ".nomedia", "Subs/x.srt"}
    assert tree.files("in/done") == {"e01.mkv", "poster.jpg", "tvshow.nfo"}
    assert tree.files("out") == {"poster.jpg", "tvshow.nfo"}


def test_move_brings_pictures_of_the_folder_to_the_output(tree: Tree) -> None:
    tree.places = replace(tree.places, companions="move")
    tree.remains = tree.make()
    tree.put("Show/S1/poster.jpg", "Show/S1/readme.txt")
    tree.clear()
    assert tree.files("out") == {"Show/S1/poster.jpg"}
    assert tree.files("in/done") == {"Show/S1/readme.txt"}


@pytest.mark.parametrize("companions", ["copy", "leave"])
@pytest.mark.parametrize("remove", [True, False])
def test_folders_that_are_empty_are_removed_if_that_is_wanted(tree: Tree, companions: str, remove: bool) -> None:
    tree.places = replace(tree.places, companions=companions, remove_empty_dirs=remove)
    tree.remains = tree.make()
    (tree.home / "in/Other/empty").mkdir(parents=True)
    tree.clear()
    assert (tree.home / "in/Show").exists() is not remove
    assert (tree.home / "in/Other/empty").exists(), "no video came from there"


def test_companions_that_are_left_keep_their_folder(tree: Tree) -> None:
    tree.places = replace(tree.places, companions="leave")
    tree.remains = tree.make()
    tree.put("Show/S1/e01.srt")
    tree.clear()
    assert tree.files("in") == {"Show/S1/e01.srt"}


def test_a_video_that_comes_while_its_folder_is_moved_stays_and_gets_its_job(tree: Tree) -> None:
    tree.put("Show/S1/a.txt", "Show/S1/b/x.txt")
    came: list[str] = []

    def put_more(*_: object) -> None:
        if came:
            return
        came.append("e02")
        tree.put("Show/S1/b/e02.mkv", "Show/S1/b/x.txt")
        tree.open = {"Show/S1/b/e02.mkv"}

    tree.places = replace(tree.places, on_moved=put_more)
    tree.remains = tree.make()
    tree.clear()
    assert "Show/S1/b/e02.mkv" in tree.files("in")
    assert tree.files("in/done") == {"Show/S1/a.txt"}
    tree.open = set()
    (tree.home / "in/Show/S1/b/e02.mkv").unlink()
    tree.look()
    assert tree.files("in") == set()


def test_a_file_that_is_too_large_for_the_disk_stays_and_the_disk_is_not_filled(tree: Tree) -> None:
    tree.put("Show/poster.jpg", "Show/S1/a.txt")
    os.truncate(tree.home / "in/Show/poster.jpg", 1 << 43)  # 8 TiB of which nothing is written
    with pytest.raises(StorageError) as caught:
        tree.clear()
    assert caught.value.finding.code == "storage.will_not_fit"
    assert "Show/poster.jpg" in tree.files("in")
    assert [path.name for path in (tree.home / "out/Show").iterdir()] == ["S1"]
