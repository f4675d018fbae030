"""Keys of the configuration from environment variables."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from framewatch.errors import ConfigError
from framewatch.settings import LoadedSettings, load_settings

FILE = "folders: [{name: a, input: in}]\nretries: 7\nlog: {level: error, backups: 3}\ngpu: {slots: 2}\n"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("FRAMEWATCH_")]:
        monkeypatch.delenv(name)


def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **variables: str) -> LoadedSettings:
    path = tmp_path / "framewatch.yaml"
    path.write_text(FILE)
    for name, value in variables.items():
        monkeypatch.setenv(f"FRAMEWATCH_{name}", value)
    return load_settings(path)


def test_a_variable_comes_before_the_file_key_by_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load(
        tmp_path,
        monkeypatch,
        STATE_DIR="/other",
        WORK_DIR="work",
        RESERVE_GB="2.5",
        GPU__DEVICES="4",
        LOG__LEVEL="DEBUG",
        WEB__ENABLED="false",
        LIMITS__WORKER_GB="8",
        RETRIES="",
    )
    settings = loaded.settings
    assert (settings.state_dir, settings.work_dir) == (Path("/other"), tmp_path / "work")
    assert (settings.reserve_gb, settings.retries) == (2.5, 7)
    assert (settings.gpu.slots, settings.gpu.devices) == (2, 4)
    assert (settings.log.level, settings.log.backups) == ("debug", 3)
    assert (settings.web.enabled, settings.limits.worker_gb) == (False, 8.0)
    assert loaded.warnings == ()


def test_folders_are_replaced_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = json.dumps([{"name": "b", "input": "/b/in", "preset": {"crf": 18}}])
    assert [folder.name for folder in load(tmp_path, monkeypatch, FOLDERS=folders).settings.folders] == ["b"]


@pytest.mark.parametrize(
    ("value", "hours"),
    [
        ("22:00-07:00", ("22:00-07:00",)),
        ("sat-sun", ("sat-sun",)),
        ('["22:00-07:00", "sun"]', ("22:00-07:00", "sun")),
        ("[]", ()),
    ],
)
def test_hours_are_a_text_or_json(
    value: str, hours: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load(tmp_path, monkeypatch, ACTIVE_HOURS=value).settings.active_hours == hours


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("ACTIVE_HOURS", "22-7", "config.bad_value"),
        ("LOG__LEVEL", "loud", "config.bad_value"),
        ("LOG__LEVL", "info", "config.unknown_key"),
        ("RETRIES", "many", "config.bad_value"),
        ("STATE_DIR", "~nosuchuser/state", "config.bad_value"),
        ("GPU__SLOTS", "65", "config.bad_value"),
        ("FOLDERS", "[{", "config.bad_value"),
        ("FOLDERS", '[{"name": "b"}]', "config.missing_key"),
        ("FOLDERS__0__NAME", "b", "config.bad_value"),
    ],
)
def test_what_is_wrong_is_reported_with_the_name_of_the_variable(
    name: str, value: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, monkeypatch, **{name: value})
    assert [finding.code for finding in caught.value.findings] == [code]
    assert caught.value.finding.where.startswith(f"FRAMEWATCH_{name.partition('__0')[0]}")


def test_a_mistake_in_the_file_is_still_reported_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRAMEWATCH_LOG__LEVEL", "info")
    path = tmp_path / "framewatch.yaml"
    path.write_text("log: {backups: none}\nfolders: [{name: a, input: in}]\n")
    with pytest.raises(ConfigError) as caught:
        load_settings(path)
    assert caught.value.finding.where == f"{path}:1: log.backups"


def test_a_variable_with_a_misspelt_name_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    others = {"CONFIG": "y", "FAULT_KILLS": "3", "UPGRADE_FFMPEG": "z"}
    loaded = load(tmp_path, monkeypatch, STATEDIR="/x", LOG_LEVEL="debug", **others)
    assert [(each.code, each.where, each.hint) for each in loaded.warnings] == [
        ("config.unknown_variable", "FRAMEWATCH_LOG_LEVEL", 'did you mean "FRAMEWATCH_LOG__LEVEL"?'),
        ("config.unknown_variable", "FRAMEWATCH_STATEDIR", 'did you mean "FRAMEWATCH_STATE_DIR"?'),
    ]
