"""What is checked before the work: whether the source can go, and the output can come."""

from __future__ import annotations

import errno
import os
import struct
from pathlib import Path
from typing import Any

import pytest

from faulty_os import FaultyOs
from framewatch.errors import FramewatchError
from framewatch.storage.permissions import checks
from framewatch.storage.permissions.checks import require_fillable, require_possible_name, require_removable
from framewatch.storage.root import Root


def film(folder: Path) -> Path:
    folder.mkdir(parents=True)
    path = folder / "a.mkv"
    path.write_bytes(b"film")
    return path


def code_of(error: pytest.ExceptionInfo[FramewatchError]) -> tuple[str, str]:
    return error.value.finding.code, error.value.finding.where


def refusing_access(place: Path) -> FaultyOs:
    """An `os` that says that one folder cannot be written to, which it never says of what root asks for."""
    answering = FaultyOs(watched=())

    def access(_path: str, _mode: int, *, dir_fd: int, **_: Any) -> bool:
        return not os.path.samestat(os.fstat(dir_fd), place.stat())

    answering.access = access  # type: ignore[attr-defined]
    return answering


def test_a_source_in_a_folder_that_cannot_be_written_to_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = film(tmp_path / "in" / "season")
    root = Root(tmp_path / "in")
    require_removable(root, path)
    monkeypatch.setattr(checks, "os", refusing_access(path.parent))
    with pytest.raises(FramewatchError) as caught:
        require_removable(root, path)
    assert code_of(caught) == ("storage.cannot_move", str(path.parent))


def test_the_owner_counts_in_a_sticky_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = film(tmp_path / "in")
    path.parent.chmod(0o1777)
    require_removable(Root(tmp_path / "in"), path)
    monkeypatch.setattr(checks.os, "geteuid", lambda: os.getuid() + 12345)
    with pytest.raises(FramewatchError) as caught:
        require_removable(Root(tmp_path / "in"), path)
    assert code_of(caught) == ("storage.cannot_move", str(path))
    assert "sticky" in caught.value.finding.message


def test_an_immutable_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = film(tmp_path / "in")
    monkeypatch.setattr(checks.sys, "platform", "linux")
    monkeypatch.setattr(checks.fcntl, "ioctl", lambda *_: struct.pack("I", 0x10) + bytes(4))
    with pytest.raises(FramewatchError) as caught:
        require_removable(Root(tmp_path / "in"), path)
    assert code_of(caught) == ("storage.cannot_move", str(path))


def test_the_nearest_folder_that_exists_has_to_be_writable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "done" / "show").mkdir(parents=True)
    root = Root(tmp_path / "done")
    require_fillable(root, tmp_path / "done" / "show" / "s1")
    monkeypatch.setattr(checks, "os", refusing_access(tmp_path / "done" / "show"))
    require_fillable(root, tmp_path / "done" / "film")
    with pytest.raises(FramewatchError) as caught:
        require_fillable(root, tmp_path / "done" / "show" / "s1")
    assert code_of(caught) == ("storage.cannot_fill", str(tmp_path / "done" / "show"))


@pytest.mark.parametrize("code", [errno.EINVAL, errno.EILSEQ, errno.ENAMETOOLONG])
def test_a_name_that_the_file_system_refuses_is_told_apart(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, path = Root(tmp_path), tmp_path / "season" / "What? no.mp4"
    tried: list[str] = []

    class Picky(FaultyOs):
        def open(self, name: str, *args: Any, **options: Any) -> int:
            tried.append(name)
            if "?" in name:
                raise OSError(code, os.strerror(code))
            return os.open(name, *args, **options)

    monkeypatch.setattr(checks, "os", Picky(watched=()))
    with pytest.raises(FramewatchError) as caught:
        require_possible_name(root, path, "id0001")
    assert code_of(caught) == ("output.bad_name", str(path))
    require_possible_name(root, path.with_name("Why not.mp4"), "id0001")
    assert all(name.startswith(".framewatch-") for name in tried)
    assert list((tmp_path / "season").iterdir()) == []


def test_a_name_is_tried_at_its_full_length(tmp_path: Path) -> None:
    long = "é" * 125 + ".mp4"
    assert len(os.fsencode(checks._like(long, "id0001"))) == len(os.fsencode(long))
    require_possible_name(Root(tmp_path), tmp_path / long, "id0001")
