"""Which folders must exist, which are created, and what is reported about them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from framewatch.errors import ConfigError
from framewatch.intake import folder_checks
from framewatch.intake.folder_checks import check_folders, make_own_folders, make_targets
from framewatch.jobs.store.recovery import was_rebuilt
from framewatch.jobs.store.store import Store
from framewatch.settings import FolderSettings, Settings
from framewatch.storage.mounts import Mounts


def settings(tmp_path: Path, **folder: Any) -> Settings:
    share = tmp_path / "share"
    places = {"output": share / "out", "done": share / "in/done", "failed": share / "in/failed"}
    return Settings(
        state_dir=tmp_path / "var/lib/state",
        work_dir=tmp_path / "var/cache/work",
        folders=(FolderSettings(**{"name": "a", "input": share / "in"} | places | folder),),
    )


def make_folders(config: Settings) -> None:
    """All that the daemon does with folders when it starts."""
    if findings := check_folders(config):
        raise ConfigError.of(findings)
    make_own_folders(config)
    with Store.open(config.store_path) as store:
        make_targets(config.folders[0], Mounts(store, config.places, rebuilt=was_rebuilt(store)))


def codes(config: Settings) -> dict[str, str]:
    return {finding.where: finding.code for finding in check_folders(config)}


@pytest.fixture
def share(tmp_path: Path) -> Path:
    (tmp_path / "share" / "in").mkdir(parents=True)
    return tmp_path / "share"


def test_missing_folders_are_created_but_not_by_the_check(tmp_path: Path, share: Path) -> None:
    config = settings(tmp_path)
    assert check_folders(config) == ()
    assert [path.name for path in tmp_path.iterdir()] == ["share"]
    make_folders(config)
    only = config.folders[0]
    assert all(path.is_dir() for path in (only.output, only.done, only.failed, config.state_dir, config.work_dir))
    assert config.state_dir.stat().st_mode & 0o777 == 0o700
    make_folders(config)


def test_an_own_folder_that_others_can_write_to_is_rejected_with_a_hint(tmp_path: Path, share: Path) -> None:
    config = settings(tmp_path)
    config.work_dir.mkdir(parents=True)
    for mode, code in ((0o777, "folders.unsafe"), (0o775, "folders.unsafe"), (0o1777, None), (0o755, None)):
        config.work_dir.chmod(mode)
        assert codes(config).get("work_dir") == code
    config.work_dir.chmod(0o777)
    assert f"chmod go-w {config.work_dir}" in check_folders(config)[0].hint


def test_an_input_is_never_created(tmp_path: Path) -> None:
    """A share that is not mounted must not be mistaken for an empty folder."""
    (tmp_path / "share").mkdir()
    config = settings(tmp_path)
    assert codes(config) == {"folders[0].input": "folders.no_input"}
    with pytest.raises(ConfigError, match="does not exist"):
        make_folders(config)
    assert list((tmp_path / "share").iterdir()) == []


def test_a_folder_is_created_only_in_an_existing_one(tmp_path: Path, share: Path) -> None:
    config = settings(tmp_path, output=tmp_path / "unmounted" / "out", failed=share / "in/a/b")
    assert codes(config) == {
        "folders[0].output": "folders.no_parent",
        "folders[0].failed": "folders.no_parent",
    }


def test_a_file_in_place_of_a_folder_is_reported(tmp_path: Path, share: Path) -> None:
    (share / "out").touch()
    (tmp_path / "var").touch()
    assert codes(settings(tmp_path)) == {
        "folders[0].output": "folders.not_a_folder",
        "state_dir": "folders.not_a_folder",
        "work_dir": "folders.not_a_folder",
    }
    assert codes(settings(tmp_path, input=share / "out"))["folders[0].input"] == "folders.not_a_folder"


def test_links_in_the_input_that_redirect_done_or_failed_are_rejected(tmp_path: Path, share: Path) -> None:
    (tmp_path / "secret").mkdir()
    (share / "in/done").symlink_to(tmp_path / "secret")
    assert codes(settings(tmp_path)) == {"folders[0].done": "folders.symlink"}


def test_a_dangling_link_cannot_be_written_to(tmp_path: Path, share: Path) -> None:
    (share / "out").symlink_to(tmp_path / "none")
    assert codes(settings(tmp_path)) == {"folders[0].output": "folders.no_parent"}


def test_folders_without_write_permission_are_reported(
    tmp_path: Path, share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Injected, as permissions do not hold root back."""
    (share / "out").mkdir()
    denied = [(share / "out").stat(), (share / "in").stat(), tmp_path.stat()]
    monkeypatch.setattr(folder_checks.os, "access", lambda _path, _, dir_fd: os.fstat(dir_fd) not in denied)
    assert codes(settings(tmp_path)) == {
        "folders[0].input": "folders.not_writable",
        "folders[0].output": "folders.not_writable",
        "folders[0].done": "folders.not_writable",
        "folders[0].failed": "folders.not_writable",
        "state_dir": "folders.not_writable",
        "work_dir": "folders.not_writable",
    }


def test_a_folder_that_cannot_be_created_is_an_error_with_a_code(
    tmp_path: Path, share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder_checks.Path, "mkdir", refuse)
    with pytest.raises(ConfigError, match="No space left") as caught:
        make_folders(settings(tmp_path))
    assert caught.value.finding.code == "folders.not_writable"
