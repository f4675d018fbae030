"""Folders, small files and moves on real file systems."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import stat
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exchanger import exchange
from faulty_os import FaultyOs, crossing, failing
from framewatch.errors import CancelledError, Remedy, StorageError
from framewatch.storage import copy as copying
from framewatch.storage import files
from framewatch.storage import move as moving
from framewatch.storage import rename as renaming
from framewatch.storage.move import Move, Moved, move
from framewatch.storage.os_errors import storage_error
from framewatch.storage.root import Root
from job_factory import NAMES, identity_of

PART = ".framewatch-0a.part"
MTIME = 1_600_000_000_123_456_789


@pytest.fixture
def other_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on another file system than tmp_path; where there is none, renames into it say so."""
    shm = Path("/dev/shm")
    if shm.is_dir() and shm.stat().st_dev != tmp_path.stat().st_dev:
        folder = Path(tempfile.mkdtemp(dir=shm))
        yield folder
        shutil.rmtree(folder)
        return
    folder = tmp_path / "other disk"
    folder.mkdir()
    real = renaming.rename_exclusive

    def refused(old_folder: int, old: str, new_folder: int, new: str) -> None:
        if old_folder != new_folder:
            raise crossing()
        real(old_folder, old, new_folder, new)

    monkeypatch.setattr(moving, "rename_exclusive", refused)
    yield folder


def made(path: Path, content: bytes = b"content") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, ns=(MTIME, MTIME))
    return path


def task(source: Path, destination: Path, root: Path, **changes: object) -> Move:
    values: dict[str, object] = {
        "source": source,
        "destination": destination,
        "root": Root(root),
        "part": PART,
        "size": source.stat().st_size if source.exists() else 7,
        "source_root": Root(source.parent),
        "identity": identity_of(source) if source.exists() else None,
    }
    return Move(**(values | changes))  # type: ignore[arg-type]


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def code_of(caught: pytest.ExceptionInfo[StorageError]) -> str:
    assert caught.value.remedy is Remedy.WAIT
    assert caught.value.finding.hint
    return caught.value.finding.code


# --- folders and small files -------------------------------------------------------------------------------


def test_folders_are_created_below_the_root(tmp_path: Path) -> None:
    for name in ("a/b/c/file", "a/b/c/other", "file"):
        Root(tmp_path).write(tmp_path / name, b"x")
    assert (tmp_path / "a/b/c").is_dir()
    assert everything(tmp_path) == {"a/b/c/file": b"x", "a/b/c/other": b"x", "file": b"x"}


def test_a_missing_root_is_a_disk_that_is_not_mounted(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        Root(tmp_path / "gone").write(tmp_path / "gone/a/file", b"x")
    assert code_of(caught) == "storage.unavailable"
    assert not (tmp_path / "gone").exists()


@pytest.mark.parametrize("relative", ["../out", "a/../../out", "/etc"])
def test_nothing_is_created_outside_the_root(tmp_path: Path, relative: str) -> None:
    with pytest.raises(StorageError) as caught:
        Root(tmp_path).write(tmp_path / relative / "file", b"x")
    assert code_of(caught) == "storage.outside"


def test_a_link_in_the_tree_is_not_followed_even_to_a_folder_inside(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "real").mkdir(parents=True)
    outside.mkdir()
    (root / "out").symlink_to(outside)
    (root / "in").symlink_to(root / "real")
    for name in ("out", "in"):
        for act in (
            lambda name=name: Root(root).write(root / name / "deep/file", b"x"),
            lambda name=name: Root(root).write(root / name / "file", b"x"),
            lambda name=name: move(task(made(tmp_path / "s"), root / name / "s", root)),
        ):
            with pytest.raises(StorageError) as caught:
                act()
            assert code_of(caught) == "storage.symlink"
    assert everything(outside) == everything(root / "real") == {}


def test_the_root_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    Root(tmp_path / "link").write(tmp_path / "link/a/file", b"x")
    assert everything(tmp_path / "real") == {"a/file": b"x"}


def test_a_written_file_replaces_the_old_one_and_leaves_no_temporary(tmp_path: Path) -> None:
    path = tmp_path / "sub" / os.fsdecode(b"\xff.json")
    for content in (b"one", b"two"):
        Root(tmp_path).write(path, content)
        assert [entry.name for entry in path.parent.iterdir()] == [path.name]
        assert path.read_bytes() == content


def test_a_link_in_a_files_place_is_replaced_and_its_target_unchanged(tmp_path: Path) -> None:
    target = made(tmp_path / "target", b"precious")
    (tmp_path / "file").symlink_to(target)
    Root(tmp_path).write(tmp_path / "file", b"x")
    assert target.read_bytes() == b"precious"
    assert not (tmp_path / "file").is_symlink()


def test_removing_a_file_that_is_missing_is_no_error(tmp_path: Path) -> None:
    path = made(tmp_path / "a/file")
    for _ in range(2):
        Root(tmp_path).remove(path)
        assert not path.exists()
    Root(tmp_path).remove(tmp_path / "no/such")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "storage.full"),
        (errno.EDQUOT, "storage.full"),
        (errno.EROFS, "storage.read_only"),
        (errno.EACCES, "storage.denied"),
        (errno.EPERM, "storage.denied"),
        (errno.ESTALE, "storage.unavailable"),
        (errno.EIO, "storage.unavailable"),
        (errno.ENOENT, "storage.unavailable"),
        (errno.EFBIG, "storage.too_large"),
        (errno.ENAMETOOLONG, "storage.name_too_long"),
        (errno.ELOOP, "storage.symlink"),
    ],
)
def test_each_disk_error_holds_the_job_with_a_hint(number: int, code: str) -> None:
    error = storage_error(OSError(number, os.strerror(number)), Path("/a/\udcff"))
    assert (error.finding.code, error.remedy) == (code, Remedy.WAIT)
    assert error.finding.hint
    assert error.finding.where.encode() == "/a/\ufffd".encode()


