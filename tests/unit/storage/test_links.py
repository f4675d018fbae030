"""Which links on the way to a root are followed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from framewatch.errors import StorageError
from framewatch.storage import links
from framewatch.storage.links import resolve

STRANGER = 4711


@pytest.fixture
def base(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "base"
    (folder / "real" / "in").mkdir(parents=True)
    folder.chmod(0o755)
    return folder


def refused(path: Path) -> str:
    with pytest.raises(StorageError) as caught:
        resolve(path)
    assert caught.value.finding.code == "storage.symlink"
    assert caught.value.finding.hint
    return caught.value.finding.message


def test_own_links_are_followed(base: Path) -> None:
    (base / "way").symlink_to("real")
    (base / "long").symlink_to(base / "way")
    (base / "up").symlink_to("real/../way")
    for name in ("real", "way", "long", "up"):
        assert resolve(base / name / "in") == base / "real" / "in"


def test_what_is_missing_stays_as_it_is_written(base: Path) -> None:
    (base / "mount").symlink_to("disk")
    assert resolve(base / "mount" / "in" / "x") == base / "disk" / "in" / "x"


def test_the_link_of_another_user_is_refused(base: Path) -> None:
    (base / "way").symlink_to("real")
    os.lchown(base / "way", STRANGER, STRANGER)
    assert "another user" in refused(base / "way" / "in")


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o777])
def test_a_link_where_others_may_write_is_refused(base: Path, mode: int) -> None:
    (base / "way").symlink_to("real")
    base.chmod(mode)
    assert "others can write" in refused(base / "way")


def test_a_link_in_a_folder_of_another_user_is_refused(base: Path) -> None:
    (base / "way").symlink_to("real")
    os.chown(base, STRANGER, STRANGER)
    assert "others can write" in refused(base / "way")


def test_own_links_in_a_sticky_folder_are_followed(base: Path) -> None:
    (base / "way").symlink_to("real")
    base.chmod(0o1777)
    assert resolve(base / "way") == base / "real"


@pytest.mark.parametrize("kind", ["cifs", "fuse.sshfs", "9p"])
def test_a_link_is_refused_where_owners_are_made_up(base: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (base / "way").symlink_to("real")
    monkeypatch.setattr(links, "filesystem_type", lambda path: kind)
    assert "does not tell" in refused(base / "way")


def test_links_in_a_circle_are_refused(base: Path) -> None:
    (base / "one").symlink_to("two")
    (base / "two").symlink_to("one")
    refused(base / "one")
