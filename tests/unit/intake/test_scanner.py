"""What a scan finds, and what it never touches: a real tree with links, FIFOs, sockets and unusual names."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from framewatch.errors import StorageError
from framewatch.intake.ignore.rules import IgnoreRules
from framewatch.intake.scanner import MAX_DEPTH, Scanner, ScanReport
from framewatch.intake.settle_tracker import Snapshot
from framewatch.storage import beneath
from framewatch.storage.root import Root, Unguarded


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "in"
    root.mkdir()
    return root


def put(path: Path, data: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def scan(root: Path, *, recursive: bool = True, excluded: tuple[Path, ...] = ()) -> tuple[set[str], ScanReport]:
    report = ScanReport()
    scanner = Scanner(Root(root), recursive=recursive, rules=IgnoreRules(), excluded=excluded)
    return {found.relative for found in scanner.walk(report)}, report


def look(scanner: Scanner, relative: str) -> Snapshot | os.stat_result | None:
    with scanner.opened() as top:
        return scanner.look(top, relative)


def test_regular_files_are_found_with_the_identity_of_their_version(root: Path) -> None:
    path = put(root / "a.mp4", b"12345")
    (found,) = Scanner(Root(root), recursive=True, rules=IgnoreRules()).walk(ScanReport())
    status = path.stat()
    assert found == ("a.mp4", Snapshot(status.st_dev, status.st_ino, 5, status.st_mtime_ns))


def test_subfolders_are_scanned_only_when_recursive(root: Path) -> None:
    put(root / "a.mp4")
    put(root / "show/s1/e1.mp4")
    assert scan(root)[0] == {"a.mp4", "show/s1/e1.mp4"}
    assert scan(root, recursive=False)[0] == {"a.mp4"}


def test_subfolders_and_presets_that_have_no_effect_are_reported(root: Path) -> None:
    for name in ("show/a.mp4", ".hidden/a.mp4", "done/a.mp4", "framewatch-preset.yaml", "show/Framewatch-Preset.yml"):
        put(root / name)
    _, report = scan(root, excluded=(root / "done",))
    assert (report.not_read, report.presets) == (set(), {"show/Framewatch-Preset.yml"})
    _, report = scan(root, recursive=False, excluded=(root / "done",))
    assert (report.not_read, report.presets) == ({"show"}, set())


@pytest.mark.parametrize(
    "name",
    [
        b"caf\xe9.mkv",
        "🎬 film.mkv".encode(),
        b"n" * 246 + b".mkv",
        b"new\nline.mkv",
        b"-i.mkv",
        b"%d.mkv",
        b"\x01.mkv",
    ],
)
def test_any_name_that_a_file_system_allows_is_found(root: Path, name: bytes) -> None:
    (root / os.fsdecode(name)).touch()
    found, _ = scan(root)
    assert [os.fsencode(path) for path in found] == [name]
    scanner = Scanner(Root(root), recursive=True, rules=IgnoreRules())
    assert isinstance(look(scanner, os.fsdecode(name)), Snapshot)


def test_links_fifos_and_sockets_are_reported_and_not_followed(root: Path, tmp_path: Path) -> None:
    secret = put(tmp_path / "secret/film.mp4")
    (root / "link.mp4").symlink_to(secret)
    (root / "linked").symlink_to(secret.parent)
    (root / "dangling.mp4").symlink_to(root / "none")
    os.mkfifo(root / "pipe.mp4")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(root / "socket.mp4"))
        found, report = scan(root)
    assert found == set()
    assert report.unsupported == {
        "link.mp4": "a symbolic link",
        "linked": "a symbolic link",
        "dangling.mp4": "a symbolic link",
        "pipe.mp4": "a FIFO",
        "socket.mp4": "a socket",
    }
    scanner = Scanner(Root(root), recursive=True, rules=IgnoreRules())
    assert look(scanner, "linked/film.mp4") is None
    assert not isinstance(look(scanner, "link.mp4"), Snapshot)


def test_the_root_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    put(root / "a.mp4")
    (tmp_path / "alias").symlink_to(root)
    assert scan(tmp_path / "alias", excluded=(root / "done",))[0] == {"a.mp4"}


def test_excluded_folders_are_skipped_by_name_and_by_inode(root: Path, tmp_path: Path) -> None:
    put(root / "done/a.mp4")
    put(root / "old/b.mp4")
    put(root / "done2/c.mp4")
    put(root / "sub/done/d.mp4")
    (tmp_path / "alias").symlink_to(root / "old")
    found, _ = scan(root, excluded=(root / "done", root / "failed", tmp_path / "alias"))
    assert found == {"done2/c.mp4", "sub/done/d.mp4"}
    scanner = Scanner(Root(root), recursive=True, rules=IgnoreRules(), excluded=(root / "done", tmp_path / "alias"))
    assert not scanner.covers("done/new/x.mp4")
    assert not scanner.covers("old/x.mp4")
    assert scanner.covers("done2/x.mp4")


def test_ignored_names_are_counted_and_their_trees_skipped(root: Path) -> None:
    put(root / ".hidden/a.mp4")
    put(root / "@eaDir/a.mp4")
    put(root / "a.mp4.part")
    found, report = scan(root)
    assert (found, report.ignored) == (set(), 3)


def test_a_tree_that_is_too_deep_is_reported_and_the_rest_is_scanned(root: Path) -> None:
    edge = "/".join(["d"] * MAX_DEPTH)
    put(root / edge / "last.mp4")
    put(root / edge / "d" / "beyond.mp4")
    put(root / "near.mp4")
    found, report = scan(root)
    assert found == {f"{edge}/last.mp4", "near.mp4"}
    assert report.unsupported == {f"{edge}/d": "a folder nested too deeply"}
    scanner = Scanner(Root(root), recursive=True, rules=IgnoreRules())
    assert scanner.covers(f"{edge}/last.mp4")
    assert not scanner.covers(f"{edge}/d/beyond.mp4")


def test_one_unreadable_folder_does_not_stop_the_rest(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Injected, as permissions do not hold root back."""
    put(root / "dark/a.mp4")
    put(root / "light/b.mp4")
    real = beneath.open_beneath

    def refuse(folder: int, parts: Sequence[str], *rest: int) -> int:
        if parts and parts[-1] == "dark":
            raise PermissionError(13, "Permission denied")
        return real(folder, parts, *rest)

    monkeypatch.setattr(beneath, "open_beneath", refuse)
    found, report = scan(root)
    assert found == {"light/b.mp4"}
    assert report.unreadable == {"dark": "Permission denied"}
    assert report.may_have_missed("dark/a.mp4")
    assert not report.may_have_missed("darker/a.mp4")