def test_a_full_disk_leaves_no_temporary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "os", failing("write", errno.ENOSPC))
    with pytest.raises(StorageError) as caught:
        Root(tmp_path).write(tmp_path / "file", b"x")
    assert code_of(caught) == "storage.full"
    assert list(tmp_path.iterdir()) == []


# --- moves -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_file_moves_with_its_bytes_and_its_time(tmp_path: Path, name: str) -> None:
    source = made(tmp_path / "in" / name)
    destination = tmp_path / "done/deep" / name
    (tmp_path / "done").mkdir()
    assert move(task(source, destination, tmp_path / "done")) is Moved.DONE
    assert (destination.read_bytes(), destination.stat().st_mtime_ns) == (b"content", MTIME)
    assert not source.exists()


@pytest.mark.parametrize("name", NAMES)
def test_a_file_moves_across_file_systems_with_its_bytes_its_time_and_its_mode(
    tmp_path: Path, other_disk: Path, name: str
) -> None:
    source = made(tmp_path / "in" / name, os.urandom(100_000))
    source.chmod(0o640)
    content = source.read_bytes()
    seen: list[tuple[int, int]] = []
    destination = other_disk / "sub" / name
    wanted = task(source, destination, other_disk)
    assert move(wanted, progress=lambda *at: seen.append(at)) is Moved.DONE
    assert everything(other_disk) == {f"sub/{name}": content}
    assert (destination.stat().st_mtime_ns, stat.S_IMODE(destination.stat().st_mode)) == (MTIME, 0o640)
    assert not source.exists()
    assert seen == [(100_000, 100_000)]


