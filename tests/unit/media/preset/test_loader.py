"""Loading presets: by name, by path, inline, and from a watched folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from framewatch.errors import ConfigError
from framewatch.media.preset.library import SHIPPED, PresetLibrary
from framewatch.media.preset.loader import (
    NamedPreset,
    load_file,
    load_folder_preset,
    load_preset,
)
from framewatch.media.preset.preset import Preset
from framewatch.media.rules.preset_rules import check_preset
from framewatch.resources import shipped
from framewatch.storage.root import Root
from mounts import bound

HERE = "framewatch.yaml:3: folders[0].preset"


def load(spec: Any, tmp_path: Path, *search: Path) -> Any:
    return load_preset(spec, library=PresetLibrary(search), base=tmp_path, where=HERE)


def test_the_users_presets_come_before_the_shipped_ones(tmp_path: Path) -> None:
    own = tmp_path / "presets"
    own.mkdir()
    (own / "upscale-4k.yml").write_text("crf: 1")
    found = load("upscale-4k", tmp_path, own)
    assert (found.name, found.preset.crf, found.source) == ("upscale-4k", 1, str(own / "upscale-4k.yml"))
    assert load("upscale-4k", tmp_path).preset.crf == 20


@pytest.mark.parametrize("spec", ["mine.yaml", "./mine.yaml", "sub/../mine.yaml"])
def test_a_path_is_relative_to_the_daemon_file(spec: str, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "mine.yaml").write_text("container: mkv")
    assert load(spec, tmp_path)[:2] == ("mine", Preset(container="mkv"))


def test_a_mapping_is_the_preset_itself_and_its_errors_have_a_location(tmp_path: Path) -> None:
    assert load({"container": "mkv"}, tmp_path).preset.container == "mkv"
    with pytest.raises(ConfigError) as caught:
        load({"kontainer": "mkv"}, tmp_path)
    assert caught.value.finding.where == f"{HERE}: kontainer"


def test_an_unknown_name_is_answered_with_similar_and_known_names(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load("upscale-4", tmp_path, tmp_path / "absent")
    finding = caught.value.finding
    assert (finding.code, finding.where) == ("preset.not_found", HERE)
    assert finding.hint.startswith('did you mean "upscale-4k"? known: ')
    assert "archive-4x" in finding.hint


def test_a_missing_file_is_reported_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load("./gone.yaml", tmp_path)
    assert (caught.value.finding.code, caught.value.finding.where) == (
        "config.not_found",
        str(tmp_path / "gone.yaml"),
    )


def test_the_preset_in_a_watched_folder_is_found_and_loaded(tmp_path: Path) -> None:
    assert load_folder_preset(Root(tmp_path)) is None
    (tmp_path / "framewatch-preset.yaml").write_text("ml_upscale: esrgan-4x")
    found = load_folder_preset(Root(tmp_path))
    assert found is not None
    assert found.preset.ml_upscale == "esrgan-4x"


def _symlink(path: Path) -> None:
    target = path.with_name("secret")
    target.write_text("crf: 18")
    path.symlink_to(target)


@pytest.mark.parametrize(
    ("plant", "code"),
    [
        (_symlink, "preset.unreadable"),
        (lambda path: path.symlink_to("/nowhere"), "preset.unreadable"),
        (Path.mkdir, "preset.unreadable"),
        (os.mkfifo, "preset.unreadable"),
        (lambda path: path.write_bytes(b"#" * 300_000), "config.too_large"),
        (lambda path: path.write_bytes(b"\xff\xfe\xff"), "config.not_text"),
        (lambda path: path.write_text("a: *b"), "config.not_yaml"),
    ],
    ids=["symlink", "dangling symlink", "folder", "fifo", "huge", "not text", "not yaml"],
)
def test_a_preset_in_a_watched_folder_is_read_only_if_it_is_a_small_regular_text_file(
    plant: Any, code: str, tmp_path: Path
) -> None:
    planted = tmp_path / "framewatch-preset.yaml"
    plant(planted)
    with pytest.raises(ConfigError) as caught:
        load_folder_preset(Root(tmp_path))
    assert caught.value.finding.code == code
    assert str(planted) in caught.value.finding.where


def test_without_a_preset_the_defaults_are_used(tmp_path: Path) -> None:
    assert load(None, tmp_path).preset == Preset()


@pytest.mark.parametrize("path", sorted(shipped("config/presets").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_preset_is_valid(path: Path) -> None:
    found = load_file(path)
    assert SHIPPED.by_name()[found.name] == path
    assert check_preset(found.preset) == []
    assert found.preset.upscales


def test_the_shipped_presets_have_the_documented_values() -> None:
    known = {name: load_file(path).preset for name, path in SHIPPED.by_name().items()}
    assert known["upscale-4k"] == Preset(
        container="mp4",
        video_codec="libx265",
        crf=20,
        ml_upscale="esrgan-2x",
        preset="medium",
        audio_codec="aac",
        audio_bitrate=192,
    )
    assert known["fast-hardware"] == Preset(
        container="mp4",
        video_codec="h264_nvenc",
        quality=50,
        ml_upscale="esrgan-2x",
        nvenc_spatial_aq=True,
        hw_decode=True,
        preset="fast",
    )
    assert known["rotated-crop"] == Preset(
        ml_upscale="esrgan-2x",
        rotation=90,
        flip_horizontal=True,
        crop={"x": 0, "y": 0, "width": 1280, "height": 720},
    )
    assert known["audio"] == Preset(
        ml_upscale="esrgan-2x", audio_normalize=True, audio_volume=110, selected_audio_tracks=(1,)
    )
    assert known["archive-4x"] == Preset(
        container="mkv",
        video_codec="libx265",
        crf=18,
        ml_upscale="esrgan-4x",
        preset="slow",
        audio_codec="flac",
    )


def test_a_preset_that_is_named_in_a_share_is_trusted_no_more_than_one_found_there(
    tmp_path: Path,
) -> None:
    share, private = Root(tmp_path / "in"), tmp_path / "private"
    (share.path / "sub").mkdir(parents=True)
    private.mkdir()
    (private / "p.yaml").write_text("crf: 11")

    def loaded(spec: str) -> NamedPreset:
        return load_preset(spec, library=PresetLibrary(shares=[share]), base=tmp_path, where="here")

    (share.path / "sub/p.yaml").write_text("crf: 12")
    assert loaded("./in/sub/p.yaml").preset.crf == 12
    assert loaded("./private/p.yaml").preset.crf == 11
    (share.path / "sub/p.yaml").write_text("extends: ../../private/p.yaml")
    (share.path / "link").symlink_to(private)
    (share.path / "p.yaml").symlink_to(private / "p.yaml")
    for spec, code in (
        ("./in/sub/p.yaml", "preset.path_not_allowed"),
        ("./in/link/p.yaml", "preset.unreadable"),
        ("./private/../in/p.yaml", "preset.unreadable"),
        ("./in/none.yaml", "config.not_found"),
    ):
        with pytest.raises(ConfigError) as caught:
            loaded(spec)
        assert caught.value.finding.code == code


def test_a_preset_in_a_share_is_found_out_by_whatever_path_it_is_named(tmp_path: Path) -> None:
    share, private, own = Root(tmp_path / "in"), tmp_path / "private", tmp_path / "own"
    for folder in (share.path / "presets", private, own):
        folder.mkdir(parents=True)
    (private / "secret.yaml").write_text("crf: 11")
    (share.path / "presets/p.yaml").write_text(f"extends: {private}/secret.yaml")
    (share.path / "presets/linked.yaml").symlink_to(private / "secret.yaml")
    (tmp_path / "alias").symlink_to("in")
    (own / "p.yaml").symlink_to(share.path / "presets/p.yaml")
    for name, reference in (("child", "../alias/presets/p.yaml"), ("other", str(own / "p.yaml"))):
        (own / f"{name}.yaml").write_text(f"extends: {reference}")
    (own / "way.yaml").write_text("only_if: {max_height: 10}\nelse: ../alias/presets/linked.yaml")

    def code(spec: object, *search: Path, path: Path = share.path) -> str:
        library = PresetLibrary(search, [Root(path)])
        with pytest.raises(ConfigError) as caught:
            load_preset(spec, library=library, base=tmp_path, where="here")  # type: ignore[arg-type]
        return caught.value.finding.code

    refused = "preset.path_not_allowed"
    assert code("alias/presets/p.yaml") == refused
    assert code("in/presets/p.yaml", path=tmp_path / "alias") == refused
    assert code("own/p.yaml") == refused
    assert code("p", tmp_path / "alias/presets") == refused
    assert code("p", share.path / "presets") == refused
    assert code({"extends": "alias/presets/p.yaml"}) == refused
    assert code("child", own) == refused
    assert code("other", own) == refused
    assert code("way", own) == "preset.unreadable"
    assert code("alias/presets/linked.yaml") == "preset.unreadable"
    assert code("linked", tmp_path / "alias/presets") == "preset.unreadable"

    planted = share.path / "framewatch-preset.yaml"
    planted.write_text("extends: p")
    with pytest.raises(ConfigError) as caught:
        load_folder_preset(share, PresetLibrary([tmp_path / "alias/presets"], [share]))
    assert caught.value.finding.code == refused


def test_a_preset_in_a_share_is_found_out_where_the_share_is_mounted_twice(tmp_path: Path) -> None:
    share = Root(tmp_path / "in")
    share.path.mkdir()
    (share.path / "p.yaml").write_text("extends: /nowhere/secret.yaml")
    with bound(share.path, tmp_path / "twice"), pytest.raises(ConfigError) as caught:
        load_preset("twice/p.yaml", library=PresetLibrary(shares=[share]), base=tmp_path, where="here")
    assert caught.value.finding.code == "preset.path_not_allowed"
