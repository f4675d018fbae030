"""Where state, work and logs are if the configuration does not say."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import Any

import pytest

from framewatch import user_folders
from framewatch.settings import default_places
from framewatch.settings.default_places import default_folder, default_log_file

VARIABLES = (*("STATE_DIRECTORY", "CACHE_DIRECTORY", "LOGS_DIRECTORY"), *("XDG_STATE_HOME", "XDG_CACHE_HOME", "HOME"))


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A user without home and passwd entry, on a host where framewatch has never run."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    monkeypatch.setattr(default_places, "_LINUX", {"state": tmp_path / "lib", "cache": tmp_path / "cache"})


def set_all(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("purpose", "env", "expected"),
    [
        ("state", {"STATE_DIRECTORY": "/s/a:/s/b", "HOME": "/h"}, "/s/a"),
        ("cache", {"CACHE_DIRECTORY": "/c", "STATE_DIRECTORY": "/s", "XDG_CACHE_HOME": "/x"}, "/c"),
        ("state", {"CACHE_DIRECTORY": "/c", "HOME": "/h"}, "/h/.local/state/framewatch"),
        ("state", {"STATE_DIRECTORY": "", "XDG_STATE_HOME": "/x"}, "/x/framewatch"),
        ("state", {"STATE_DIRECTORY": "relative", "HOME": "/h"}, "/h/.local/state/framewatch"),
        ("cache", {"XDG_CACHE_HOME": "/y"}, "/y/framewatch"),
        ("state", {"HOME": "/h", "XDG_STATE_HOME": "rel"}, "/h/.local/state/framewatch"),
        ("cache", {"HOME": "/h"}, "/h/.cache/framewatch"),
    ],
)
def test_systemd_comes_first_then_the_user(
    purpose: Any, env: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_all(monkeypatch, env)
    assert default_folder(purpose) == Path(expected)


@pytest.mark.parametrize("home", [None, "", "relative"])
def test_a_user_without_a_home_gets_the_places_of_a_service(
    home: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if home is not None:
        monkeypatch.setenv("HOME", home)
    assert default_folder("state") == tmp_path / "lib" / "framewatch"
    assert default_folder("cache") == tmp_path / "cache" / "framewatch"
    assert user_folders.home() is None
    assert user_folders.user_folder("config") is None


def test_root_keeps_its_places_whatever_its_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    set_all(monkeypatch, {"HOME": "/h", "XDG_STATE_HOME": "/x"})
    assert default_folder("state") == tmp_path / "lib" / "framewatch"


def test_an_update_finds_the_state_and_the_work_that_are_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The unit that shipped gave the service a home in its state folder; older versions used only the home."""
    service, cache = tmp_path / "service", tmp_path / "cache of the service"
    cache.mkdir()
    set_all(monkeypatch, {"HOME": str(service), "STATE_DIRECTORY": str(service), "CACHE_DIRECTORY": str(cache)})
    old_state, old_work = service / ".local/state/framewatch", service / ".cache/framewatch"
    for folder in (old_state, old_work / "01abc"):
        folder.mkdir(parents=True)
    assert default_folder("state") == service  # an empty folder is no state
    (old_state / "framewatch.db").touch()
    assert (default_folder("state"), default_folder("cache")) == (old_state, old_work)
    (service / "framewatch.db").touch()
    assert default_folder("state") == service


def test_a_command_without_systemd_finds_the_state_of_its_users_service(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    shared = tmp_path / "lib" / "framewatch"
    shared.mkdir(parents=True)
    monkeypatch.setattr(default_places, "_is_ours", lambda folder: folder == shared)
    assert default_folder("state") == tmp_path / "home" / ".local/state/framewatch"
    (shared / "framewatch.db").touch()
    assert default_folder("state") == shared


@pytest.mark.parametrize(
    ("value", "expected"), [("/l/a:/l/b", Path("/l/a/framewatch.log")), ("", None), (None, None)]
)
def test_a_log_folder_of_systemd_gets_a_log(
    value: str | None, expected: Path | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if value is not None:
        monkeypatch.setenv("LOGS_DIRECTORY", value)
    assert default_log_file() == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [("~/a", "/h/a"), ("~", "/h"), ("a/~", "a/~"), ("~nosuchuser/a", None), (".", "."), ("/~root", "/~root")],
)
def test_a_tilde_is_the_home_or_nothing(path: str, expected: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/h")
    found = user_folders.expanded(Path(path))
    assert found == (None if expected is None else Path(expected))


def test_a_user_without_a_name_gets_a_number_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "")
    user_folders.name_user_for_libraries()
    assert getpass.getuser() == "12345"