@pytest.fixture(params=["atomic", "link", "look"])
def each_way_to_rename(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rename in each of the ways that a file system may support."""
    if request.param != "atomic":
        monkeypatch.setattr(renaming, "_exclusive_rename", lambda: None)
    if request.param == "look":
        monkeypatch.setattr(renaming, "os", failing("link", errno.EPERM))


@pytest.mark.usefixtures("each_way_to_rename")
def test_what_is_exchanged_for_the_source_at_the_last_moment_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, private = made(tmp_path / "in/a"), made(tmp_path / "private", b"secret!")
    source.with_name("link").symlink_to(private)
    (tmp_path / "done").mkdir()
    real = renaming.rename_exclusive

    def exchanged(*names: Any) -> None:
        monkeypatch.setattr(moving, "rename_exclusive", real)
        exchange(source, source.with_name("link"))
        real(*names)

    monkeypatch.setattr(moving, "rename_exclusive", exchanged)
    assert move(task(source, tmp_path / "done/a", tmp_path / "done")) is Moved.CHANGED
    assert list((tmp_path / "done").iterdir()) == []
    assert source.is_symlink()
    assert source.with_name("link").read_bytes() == b"content"


def test_what_is_exchanged_for_a_copy_at_the_last_moment_does_not_get_its_name(
    tmp_path: Path, other_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, private = made(tmp_path / "in/a"), made(tmp_path / "private", b"secret!")
    (other_disk / "link").symlink_to(private)
    real = renaming.rename_exclusive

    def exchanged(old_folder: int, old: str, *rest: Any) -> None:
        if old == PART:
            monkeypatch.setattr(moving, "rename_exclusive", real)
            exchange(other_disk / PART, other_disk / "link")
        real(old_folder, old, *rest)

    monkeypatch.setattr(moving, "rename_exclusive", exchanged)
    with pytest.raises(StorageError) as caught:
        move(task(source, other_disk / "a", other_disk))
    assert (caught.value.finding.code, caught.value.remedy) == ("storage.exchanged", Remedy.WAIT)
    assert source.read_bytes() == b"content"
    assert not os.path.lexists(other_disk / "a")
    assert move(task(source, other_disk / "a", other_disk)) is Moved.DONE


def test_a_moved_file_runs_as_nobody_and_a_copy_is_no_program_and_not_writable_for_all(
    tmp_path: Path, other_disk: Path
) -> None:
    renamed, copied = made(tmp_path / "in/a"), made(tmp_path / "in/b")
    for source in (renamed, copied):
        source.chmod(0o6777)
    (tmp_path / "done").mkdir()
    assert move(task(renamed, tmp_path / "done/a", tmp_path / "done")) is Moved.DONE
    assert move(task(copied, other_disk / "b", other_disk)) is Moved.DONE
    assert stat.S_IMODE((tmp_path / "done/a").stat().st_mode) == 0o777
    assert stat.S_IMODE((other_disk / "b").stat().st_mode) == 0o664


@pytest.mark.usefixtures("each_way_to_rename")
def test_no_rename_method_overwrites_a_file(tmp_path: Path) -> None:
    source, destination = made(tmp_path / "in/a"), made(tmp_path / "done/a", b"older!!")
    assert move(task(source, destination, tmp_path / "done")) is Moved.TAKEN
    assert (source.read_bytes(), destination.read_bytes()) == (b"content", b"older!!")
    free = destination.with_name("a (2)")
    assert move(task(source, free, tmp_path / "done")) is Moved.DONE
    assert everything(tmp_path) == {"done/a": b"older!!", "done/a (2)": b"content"}


@pytest.mark.usefixtures("each_way_to_rename")
def test_a_name_that_is_taken_at_the_last_moment_is_not_overwritten(tmp_path: Path) -> None:
    made(tmp_path / "old")
    made(tmp_path / "new", b"other")
    folder = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(FileExistsError):
        renaming.rename_exclusive(folder, "old", folder, "new")
    os.close(folder)
    assert everything(tmp_path) == {"old": b"content", "new": b"other"}


def test_a_move_across_file_systems_overwrites_nothing(tmp_path: Path, other_disk: Path) -> None:
    source, destination = made(tmp_path / "in/a"), made(other_disk / "a", b"older!!")
    assert move(task(source, destination, other_disk)) is Moved.TAKEN
    assert everything(other_disk) == {"a": b"older!!"}
    assert source.exists()


def test_an_output_replaces_the_older_one_if_asked_to(tmp_path: Path, other_disk: Path) -> None:
    for root in (tmp_path / "out", other_disk):
        source = made(tmp_path / "work/a")
        made(root / "a", b"older")
        assert move(task(source, root / "a", root, overwrite=True)) is Moved.DONE
        assert everything(root) == {"a": b"content"}
        assert not source.exists()


def test_a_file_that_changed_after_admission_stays(tmp_path: Path, other_disk: Path) -> None:
    source = made(tmp_path / "in/a")
    admitted = identity_of(source)
    source.write_bytes(b"newer and longer")
    for root in (tmp_path / "done", other_disk):
        root.mkdir(exist_ok=True)
        assert move(task(source, root / "a", root, identity=admitted)) is Moved.CHANGED
        assert everything(root) == {}
    assert source.read_bytes() == b"newer and longer"


def test_a_file_that_changes_while_it_is_copied_stays_and_the_copy_is_removed(
    tmp_path: Path, other_disk: Path
) -> None:
    source = made(tmp_path / "in/a")
    grown = task(source, other_disk / "a", other_disk)
    assert move(grown, progress=lambda *_: source.write_bytes(b"changed")) is Moved.CHANGED
    assert everything(other_disk) == {}
    assert source.read_bytes() == b"changed"


def test_a_new_file_that_takes_the_old_name_during_the_copy_is_not_removed(tmp_path: Path, other_disk: Path) -> None:
    source = made(tmp_path / "in/a")

    def replace(*_: int) -> None:
        made(tmp_path / "in/new", b"another").rename(source)

    assert move(task(source, other_disk / "a", other_disk), progress=replace) is Moved.DONE
    assert everything(other_disk) == {"a": b"content"}
    assert source.read_bytes() == b"another"


@pytest.mark.parametrize("kind", ["link", "pipe", "socket", "folder", "nothing"])
def test_only_regular_files_are_moved(tmp_path: Path, kind: str) -> None:
    source = tmp_path / "a"
    with socket.socket(socket.AF_UNIX) as server:
        {
            "link": lambda: source.symlink_to(made(tmp_path / "target")),
            "pipe": lambda: os.mkfifo(source),
            "socket": lambda: server.bind(str(source)),
            "folder": source.mkdir,
            "nothing": lambda: None,
        }[kind]()
    (tmp_path / "done").mkdir()
    wanted = task(source, tmp_path / "done/a", tmp_path / "done", identity=None, size=7)
    assert move(wanted) is (Moved.GONE if kind == "nothing" else Moved.CHANGED)
    assert list((tmp_path / "done").iterdir()) == []


def test_a_copy_can_be_stopped_and_leaves_nothing_behind(tmp_path: Path, other_disk: Path) -> None:
    source = made(tmp_path / "in/a")
    stop = threading.Event()
    with pytest.raises(CancelledError):
        move(task(source, other_disk / "a", other_disk), stop, progress=lambda *_: stop.set())
    assert everything(other_disk) == {}
    assert source.read_bytes() == b"content"


def test_a_copy_that_fills_the_disk_is_removed(
    tmp_path: Path, other_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = made(tmp_path / "in/a")
    monkeypatch.setattr(files, "os", failing("write", errno.ENOSPC))
    with pytest.raises(StorageError) as caught:
        move(task(source, other_disk / "a", other_disk))
    assert code_of(caught) == "storage.full"
    assert everything(other_disk) == {}
    assert source.exists()


def test_a_disk_that_returns_other_bytes_keeps_the_source(
    tmp_path: Path, other_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = made(tmp_path / "in/a")
    lying = FaultyOs()
    monkeypatch.setattr(copying, "os", lying)
    reads: list[int] = []
    real = os.pread

    def pread(descriptor: int, size: int, offset: int) -> bytes:
        reads.append(descriptor)
        block = real(descriptor, size, offset)
        return block if descriptor == reads[0] else block.replace(b"c", b"k")

    lying.pread = pread  # type: ignore[attr-defined]
    with pytest.raises(StorageError) as caught:
        move(task(source, other_disk / "a", other_disk))
    assert code_of(caught) == "storage.bad_copy"
    assert everything(other_disk) == {}
    assert source.read_bytes() == b"content"


def test_a_move_onto_itself_does_nothing_by_any_path(tmp_path: Path) -> None:
    source = made(tmp_path / "failed/a")
    (tmp_path / "link").symlink_to(tmp_path / "failed")
    again = task(source, tmp_path / "link/a", tmp_path / "link")
    assert move(again) is Moved.DONE
    assert source.read_bytes() == b"content"


def test_a_move_interrupted_after_the_link_is_finished(tmp_path: Path) -> None:
    source = made(tmp_path / "in/a")
    (tmp_path / "done").mkdir()
    os.link(source, tmp_path / "done/a")
    assert move(task(source, tmp_path / "done/a", tmp_path / "done")) is Moved.DONE
    assert everything(tmp_path) == {"done/a": b"content"}


def test_a_move_interrupted_after_the_copy_is_finished(tmp_path: Path, other_disk: Path) -> None:
    source = made(tmp_path / "in/a")
    made(other_disk / "a")
    assert move(task(source, other_disk / "a", other_disk)) is Moved.DONE
    assert everything(other_disk) == {"a": b"content"}
    assert not source.exists()


def test_a_finished_move_is_recognised(tmp_path: Path) -> None:
    made(tmp_path / "done/a")
    done = task(tmp_path / "in/a", tmp_path / "done/a", tmp_path / "done", source_root=Root(tmp_path), size=7)
    assert move(done) is Moved.DONE
    other = task(tmp_path / "in/a", tmp_path / "done/a", tmp_path / "done", source_root=Root(tmp_path), size=8)
    assert move(other) is Moved.GONE
