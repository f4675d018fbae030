"""Locks between real processes, and on file systems that have none."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from framewatch.errors import AlreadyRunningError, StorageError
from framewatch.intake import daemon_lock
from framewatch.intake.daemon_lock import LOCK_NAME, DaemonLock, FolderLock
from framewatch.storage.root import Root
from mounts import move_mount, tmpfs

HOLD = """
import sys
from pathlib import Path
from framewatch.intake.daemon_lock import FolderLock
from framewatch.storage.root import Root
held = FolderLock(Root(Path(sys.argv[1])))
held.acquire("it")
print("held", flush=True)
sys.stdin.read()
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    """Another process that holds the lock until its standard input closes."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    with holder(tmp_path) as first:
        with pytest.raises(AlreadyRunningError) as caught:
            FolderLock(Root(tmp_path)).acquire("the state folder")
        first.communicate("")
    message = str(caught.value)
    assert f"process {first.pid} on " in message
    assert "the state folder" in message
    assert str(tmp_path) in message
    assert caught.value.finding.code == "daemon.already_running"


def test_the_kernel_releases_the_lock_when_the_holder_is_killed(tmp_path: Path) -> None:
    with holder(tmp_path) as first:
        first.send_signal(signal.SIGKILL)
        first.wait()
    mine = FolderLock(Root(tmp_path))
    assert mine.acquire("it") is None
    assert json.loads((tmp_path / LOCK_NAME).read_text())["pid"] == os.getpid()
    mine.release()
    mine.release()


def test_a_released_lock_can_be_acquired_again_and_its_file_stays(tmp_path: Path) -> None:
    for _ in range(2):
        one = FolderLock(Root(tmp_path))
        assert one.acquire("it") is None
        one.release()
    assert (tmp_path / LOCK_NAME).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "left", [b"", b"not json", b"[1]", b'{"pid": "x"}', b"\xff" * 9000, b'{"pid": 1' + b" " * 9000]
)
def test_any_content_of_a_stale_lock_file_is_harmless(tmp_path: Path, left: bytes) -> None:
    (tmp_path / LOCK_NAME).write_bytes(left)
    first, second = FolderLock(Root(tmp_path)), FolderLock(Root(tmp_path))
    assert first.acquire("it") is None
    (tmp_path / LOCK_NAME).write_bytes(left)
    with pytest.raises(AlreadyRunningError, match="another process"):
        second.acquire("it")
    first.release()


def test_links_in_place_of_the_lock_file_are_refused_and_their_targets_kept(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("keep me")
    (tmp_path / LOCK_NAME).symlink_to(precious)
    with pytest.raises(StorageError):
        FolderLock(Root(tmp_path)).acquire("it")
    (tmp_path / LOCK_NAME).unlink()
    (tmp_path / LOCK_NAME).hardlink_to(precious)
    with pytest.raises(StorageError, match="not a plain file"):
        FolderLock(Root(tmp_path)).acquire("it")
    (tmp_path / LOCK_NAME).unlink()
    os.mkfifo(tmp_path / LOCK_NAME)
    with pytest.raises(StorageError, match="not a plain file"):
        FolderLock(Root(tmp_path)).acquire("it")
    assert precious.read_text() == "keep me"


def test_a_full_disk_can_be_locked(tmp_path: Path) -> None:
    with tmpfs(tmp_path / "full", 1) as full:
        with suppress(OSError), (full / "ballast").open("wb", buffering=0) as ballast:
            while ballast.write(bytes(4096)):
                pass
        lock = DaemonLock()
        assert lock.add(Root(full), "it") == ()
        with pytest.raises(AlreadyRunningError):
            FolderLock(Root(full)).acquire("it")
        lock.drop(Root(full))


def test_a_folder_that_is_gone_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        FolderLock(Root(tmp_path / "none")).acquire("it")
    assert caught.value.finding.code == "storage.unavailable"


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_gives_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(number, "no locks")

    monkeypatch.setattr(daemon_lock.fcntl, "flock", refuse)
    warning = FolderLock(Root(tmp_path)).acquire("folder 'anime'")
    assert warning is not None
    assert warning.code == "daemon.lock_unsupported"
    with DaemonLock() as locks:
        assert len(locks.hold({Root(tmp_path): "folder 'anime'"})) == 1


def test_a_daemon_acquires_all_its_locks_or_none(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    with DaemonLock() as first, DaemonLock() as second:
        first.hold({Root(tmp_path / "b"): "b"})
        with pytest.raises(AlreadyRunningError):
            second.hold({Root(tmp_path / "a"): "a", Root(tmp_path / "b"): "b"})
        third = FolderLock(Root(tmp_path / "a"))
        assert third.acquire("a") is None
        third.release()


def test_a_changed_configuration_keeps_adds_and_drops_locks(tmp_path: Path) -> None:
    a, b, c = (tmp_path / name for name in "abc")
    for folder in (a, b, c):
        folder.mkdir()
    with DaemonLock() as locks:
        locks.hold({Root(a): "a", Root(b): "b"})
        with holder(c) as other:
            with pytest.raises(AlreadyRunningError):
                locks.hold({Root(b): "b", Root(c): "c"})
            with pytest.raises(AlreadyRunningError):
                FolderLock(Root(a)).acquire("a")  # nothing was let go of
            other.communicate("")
        locks.hold({Root(b): "b", Root(c): "c"})
        free = FolderLock(Root(a))
        assert free.acquire("a") is None
        free.release()
        for taken in (b, c):
            with pytest.raises(AlreadyRunningError):
                FolderLock(Root(taken)).acquire("it")


def test_a_folder_that_hangs_does_not_block_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dead, fine, new = (tmp_path / name for name in ("dead", "fine", "new"))
    for folder in (dead, fine, new):
        folder.mkdir()
    begun, may_end = threading.Event(), threading.Event()
    acquire = FolderLock.acquire

    def hang(self: FolderLock, what: str) -> Any:
        if self.path.parent == dead:
            begun.set()
            assert may_end.wait(10)
        return acquire(self, what)

    monkeypatch.setattr(FolderLock, "acquire", hang)
    with DaemonLock() as locks:
        hanging = threading.Thread(target=locks.add, args=(Root(dead), "dead"), daemon=True)
        hanging.start()
        assert begun.wait(10)

        def others() -> None:
            locks.add(Root(fine), "fine")
            locks.hold({Root(fine): "fine", Root(new): "new"})
            locks.drop(Root(dead))

        passing = threading.Thread(target=others, daemon=True)
        passing.start()
        passing.join(10)
        assert not passing.is_alive()
        for taken in (fine, new):
            with pytest.raises(AlreadyRunningError):
                FolderLock(Root(taken)).acquire("it")
        may_end.set()
        hanging.join(10)


def test_another_disk_at_the_same_path_is_locked_and_the_old_one_released(tmp_path: Path) -> None:
    root, aside = tmp_path / "disk", tmp_path / "aside"
    with DaemonLock() as locks, tmpfs(root, 1):
        locks.add(Root(root), "it")
        assert locks.add(Root(root), "it") == ()
        move_mount(root, aside)
        try:
            with tmpfs(root, 1):
                locks.add(Root(root), "it")
                with pytest.raises(AlreadyRunningError):
                    FolderLock(Root(root)).acquire("it")
                locks.drop(Root(root))
            free = FolderLock(Root(aside))
            assert free.acquire("it") is None
            free.release()
        finally:
            move_mount(aside, root)


def test_a_released_disk_can_be_unmounted(tmp_path: Path) -> None:
    with DaemonLock() as locks, tmpfs(tmp_path / "disk", 1) as root:
        locks.hold({Root(root): "it"})
        assert subprocess.run(["umount", root], capture_output=True, check=False).returncode != 0
        locks.drop(Root(root))
        subprocess.run(["umount", root], check=True)
        locks.drop(Root(root))


def test_a_removed_lock_file_is_recreated_and_locked(tmp_path: Path) -> None:
    with DaemonLock() as locks:
        locks.add(Root(tmp_path), "it")
        (tmp_path / LOCK_NAME).unlink()
        locks.add(Root(tmp_path), "it")
        with pytest.raises(AlreadyRunningError):
            FolderLock(Root(tmp_path)).acquire("it")


def test_a_file_system_without_locks_is_reported_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(daemon_lock.fcntl, "flock", refuse)
    with DaemonLock() as locks:
        assert [len(locks.add(Root(tmp_path), "it")) for _ in range(3)] == [1, 0, 0]


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 4096,
        b'{"a":' * 800,
        b'{"pid": ' + b"9" * 4000 + b"}",
        b'{"pid": true, "host": 1, "since": [2]}',
        b'{"host": "\\ud800\\u001b[2J", "pid": -1}',
        b'{"host": "' + b"h" * 4000 + b'"}',
        b"\xff\xfe",
        b"",
    ],
)
def test_whatever_a_stranger_writes_into_the_lock_file_only_names_no_holder(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / LOCK_NAME
    path.write_bytes(content)
    with path.open() as stranger:
        fcntl.flock(stranger, fcntl.LOCK_EX)
        with pytest.raises(AlreadyRunningError, match="in use by another process") as caught:
            FolderLock(Root(tmp_path)).acquire("the folder")
    message = caught.value.finding.message
    assert message.isprintable()
    assert len(message) < len(str(tmp_path)) + 200
