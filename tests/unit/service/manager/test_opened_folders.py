"""The drop-in opens what the unit alone hides or makes read-only, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from framewatch.errors import ConfigError
from framewatch.service.manager.opened_folders import Use, drop_in, opened, used_paths
from framewatch.settings import load_settings

CONFIG = Path("/etc/framewatch/framewatch.yaml")


def lines(*uses: Use) -> list[str]:
    return [line for line in drop_in(uses, CONFIG).splitlines() if not line.startswith("#")]


def test_a_folder_is_opened_for_writing() -> None:
    assert lines(Use(Path("/nas/in"), "a: input")) == ["[Service]", 'ReadWritePaths="-/nas/in"']


@pytest.mark.parametrize(
    ("path", "escaped"),
    [
        ("/srv/my films", "/srv/my films"),
        ("/srv/100%/%h", "/srv/100%%/%%h"),
        ('/srv/a "b"', '/srv/a \\"b\\"'),
        ("/srv/back\\slash\\", "/srv/back\\\\slash\\\\"),
        ("/srv/it's:#;$x", "/srv/it's:#;$x"),
        ("/srv/Zoë/映画", "/srv/Zoë/映画"),
    ],
)
def test_a_path_keeps_every_character_in_the_unit(path: str, escaped: str) -> None:
    assert lines(Use(Path(path), "a: input"))[1:] == [f'ReadWritePaths="-{escaped}"']


@pytest.mark.parametrize("character", ["\n", "\r"])
def test_a_path_that_a_unit_cannot_express_is_refused(character: str) -> None:
    with pytest.raises(ConfigError) as error:
        lines(Use(Path(f"/srv/in{character}ReadWritePaths=/"), "a: input"))
    assert error.value.finding.code == "systemd.bad_path"
    assert error.value.finding.where == "a: input"


def test_a_line_break_in_a_name_does_not_end_a_comment() -> None:
    assert drop_in((), Path("/etc/a\nReadWritePaths=/")).count("\n") == 3


def test_a_folder_below_home_becomes_visible_without_its_neighbours() -> None:
    uses = [Use(Path("/home/joe/in"), "a: input"), Use(Path("/home/joe/presets"), "presets_dir", writes=False)]
    assert lines(*uses) == [
        "[Service]",
        "ProtectHome=tmpfs",
        'BindPaths="-/home/joe/in"',
        'BindReadOnlyPaths="-/home/joe/presets"',
    ]


@pytest.mark.parametrize("path", ["/tmp/in", "/var/tmp/in"])
def test_a_folder_below_tmp_becomes_visible(path: str) -> None:
    assert lines(Use(Path(path), "a: input")) == ["[Service]", f'BindPaths="-{path}"']


def test_what_the_unit_opens_or_shows_anyway_is_left_out() -> None:
    uses = [
        Use(Path("/var/lib/framewatch/.local/state/framewatch"), "state_dir"),
        Use(Path("/var/cache/framewatch"), "work_dir"),
        Use(Path("/etc/framewatch/presets"), "presets_dir", writes=False),
    ]
    assert opened(uses) == []


def test_a_folder_in_another_one_is_opened_with_it() -> None:
    inner, outer = Use(Path("/nas/in/done"), "a: done"), Use(Path("/nas/in"), "a: input")
    assert opened([inner, outer]) == [outer]


def test_a_folder_to_write_to_is_opened_although_what_is_around_it_may_be_read() -> None:
    inner, outer = Use(Path("/home/joe/in"), "a: input"), Use(Path("/home/joe"), "the configuration", writes=False)
    assert opened([inner, outer]) == [inner, outer]


def test_of_two_equal_folders_the_one_to_write_to_is_opened() -> None:
    read, write = Use(Path("/home/joe"), "the configuration", writes=False), Use(Path("/home/joe"), "a: input")
    assert opened([read, write, write]) == [write]


def test_a_disk_is_opened_as_a_whole_on_request() -> None:
    uses = [
        Use(Path("/nas/a/in"), "a: input"),
        Use(Path("/nas/a/out"), "a: output"),
        Use(Path("/srv/out"), "b: output"),
    ]
    disks = [Path("/nas")]
    found = opened(uses, lambda path: next((disk for disk in disks if path.is_relative_to(disk)), None))
    assert [use.path for use in found] == [Path("/nas"), Path("/srv/out")]


def test_the_disk_below_home_is_never_opened_as_a_whole() -> None:
    use = Use(Path("/home/joe/in"), "a: input")
    assert opened([use], lambda _: Path("/home")) == [use]


def test_everything_in_the_configuration_is_used(tmp_path: Path) -> None:
    config = tmp_path / "framewatch.yaml"
    entry = {"name": "a", "input": "/n/in", "output": "/n/o", "done": "/n/d", "failed": "/n/f", "preset": "p/x.yaml"}
    settings = {
        "state_dir": "/s",
        "work_dir": "/w",
        "log": {"file": "/l/x.log"},
        "ffmpeg": "/b/f",
        "folders": [entry],
    }
    config.write_text(yaml.safe_dump(settings))
    uses = used_paths(load_settings(config))
    writable = ["/s", "/w", "/l", "/n/in", "/n/o", "/n/d", "/n/f"]
    assert [str(use.path) for use in uses if use.writes] == writable
    readable = [tmp_path, tmp_path / "presets", tmp_path / "p", Path("/b/f")]
    assert [use.path for use in uses if not use.writes] == readable
