"""A share that answers with ESTALE or EIO at any call: an error with a code, and no descriptor stays open."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import pytest

from faulty_os import FaultyOs, failing
from framewatch.domain import InputFile
from framewatch.errors import ConfigError, MediaError, StorageError
from framewatch.intake import daemon_lock, ready_check
from framewatch.intake.daemon_lock import FolderLock, is_held_by_us
from framewatch.intake.ready_check import check_ready
from framewatch.intake.settle_tracker import Snapshot
from framewatch.jobs.store.store import Store
from framewatch.media.preset import preset_file
from framewatch.media.preset.loader import load_folder_preset
from framewatch.storage import files, links, mounts, root
from framewatch.storage.links import resolve
from framewatch.storage.mounts import Mounts, mount_point
from framewatch.storage.root import Root
from mounts import folder_places


def descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


@pytest.fixture
def share(tmp_path: Path) -> Path:
    """A share with all that is opened in one, behind a link."""
    tmp_path.chmod(0o755)
    folder = tmp_path.resolve() / "share"
    (folder / "done").mkdir(parents=True)
    (folder / "film.mkv").write_bytes(b"x")
    (folder / "framewatch-preset.yaml").write_text("crf: 12")
    (tmp_path / "way").symlink_to(folder)
    return folder


def film(share: Path) -> InputFile:
    return InputFile(root=share, relative=Path("film.mkv"))


def written(share: Path) -> None:
    new = share / f"new{len(list(share.iterdir()))}"
    Root(share).write(new / "file", b"")


def locked(share: Path) -> None:
    lock = FolderLock(Root(share))
    lock.acquire("the folder")
    lock.release()


def opened(share: Path) -> None:
    with Store.open(share.parent / "jobs.db") as store:
        roots = Mounts(store, {"anime": folder_places(share, share / "done")}, rebuilt=False)
        roots.require(share)
        roots.require(share / "done")


def ready(share: Path) -> None:
    found = (share / "film.mkv").stat()
    expected = Snapshot(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
    with Root(share).opened() as top:
        check_ready(top, "film.mkv", expected, leases=False)


USES: dict[str, tuple[ModuleType, str, Callable[[Path], object]]] = {
    "resolve, fstat": (links, "fstat", lambda share: resolve(share.parent / "way")),
    "resolve, readlink": (links, "readlink", lambda share: resolve(share.parent / "way")),
    "resolve, open": (links, "open", lambda share: resolve(share.parent / "way")),
    "mount_point": (mounts, "fstat", mount_point),
    "Mounts.open, fstat": (mounts, "fstat", opened),
    "Mounts.open, scandir": (mounts, "scandir", opened),
    "Root.disk": (root, "fstat", lambda share: Root(share).disk()),
    "Root.write, mkdir": (root, "mkdir", written),
    "open_input": (files, "fstat", lambda share: os.close(files.open_input(film(share)))),
    "preset": (preset_file, "fstat", lambda share: load_folder_preset(Root(share))),
    "ready check": (ready_check, "fstat", ready),
    "lock": (daemon_lock, "fstat", locked),
}


@pytest.mark.parametrize("use", USES)
def test_a_share_that_fails_at_any_call_is_an_error_and_leaks_nothing(
    use: str, share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, name, call = USES[use]
    calls = FaultyOs(watched=(name,))
    monkeypatch.setattr(module, "os", calls)
    call(share)
    assert calls.calls
    monkeypatch.setattr(module, "os", os)
    for since in range(1, calls.calls + 1):
        before = descriptors()
        monkeypatch.setattr(module, "os", failing(name, errno.ESTALE, since=since))
        with suppress(StorageError, ConfigError):  # most are told, some only mean that a thing is not known
            call(share)
        assert descriptors() == before


def test_whoever_has_a_lock_is_not_known_while_its_folder_does_not_answer(
    share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = FolderLock(Root(share))
    lock.acquire("the folder")
    before = descriptors()
    monkeypatch.setattr(links, "os", failing("fstat", errno.ESTALE))
    assert not is_held_by_us(Root(share))
    assert descriptors() == before
    lock.release()


@pytest.mark.parametrize("code", [errno.ELOOP, errno.ENXIO, errno.EOPNOTSUPP])
def test_what_the_kernel_does_not_open_as_a_file_is_none(
    share: Path, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket is ENXIO on Linux, and EOPNOTSUPP on macOS."""

    def refuse(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(files.beneath, "open_path", refuse)
    with pytest.raises(MediaError) as caught:
        files.open_input(film(share))
    assert caught.value.finding.code == "media.not_a_file"
