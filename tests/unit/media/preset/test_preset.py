"""Presets: the model, and how one is found."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import AliasChoices, BaseModel
from pydantic.alias_generators import to_camel

from framewatch import documents
from framewatch.errors import ConfigError
from framewatch.media.containers import rules
from framewatch.media.preset import preset as models
from framewatch.media.preset.loader import (
    find_folder_preset,
    list_presets,
    load_file,
    load_folder_preset,
    load_preset,
)
from framewatch.media.preset.preset import Preset
from framewatch.media.preset.schema import preset_schema
from framewatch.media.rules.preset_rules import check_preset
from framewatch.resources import shipped

HERE = "framewatch.yaml:3: folders[0].preset"


def read(text: str) -> Preset:
    return documents.validate(documents.parse(text, "p.yaml"), Preset)


PICTURE = {
    "resolution": "original", "custom_width": None, "custom_height": None, "scaling_algorithm": "bicubic",
    "output_width": None, "output_height": None, "fps": "original", "frame_timing": "cfr", "start_time": None,
    "end_time": None, "rotation": 0, "flip_horizontal": False, "flip_vertical": False, "crop": None,
    "subtitle_burn_path": None, "subtitle_font_name": None, "subtitle_font_size": None,
    "subtitle_font_color": None, "subtitle_outline_color": None, "subtitle_position": None,
    "deinterlace": "off", "brightness": 0, "contrast": 1, "saturation": 1, "gamma": 1, "hue": 0, "sharpen": 0,
    "blur": 0, "denoise": 0, "deband": 0, "vignette": 0, "grayscale": False, "hw_decode": False,
    "gif_colors": 256, "gif_dither": "sierra2_4a", "gif_loop": 0,
}  # fmt: skip


def test_an_empty_preset_has_the_defaults_of_frame() -> None:
    assert read("").model_dump() == {
        "processing_mode": "reencode", "container": "mp4", "ml_upscale": "none",
        "video_codec": "libx264", "video_bitrate_mode": "crf", "video_bitrate": 5000, "crf": 23,
        "quality": 50, "preset": "medium", "nvenc_spatial_aq": False, "nvenc_temporal_aq": False,
        "videotoolbox_allow_sw": False, "pixel_format": "auto", "audio_codec": "aac", "audio_bitrate": 128,
        "selected_audio_tracks": (), "selected_subtitle_tracks": (),
        "audio_bitrate_mode": "bitrate", "audio_quality": 4, "audio_channels": "original", "audio_volume": 100,
        "audio_normalize": False, "audio_high_pass": None, "audio_low_pass": None, "audio_noise_reduction": 0,
        "audio_noise_floor": -50, "audio_de_esser": 0, "audio_bass": 0, "audio_treble": 0,
        "audio_stereo_width": 100,
        "audio_compressor": {
            "enabled": False, "threshold": -18, "ratio": 3, "attack": 20, "release": 250, "makeup": 0,
        },
        "audio_limiter": {"enabled": False, "ceiling": -1, "attack": 5, "release": 50},
        "metadata": {
            "mode": "preserve", "title": None, "artist": None, "album": None, "genre": None, "date": None,
            "comment": None,
        },
        **PICTURE,
        "extends": None, "only_if": None, "else_": None, "extra_encoder_args": (), "image_quality": 90,
        "image_lossless": False,
    }  # fmt: skip


def test_camel_case_json_with_numbers_as_text_is_the_same_preset_as_its_yaml_twin() -> None:
    frame = {
        "container": "mkv", "videoCodec": "libx265", "videoBitrateMode": "bitrate", "videoBitrate": "4000",
        "crf": 20, "mlUpscale": "esrgan-2x", "preset": "slow", "audioCodec": "aac", "audioBitrate": "192",
        "selectedAudioTracks": [1], "nvencSpatialAq": True, "pixelFormat": "yuv420p10le",
        "onlyIf": {"maxHeight": "1080", "maxDuration": "90", "codecs": ["h264"]}, "videotoolboxAllowSw": None,
    }  # fmt: skip
    yaml = """
        {container: mkv, video_codec: libx265, video_bitrate_mode: bitrate, video_bitrate: 4000, crf: 20,
         ml_upscale: esrgan-2x, preset: slow, audio_codec: aac, audio_bitrate: 192,
         selected_audio_tracks: [1], nvenc_spatial_aq: true, pixel_format: yuv420p10le,
         only_if: {max_height: 1080, max_duration: "1:30", codecs: h264}}"""
    assert read(json.dumps(frame)) == read(yaml)


def test_every_key_nested_ones_too_has_frames_spelling_and_means_the_same() -> None:
    def camel(model: type[BaseModel]) -> None:
        for name, info in model.model_fields.items():
            frames = to_camel(name.rstrip("_"))
            accepted = info.validation_alias.choices if isinstance(info.validation_alias, AliasChoices) else [name]
            assert frames in accepted, f"{model.__name__}.{name}"
            for part in (info.annotation, *getattr(info.annotation, "__args__", ())):
                if isinstance(part, type) and issubclass(part, BaseModel) and part is not Preset:
                    camel(part)

    camel(Preset)


def test_a_preset_goes_through_json_and_evolve_unchanged() -> None:
    preset = read("ml_upscale: esrgan-3x\nselected_audio_tracks: [2, 1]\nselected_subtitle_tracks: none")
    assert Preset.model_validate_json(preset.model_dump_json()) == preset
    assert preset.evolve(crf=18).crf == 18
    assert (preset.scale, preset.upscales) == (3, True)


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("crff: 20", "config.unknown_key", 'did you mean "crf"?'),
        ("videoCodek: vp9", "config.unknown_key", 'did you mean "video_codec"?'),
        ("ml_upscale: esrgan2x", "config.bad_value", 'did you mean "esrgan-2x"?'),
        ("container: ogg", "config.bad_value", "mp4, mkv, webm, mov"),
        ("video_codec: h265", "config.bad_value", "libx265"),
        ("processing_mode: fast", "config.bad_value", "reencode, copy"),
        ("crf: yes", "config.bad_value", "not true or false"),
        ("crf: 18.5", "config.bad_value", "18.5"),
        ("crf: 64", "config.bad_value", "63"),
        ("quality: 101", "config.bad_value", "100"),
        ("video_bitrate: -1", "config.bad_value", "greater than or equal to 0"),
        ("audio_bitrate: -1", "config.bad_value", "greater than or equal to 0"),
        ("audio_bitrate: much", "config.bad_value", "much"),
        ("preset: fastest", "config.bad_value", '"faster"'),
        ("pixel_format: yuv410p", "config.bad_value", "yuv4"),
        ("selected_audio_tracks: 1", "config.bad_value", "keeps all"),
        ("selected_audio_tracks: [one]", "config.bad_value", "list of stream numbers"),
        ("selected_audio_tracks: [-1]", "config.bad_value", "count from 0"),
        ("selected_subtitle_tracks: [2, 2]", "config.bad_value", "twice"),
        ("only_if: {max_hight: 5}", "config.unknown_key", 'did you mean "max_height"?'),
        ("onlyIf: {maxHight: 5}", "config.unknown_key", "max_height"),
        ("only_if: {codecs: [h265]}", "only_if.unknown_codec", "hevc"),
        ("only_if: {containers: [matroska]}", "config.bad_value", "mkv"),
        ("only_if: {max_height: 0}", "config.bad_value", "greater than 0"),
        ("only_if: {max_duration: soon}", "config.bad_value", "soon"),
        ("only_if: [max_height]", "config.bad_value", "a mapping"),
        ("extra_encoder_args: -tune film", "config.bad_value", "a list of options"),
        ("extra_encoder_args: [-tune, yes]", "config.bad_value", "string"),
        ("image_quality: 101", "config.bad_value", "100"),
        ("crf: 20\nvideo_codec: vp9\nvideoCodec: vp9", "config.unknown_key", "videoCodec"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_line_and_a_hint(text: str, code: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text)
    finding = caught.value.finding
    assert finding.code == code
    assert says in f"{finding.message} {finding.hint}"
    assert finding.where.startswith(f"p.yaml:{text.count(chr(10)) + 1}: ")


def test_all_mistakes_are_told_at_once_by_the_names_that_the_user_wrote() -> None:
    with pytest.raises(ConfigError) as caught:
        read("mlUpscale: two\ncrf: x\nfoo: 1")
    places = {finding.where for finding in caught.value.findings}
    assert places == {"p.yaml:1: mlUpscale", "p.yaml:2: crf", "p.yaml:3: foo"}


def test_svtav1_presets_may_be_written_as_numbers() -> None:
    assert read("preset: 6").preset == "6"


def test_every_word_of_the_model_is_in_the_table_and_the_other_way_round() -> None:
    assert set(get_args(models.ContainerName)) == set(rules().containers)
    assert set(get_args(models.VideoCodec)) == set(rules().video_encoders)
    assert set(get_args(models.AudioCodec)) == {"copy", *rules().audio_encoders}
    formats = {name for encoder in rules().video_encoders.values() for name in encoder.pixel_formats}
    palette = "pal8"  # a gif's only format, which nobody chooses
    assert {*get_args(models.PixelFormat), palette} == {"auto", *formats}


def test_the_schema_describes_every_key() -> None:
    properties = preset_schema()["properties"]
    assert set(properties) == {name.rstrip("_") for name in Preset.model_fields}
    assert all(each.get("description") for each in properties.values())


# --- finding ------------------------------------------------------------------------------------------------


def load(spec: Any, tmp_path: Path, *search: Path) -> Any:
    return load_preset(spec, search=search, base=tmp_path, where=HERE)


def test_a_name_is_looked_up_in_the_users_folders_before_the_shipped_ones(tmp_path: Path) -> None:
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


def test_a_mapping_is_the_preset_itself_and_its_errors_say_where_it_stands(tmp_path: Path) -> None:
    assert load({"container": "mkv"}, tmp_path).preset.container == "mkv"
    with pytest.raises(ConfigError) as caught:
        load({"kontainer": "mkv"}, tmp_path)
    assert caught.value.finding.where == f"{HERE}: kontainer"


def test_an_unknown_name_is_answered_with_the_nearest_and_all_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load("upscale-4", tmp_path, tmp_path / "absent")
    finding = caught.value.finding
    assert (finding.code, finding.where) == ("preset.not_found", HERE)
    assert finding.hint.startswith('did you mean "upscale-4k"? known: ')
    assert "archive-4x" in finding.hint


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load("./gone.yaml", tmp_path)
    assert (caught.value.finding.code, caught.value.finding.where) == (
        "config.not_found",
        str(tmp_path / "gone.yaml"),
    )


def test_the_preset_lying_in_a_folder_is_found_and_read(tmp_path: Path) -> None:
    assert find_folder_preset(tmp_path) is None
    (tmp_path / "framewatch-preset.yaml").write_text("ml_upscale: esrgan-4x")
    path = find_folder_preset(tmp_path)
    assert path is not None
    assert load_folder_preset(path).preset.ml_upscale == "esrgan-4x"


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
def test_a_strangers_preset_is_read_only_if_it_is_a_small_regular_text_file(
    plant: Any, code: str, tmp_path: Path
) -> None:
    planted = tmp_path / "framewatch-preset.yaml"
    plant(planted)
    path = find_folder_preset(tmp_path)
    assert path == planted
    with pytest.raises(ConfigError) as caught:
        load_folder_preset(path)
    assert caught.value.finding.code == code
    assert str(planted) in caught.value.finding.where


def test_no_preset_asked_for_is_the_preset_of_defaults(tmp_path: Path) -> None:
    assert load(None, tmp_path).preset == Preset()


@pytest.mark.parametrize("path", sorted(shipped("config/presets").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_preset_is_right_and_keeps_the_rules(path: Path) -> None:
    found = load_file(path)
    assert list_presets([])[found.name] == path
    assert check_preset(found.preset) == []
    assert found.preset.upscales


def test_the_schema_that_editors_use_is_the_models_and_each_shipped_preset_names_it() -> None:
    kept = shipped("config/preset.schema.json")
    told = "write it anew: framewatch schema preset > config/preset.schema.json"
    assert json.loads(kept.read_text()) == preset_schema(), told
    for path in shipped("config/presets").glob("*.yaml"):
        mark, _, reference = path.read_text().splitlines()[0].partition("$schema=")
        assert mark == "# yaml-language-server: "
        assert (path.parent / reference).resolve() == kept.resolve()


def test_the_schema_tells_editors_the_words_the_defaults_and_what_else_may_be() -> None:
    known = preset_schema()
    properties = known["properties"]
    assert properties["ml_upscale"]["enum"] == ["none", "esrgan-2x", "esrgan-3x", "esrgan-4x"]
    assert properties["crf"]["default"] == 23
    assert properties["else"]["anyOf"] == [{"type": "string", "minLength": 1}, {"$ref": "#"}]
    assert known["additionalProperties"] is False
    nested = known["$defs"]["OnlyIf"]["properties"]
    assert all(each.get("description") for each in nested.values())


def test_the_presets_of_the_seed_are_as_the_seed_has_them() -> None:
    known = {name: load_file(path).preset for name, path in list_presets([]).items()}
    assert known["upscale-4k"] == Preset(
        container="mp4", video_codec="libx265", crf=20, ml_upscale="esrgan-2x", preset="medium",
        audio_codec="aac", audio_bitrate=192,
    )  # fmt: skip
    assert known["fast-hardware"] == Preset(
        container="mp4", video_codec="h264_nvenc", quality=50, ml_upscale="esrgan-2x", nvenc_spatial_aq=True,
        hw_decode=True, preset="fast",
    )  # fmt: skip
    assert known["rotated-crop"] == Preset(
        ml_upscale="esrgan-2x", rotation=90, flip_horizontal=True,
        crop={"x": 0, "y": 0, "width": 1280, "height": 720},
    )  # fmt: skip
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
