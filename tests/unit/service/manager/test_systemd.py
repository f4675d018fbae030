"""The unit is one that systemd reads as it was meant, whatever the paths are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from framewatch.errors import ConfigError
from framewatch.service.manager import service_facts
from framewatch.service.manager.opened_folders import Use
from framewatch.service.manager.service_facts import ServiceFacts
from framewatch.service.manager.systemd import unit


def facts(config: str, run_as: str | None = "framewatch", *uses: Use) -> ServiceFacts:
    return ServiceFacts(("/opt/framewatch/bin/framewatch", "run", "--config", config), Path(config), run_as, uses)


def line(key: str, text: str) -> str:
    return next(found for found in text.splitlines() if found.startswith(f"{key}="))


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("/etc/f.yaml", "/etc/f.yaml"),
        ("/my films/f.yaml", '"/my films/f.yaml"'),
        ("/100%/$HOME/f.yaml", '"/100%%/$$HOME/f.yaml"'),
        ('/a"b\\c/f.yaml', '"/a\\"b\\\\c/f.yaml"'),
    ],
)
def test_a_path_is_one_word_of_the_command(path: str, word: str) -> None:
    assert line("ExecStart", unit(facts(path))) == f"ExecStart=/opt/framewatch/bin/framewatch run --config {word}"


@pytest.mark.parametrize(
    ("folder", "written"), [("/my films", "/my films"), ("/100%", "/100%%"), ("/a\\", "/a\\/"), ("/a ", "/a /")]
)
def test_the_working_directory_is_that_of_the_configuration(folder: str, written: str) -> None:
    assert line("WorkingDirectory", unit(facts(f"{folder}/f.yaml"))) == f"WorkingDirectory={written}"


def test_a_line_break_is_refused() -> None:
    with pytest.raises(ConfigError) as error:
        unit(facts("/etc/a\nUser=root/f.yaml"))
    assert error.value.finding.code == "systemd.bad_path"


def test_another_user_has_the_own_group() -> None:
    text = unit(facts("/etc/f.yaml", "media"))
    assert "User=media" in text
    assert "\nGroup=" not in text


def test_a_media_server_can_read_the_outputs_and_nobody_else_the_state() -> None:
    text = unit(facts("/etc/f.yaml"))
    assert line("UMask", text) == "UMask=0022"
    assert line("StateDirectoryMode", text) == "StateDirectoryMode=0750"
    assert line("CacheDirectoryMode", text) == "CacheDirectoryMode=0750"


def test_the_service_gets_the_groups_of_gpus_that_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "SupplementaryGroups=" not in unit(facts("/etc/f.yaml"))
    here = facts("/etc/f.yaml")
    text = unit(replace(here, groups=("render", "video")))
    assert line("SupplementaryGroups", text) == "SupplementaryGroups=render video"

    def known(name: str) -> None:
        if name != "video":
            raise KeyError(name)

    monkeypatch.setattr(service_facts.grp, "getgrnam", known)
    assert service_facts.gpu_groups() == ("video",)


def test_the_folders_are_opened_within_the_section_of_the_service() -> None:
    text = unit(facts("/etc/f.yaml", "framewatch", Use(Path("/nas/in"), "a: input")))
    service = text.partition("[Service]")[2].partition("[Install]")[0]
    assert 'ReadWritePaths="-/nas/in"' in service
