"""A new configuration is valid, has the folder that was named, and shows every setting."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from framewatch.documents import known_keys, parse
from framewatch.settings import Settings
from framewatch.settings.load import load_document
from framewatch.settings.starter import StarterFolder, starter

PLAIN = StarterFolder(name="anime", input=Path("/nas/anime/in"), preset="anime-2x")


@pytest.mark.parametrize(
    "folder",
    [
        PLAIN,
        PLAIN.evolve(output=Path("/nas/out")),
        PLAIN.evolve(name="on", input=Path('/my "films": #1\\/☃'), output=Path("/- a"), preset="/a b/mine.yaml"),
        PLAIN.evolve(name="1.5", input=Path("/2024-01-01"), preset="123"),
    ],
)
def test_the_folder_is_the_one_that_was_named(folder: StarterFolder) -> None:
    loaded = load_document(parse(starter(folder), source="framewatch.yaml"), Path("/etc/framewatch.yaml"))
    (found,) = loaded.settings.folders
    assert (found.name, found.input, found.preset) == (folder.name, folder.input, folder.preset)
    assert found.output == (folder.output or folder.input.parent / "out")
    assert not loaded.warnings


def test_every_setting_is_there_as_a_comment_and_only_the_folder_is_set() -> None:
    text = starter(PLAIN)
    assert set(yaml.safe_load(text)) == {"folders"}
    assert set(yaml.safe_load(text)["folders"][0]) == {"name", "input", "preset"}
    assert sorted(known_keys(Settings) - set(re.findall(r"\w+(?=:)", text))) == []


def test_the_comment_of_a_setting_can_be_removed() -> None:
    text = re.sub(r"^(| {4})# (\s*\w+:)", r"\1\2", starter(PLAIN), flags=re.MULTILINE)
    text = re.sub(r"<input>", "/nas/anime/in", text)
    loaded = load_document(parse(text, source="framewatch.yaml"), Path("/etc/framewatch.yaml"))
    default = load_document(parse(starter(PLAIN), source="framewatch.yaml"), Path("/etc/framewatch.yaml"))
    assert loaded.settings.folders == default.settings.folders
    assert loaded.settings.limits == default.settings.limits
