"""Presets that extend others: which keys apply, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from framewatch.errors import ConfigError, Finding
from framewatch.media.preset.library import SHIPPED, PresetLibrary
from framewatch.media.preset.loader import NamedPreset, load_file, load_folder_preset, load_preset
from framewatch.media.preset.only_if import OnlyIf
from framewatch.media.preset.preset import Preset
from framewatch.storage.root import Root

HERE = "framewatch.yaml:3: folders[0].preset"


def write(folder: Path, **texts: str) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text)


def load(folder: Path, name: str) -> Preset:
    return load_file(folder / f"{name}.yaml", PresetLibrary([folder])).preset


def loaded(planted: Path, search: Sequence[Path] = ()) -> NamedPreset:
    found = load_folder_preset(Root(planted.parent), PresetLibrary(search))
    assert found is not None
    return found


def refusals(folder: Path, name: str) -> list[Finding]:
    with pytest.raises(ConfigError) as caught:
        load(folder, name)
    return list(caught.value.findings)


def test_keys_of_the_child_override_those_of_the_parent(tmp_path: Path) -> None:
    write(tmp_path, base="{container: mkv, crf: 18, preset: slow}", mine="extends: base\ncrf: 25")
    assert load(tmp_path, "mine") == Preset(container="mkv", crf=25, preset="slow")


def test_extends_takes_a_name_or_a_path_also_in_an_inline_preset(tmp_path: Path) -> None:
    write(tmp_path, base="crf: 18", mine="extends: ./base.yaml")
    assert load(tmp_path, "mine").crf == 18
    inline = load_preset({"extends": "upscale-4k", "crf": 30}, library=SHIPPED, base=tmp_path, where=HERE)
    assert inline.preset == Preset(ml_upscale="esrgan-2x", video_codec="libx265", crf=30, audio_bitrate=192)
    inline = load_preset({"extends": "base.yaml"}, library=SHIPPED, base=tmp_path, where=HERE)
    assert inline.preset.crf == 18


def test_mappings_are_merged_key_by_key_whatever_the_spelling(tmp_path: Path) -> None:
    write(
        tmp_path,
        base="onlyIf: {maxHeight: 720, codecs: [h264]}\nvideoCodec: libx265",
        mine="extends: base\nonly_if: {max_height: 1080, min_width: 10}\nvideo_codec: vp9\ncontainer: webm",
    )
    made = load(tmp_path, "mine")
    assert made.only_if == OnlyIf(max_height=1080, min_width=10, codecs=("h264",))
    assert made.video_codec == "vp9"


def test_a_key_without_a_value_returns_to_its_default(tmp_path: Path) -> None:
    write(tmp_path, base="{crf: 18, only_if: {max_height: 720}}", mine="extends: base\ncrf:\nonly_if:")
    assert load(tmp_path, "mine") == Preset()


def test_a_preset_can_extend_the_preset_of_the_same_name_that_it_hides(tmp_path: Path) -> None:
    own, base = tmp_path / "own", tmp_path / "base"
    write(own, **{"upscale-4k": "extends: upscale-4k\ncrf: 15"})
    write(base, anything="extends: upscale-4k\npreset: slow")
    found = load_file(base / "anything.yaml", PresetLibrary([own])).preset
    assert (found.crf, found.preset, found.video_codec) == (15, "slow", "libx265")


def test_else_is_a_name_a_path_or_keys_and_replaces_an_inherited_else(tmp_path: Path) -> None:
    write(
        tmp_path,
        other="{container: mkv, crf: 1}",
        base="{only_if: {max_height: 720}, else: {crf: 2, preset: slow}}",
        named="extends: base\nelse: other",
        inline="extends: base\nelse: {crf: 3}",
        inner="only_if: {max_height: 10}\nelse: {extends: other, only_if: {max_height: 20}, else: ./other.yaml}",
    )
    assert load(tmp_path, "base").else_ == Preset(crf=2, preset="slow")
    assert load(tmp_path, "named").else_ == Preset(container="mkv", crf=1)
    assert load(tmp_path, "inline").else_ == Preset(crf=3)
    assert [each.container for each in load(tmp_path, "inner").variants] == ["mp4", "mkv", "mkv"]


def test_an_error_is_reported_with_the_file_and_line_that_it_is_on(tmp_path: Path) -> None:
    write(
        tmp_path,
        other="\n\n\nkrf: 1",
        base="\ncrff: 18\nonly_if:\n  max_hight: 5\nelse: other",
        mine="container: mkv\nextends: base\npreset: fastest\nonly_if: {min_widht: 4}",
    )
    found = {finding.where for finding in refusals(tmp_path, "mine")}
    base, mine, other = (tmp_path / f"{name}.yaml" for name in ("base", "mine", "other"))
    assert found == {
        f"{base}:2: crff",
        f"{base}:4: only_if.max_hight",
        f"{mine}:3: preset",
        f"{mine}:4: only_if.min_widht",
        f"{other}:4: krf",
    }


@pytest.mark.parametrize(
    ("texts", "code", "where"),
    [
        ({"a": "extends: a"}, "preset.cycle", "a.yaml:1: extends"),
        ({"a": "extends: ./a.yaml"}, "preset.cycle", "a.yaml:1: extends"),
        ({"a": "extends: b", "b": "crf: 1\nextends: a"}, "preset.cycle", "b.yaml:2: extends"),
        ({"a": "only_if: {}\nelse: b", "b": "only_if: {}\nelse: a"}, "preset.cycle", "b.yaml:2: else"),
        ({"a": "extends: upscale-4"}, "preset.not_found", "a.yaml:1: extends"),
        ({"a": "crf: 1\nextends: ./gone.yaml"}, "config.not_found", "gone.yaml"),
        ({"a": "extends: [b]"}, "config.bad_value", "a.yaml:1: extends"),
        ({"a": "extends: b", "b": "- crf"}, "config.bad_value", "a.yaml:1: extends"),
        ({"a": "only_if: {}\nelse: 5"}, "config.bad_value", "a.yaml:2: else"),
    ],
)
def test_a_reference_that_cannot_be_followed_is_refused_with_code_and_location(
    texts: dict[str, str], code: str, where: str, tmp_path: Path
) -> None:
    write(tmp_path, **texts)
    finding = refusals(tmp_path, "a")[0]
    assert finding.code == code
    assert where in finding.where


def test_a_chain_that_is_too_long_is_refused(tmp_path: Path) -> None:
    write(tmp_path, **{f"p{number}": f"extends: p{number + 1}" for number in range(12)}, p12="crf: 1")
    assert [finding.code for finding in refusals(tmp_path, "p0")] == ["preset.chain_too_long"]
    assert load(tmp_path, "p5").crf == 1


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("extends: ./secret.yaml", "preset.path_not_allowed"),
        ("extends: /etc/passwd", "preset.path_not_allowed"),
        ("extends: secret.yaml", "preset.path_not_allowed"),
        ("only_if: {max_height: 1}\nelse: ../x.yaml", "preset.path_not_allowed"),
        ("only_if: {max_height: 1}\nelse: {extends: /etc/passwd}", "preset.path_not_allowed"),
        ("extends: secret", "preset.not_found"),
        ("extra_encoder_args: 5", "config.bad_value"),
    ],
)
def test_a_preset_in_a_watched_folder_cannot_refer_to_files(text: str, code: str, tmp_path: Path) -> None:
    planted = tmp_path / "framewatch-preset.yaml"
    (tmp_path / "secret.yaml").write_text("crf: 1")
    planted.write_text(text)
    with pytest.raises(ConfigError) as caught:
        loaded(planted)
    assert caught.value.finding.code == code


def test_a_subtitle_file_is_searched_beside_the_preset_that_names_it(tmp_path: Path) -> None:
    own = tmp_path / "own"
    write(own, base="subtitleBurnPath: a.srt", other="subtitle_burn_path: elsewhere.srt")
    (own / "a.srt").write_text("1\n")
    write(tmp_path, mine="extends: ./own/base.yaml\nonly_if: {}\nelse: ./own/other.yaml")
    made = load(tmp_path, "mine")
    assert made.subtitle_burn_path == str(own / "a.srt")
    assert made.else_ is not None
    assert made.else_.subtitle_burn_path == "elsewhere.srt"  # so it lies beside the video
    planted = tmp_path / "framewatch-preset.yaml"
    planted.write_text("extends: base")
    assert loaded(planted, [own]).preset.subtitle_burn_path == str(own / "a.srt")
    planted.write_text("extends: base\nonly_if: {}\nelse: {subtitleBurnPath: /etc/a.srt}")
    with pytest.raises(ConfigError) as caught:
        loaded(planted, [own])
    assert caught.value.finding.code == "preset.outside_path"


def test_a_preset_in_a_watched_folder_can_extend_installed_presets_which_can_refer_to_files(tmp_path: Path) -> None:
    planted, own = tmp_path / "framewatch-preset.yaml", tmp_path / "presets"
    write(own, own_style="extends: ./deeper.yaml\npreset: slow", deeper="crf: 11")
    planted.write_text("extends: own_style\ncontainer: mkv")
    found: Any = loaded(planted, [own]).preset
    assert (found.crf, found.preset, found.container) == (11, "slow", "mkv")
