"""Opening below a folder: by openat2, and by the walk where there is no openat2."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from framewatch.storage import beneath

READ = os.O_RDONLY


@pytest.fixture(params=["openat2", "walk"])
def folder(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    if request.param == "walk":
        monkeypatch.setattr(beneath, "_openat2", lambda: None)
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "film").write_bytes(b"film")
    (tmp_path / "private").write_bytes(b"secret")
    opened = os.open(tmp_path / "in", beneath.PASSED)
    yield opened
    os.close(opened)


def failure(folder: int, *parts: str, flags: int = READ) -> int | None:
    with pytest.raises(OSError, match=r".") as caught:
        os.close(beneath.open_beneath(folder, parts, flags))
    return caught.value.errno


def test_a_file_in_a_subfolder_is_opened(folder: int) -> None:
    file = beneath.open_beneath(folder, ("deep", "film"), READ)
    assert os.read(file, 10) == b"film"
    assert not os.get_inheritable(file)
    os.close(file)


def test_no_parts_open_the_folder_itself(folder: int) -> None:
    opened = beneath.open_beneath(folder, (), beneath.FOLDER)
    with os.scandir(opened) as entries:
        assert [entry.name for entry in entries] == ["deep"]
    os.close(opened)


@pytest.mark.parametrize("target", ["../private", "deep", "deep/film", "missing", "/etc/passwd", "/proc/self/fd/0"])
def test_a_link_is_refused_wherever_it_leads(folder: int, tmp_path: Path, target: str) -> None:
    (tmp_path / "in" / "link").symlink_to(target)
    assert failure(folder, "link") == errno.ELOOP
    assert failure(folder, "link", flags=beneath.FOLDER) == errno.ELOOP
    assert failure(folder, "link", "film") == errno.ELOOP
    assert failure(folder, "link", flags=os.O_WRONLY | os.O_CREAT) == errno.ELOOP


@pytest.mark.parametrize("part", ["..", ".", "", "deep/film", "a\0b"])
def test_what_is_no_name_is_refused(folder: int, part: str) -> None:
    assert failure(folder, part) == errno.EXDEV
    assert failure(folder, "deep", part) == errno.EXDEV


def test_errors_are_those_of_open(folder: int) -> None:
    assert failure(folder, "missing") == errno.ENOENT
    assert failure(folder, "missing", "film") == errno.ENOENT
    assert failure(folder, "deep", "film", flags=beneath.FOLDER) == errno.ENOTDIR
    assert failure(folder, "deep", "film", "x") == errno.ENOTDIR


def test_a_created_file_gets_its_mode(folder: int, tmp_path: Path) -> None:
    os.close(beneath.open_beneath(folder, ("deep", "new"), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    assert (tmp_path / "in" / "deep" / "new").stat().st_mode & 0o777 == 0o600


def test_a_name_may_be_any_bytes(folder: int, tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff\xfe name\n")
    (tmp_path / "in" / name).write_bytes(b"x")
    os.close(beneath.open_beneath(folder, (name,), READ))


def test_an_absolute_path_is_opened_from_the_top(folder: int, tmp_path: Path) -> None:
    os.close(beneath.open_path(tmp_path.resolve() / "in" / "deep" / "film", READ))
    (tmp_path / "way").symlink_to("in")
    with pytest.raises(OSError, match=r".") as caught:
        beneath.open_path(tmp_path.resolve() / "way" / "deep" / "film", READ)
    assert caught.value.errno == errno.ELOOP


def test_what_is_found_is_there_without_a_link_on_the_way(folder: int, tmp_path: Path) -> None:
    (tmp_path / "in" / "link").symlink_to(tmp_path)
    film = beneath.find(folder, ("deep", "film"))
    assert film is not None
    assert film.st_size == 4
    link = beneath.find(folder, ("link",))
    assert link is not None
    assert stat.S_ISLNK(link.st_mode)
    for parts in (("missing",), ("missing", "film"), ("deep", "film", "x"), ("link", "private")):
        assert beneath.find(folder, parts) is None
    with pytest.raises(OSError, match="not the name"):
        beneath.find(folder, ("deep", ".."))


def test_a_tree_is_listed_without_following_links(tmp_path: Path) -> None:
    (tmp_path / "in/deep").mkdir(parents=True)
    (tmp_path / "private").mkdir()
    (tmp_path / "private/secret").touch()
    (tmp_path / "in/deep/film").touch()
    (tmp_path / "in/link").symlink_to(tmp_path / "private")
    (tmp_path / "way").symlink_to(tmp_path)
    top = tmp_path.resolve() / "in"
    assert list(beneath.walk(str(top))) == [(str(top), ["deep"], ["link"]), (str(top / "deep"), [], ["film"])]
    assert list(beneath.walk(os.fsencode(top / "deep"))) == [(os.fsencode(top / "deep"), [], [b"film"])]
    assert list(beneath.walk(str(top / "link"))) == []
    assert list(beneath.walk(str(tmp_path.resolve() / "way/in"))) == []
