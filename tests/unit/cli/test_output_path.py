"""Where `framewatch upscale` writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from framewatch.cli.upscale.output_path import output_path
from framewatch.errors import ConfigError
from framewatch.media.preset.library import PresetLibrary
from framewatch.media.preset.loader import load_preset

NAMED = load_preset("upscale-4k", library=PresetLibrary([]), base=Path(), where="test")
ENDING = NAMED.preset.container


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("../out/x.mp4", "out/x.mp4"),
        ("../link/./x.mp4", "out/x.mp4"),
        ("../link/../out/x.mp4", "out/x.mp4"),
        ("../out", "out/film.mp4"),
        ("../out/", "out/film.mp4"),
        ("..", "film.mp4"),
        (".", "here/film.mp4"),
        ("~/x.mp4", "out/x.mp4"),
        ("~nobody-of-this-name/x.mp4", "here/~nobody-of-this-name/x.mp4"),
        ("-x.mp4", "here/-x.mp4"),
        ("new/", "here/new/film.mp4"),
    ],
)
def test_links_dots_homes_and_folders_are_resolved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, expected: str
) -> None:
    for name in ("here", "out"):
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "out")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "out"))
    assert ENDING == "mp4"
    assert output_path(given, Path("film.mkv"), NAMED) == tmp_path / expected


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("", "output.no_name"),
        ("there.mp4", "output.exists"),
        ("x.mkv", "output.wrong_ending"),
        ("x", "output.wrong_ending"),
    ],
)
def test_what_cannot_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, code: str
) -> None:
    (tmp_path / "there.mp4").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        output_path(given, Path("film.mkv"), NAMED)
    assert caught.value.finding.code == code