def test_a_root_that_is_gone_is_reported(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        scan(tmp_path / "none")
    assert caught.value.finding.code == "storage.unavailable"


def test_a_folder_replaced_by_a_link_during_the_scan_is_not_followed(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parent of the folder that comes next is swapped, so that O_NOFOLLOW alone would not notice."""
    put(root / "show/s1/e1.mp4")
    put(tmp_path / "secret/s1/film.mp4")
    real = beneath.open_beneath

    def swap(folder: int, parts: Sequence[str], *rest: int) -> int:
        if parts and parts[-1] == "s1" and not (root / "show").is_symlink():
            (root / "show").rename(tmp_path / "moved")
            (root / "show").symlink_to(tmp_path / "secret")
        return real(folder, parts, *rest)

    monkeypatch.setattr(beneath, "open_beneath", swap)
    found, report = scan(root)
    assert found == set()
    assert report.unreadable == {"show/s1": os.strerror(errno.ELOOP)}


def test_no_file_is_opened_by_a_scan(root: Path) -> None:
    """Opening a FIFO would block, and opening files would wake sleeping disks and change access times."""
    put(root / "a.mp4")
    before = (root / "a.mp4").stat()
    os.utime(root / "a.mp4", ns=(1, before.st_mtime_ns))
    scan(root)
    assert (root / "a.mp4").stat().st_atime_ns == 1


def test_stat_distinguishes_files_folders_and_missing_paths(root: Path) -> None:
    put(root / "sub/a.mp4")
    scanner = Scanner(Root(root), recursive=True, rules=IgnoreRules())
    folder = look(scanner, "sub")
    assert isinstance(folder, os.stat_result)
    assert stat.S_ISDIR(folder.st_mode)
    assert isinstance(look(scanner, "sub/a.mp4"), Snapshot)
    assert look(scanner, "sub/none.mp4") is None
    assert look(scanner, "sub/a.mp4/below") is None


class Guard(Unguarded):
    """Knows one root by its device and inode, and another by its marker."""

    def __init__(self, seen: Path, marked: Path) -> None:
        status = seen.stat()
        self.known = {(status.st_dev, status.st_ino): seen}
        self.other = marked

    def seen(self) -> Mapping[tuple[int, int], Path]:
        return self.known

    def marked(self, folder: int) -> Path | None:
        return self.other if ".framewatch" in os.listdir(folder) else None


def test_a_subfolder_that_is_a_root_under_another_name_is_left_out_and_reported(root: Path) -> None:
    for name in ("mounted/a.mp4", "viewed/deep/a.mp4", "fine/a.mp4"):
        put(root / name)
    put(root / "viewed" / ".framewatch")
    scanner = Scanner(Root(root, Guard(root / "mounted", Path("/out"))), recursive=True, rules=IgnoreRules())
    with scanner.opened() as top:
        roots = scanner.roots()
        found = {folder: scanner.other_root(top, roots, folder) for folder in ("", "fine", "mounted", "viewed/deep")}
    assert found == {"": None, "fine": None, "mounted": root / "mounted", "viewed/deep": Path("/out")}
    assert scanner.covers("mounted/a.mp4")  # no scan has seen it yet
    report = ScanReport()
    assert {found.relative for found in scanner.walk(report)} == {"fine/a.mp4"}
    assert report.unsupported.keys() == {"mounted", "viewed"}
    assert "/out" in report.unsupported["viewed"]
    assert not scanner.covers("mounted/a.mp4")
    assert {found.relative for found in scanner.walk(ScanReport(), below="fine")} == {"fine/a.mp4"}
    assert not scanner.covers("viewed/deep/a.mp4")
