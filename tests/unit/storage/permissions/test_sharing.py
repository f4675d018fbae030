"""Group and mode of what framewatch makes in users' folders."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from faulty_os import FaultyOs
from framewatch.domain import FileIdentity
from framewatch.storage import copy
from framewatch.storage import move as moving
from framewatch.storage.move import Move, Moved, move
from framewatch.storage.permissions import sharing
from framewatch.storage.root import Root

GROUP = 4242 if os.geteuid() == 0 else os.getegid()


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    before = os.umask(0o027)
    yield
    os.umask(before)


def share(folder: Path, mode: int | None = None) -> Root:
    """Make a folder that hands down its group."""
    folder.mkdir()
    os.chown(folder, -1, GROUP)
    folder.chmod(0o2775)
    return Root(folder, mode=mode)


def result(folder: Path, mode: int = 0o640) -> Path:
    folder.mkdir(mode=0o700)
    path = folder / "result.mp4"
    path.write_bytes(b"film")
    path.chmod(mode)
    return path


def task(source: Path, root: Root, *, shared: bool = True) -> Move:
    destination = root.path / "season" / source.name
    return Move(source, Root(source.parent), destination, root, ".part", size=4, shared=shared)


def facts(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_gid, stat.S_IMODE(found.st_mode)


@pytest.mark.parametrize("other_disk", [False, True])
@pytest.mark.parametrize(("mode", "file_mode", "folder_mode"), [(None, 0o640, 0o2750), (0o664, 0o664, 0o2775)])
def test_an_output_gets_the_group_of_its_folder_and_the_mode(
    other_disk: bool,
    mode: int | None,
    file_mode: int,
    folder_mode: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root, source = share(tmp_path / "out", mode), result(tmp_path / "work")
    wanted = task(source, root)
    if other_disk:
        real = moving.rename_exclusive

        def rename(folder: int, name: str, target: int, new: str) -> None:
            if name == source.name:
                raise OSError(errno.EXDEV, "another disk")
            real(folder, name, target, new)

        monkeypatch.setattr(moving, "rename_exclusive", rename)
    assert move(wanted) is Moved.DONE
    assert facts(wanted.destination) == (GROUP, file_mode)
    assert facts(wanted.destination.parent) == (GROUP, folder_mode)
    root.write(root.path / "new" / "a.progress.json", b"{}")
    assert facts(root.path / "new" / "a.progress.json") == (GROUP, file_mode)


def test_a_source_keeps_its_group_and_mode(tmp_path: Path) -> None:
    root, source = share(tmp_path / "done", 0o664), result(tmp_path / "in", 0o600)
    wanted = task(source, root, shared=False)
    assert move(wanted) is Moved.DONE
    assert facts(wanted.destination) == (os.getegid(), 0o600)


def test_a_file_system_that_refuses_modes_and_owners_leaves_nothing_at_0600(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_number: int, _name: str) -> None:
        raise OSError(errno.EPERM, "refused")

    refusing = FaultyOs(refuse, watched=("fchmod", "fchown", "chmod"))
    root, source = share(tmp_path / "out", 0o664), result(tmp_path / "work")
    for module in (copy, sharing):
        monkeypatch.setattr(module, "os", refusing)
    identity = source.stat()
    kept = Move(
        source, Root(source.parent), root.path / "b.mp4", root, ".part", size=4, keep=True, shared=True,
        identity=FileIdentity(device=0, inode=0, size=4, mtime_ns=identity.st_mtime_ns),
    )  # fmt: skip
    assert move(kept) is Moved.DONE
    assert facts(kept.destination) == (GROUP, 0o640)
    assert move(task(source, root)) is Moved.DONE
    assert refusing.calls
