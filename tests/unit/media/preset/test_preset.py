"""The preset model: defaults, spellings, and what is refused."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from pydantic import AliasChoices, BaseModel
from pydantic.alias_generators import to_camel

from framewatch import documents
from framewatch.errors import ConfigError
from framewatch.media.containers import rules
from framewatch.media.preset import preset as models
from framewatch.media.preset.preset import Preset


def read(text: str) -> Preset:
    return documents.validate(documents.parse(text, "p.yaml"), Preset)


VIDEO_DEFAULTS = {
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
        "video_track": "auto", "selected_audio_tracks": (), "selected_subtitle_tracks": (), "strict_streams": False,
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
        **VIDEO_DEFAULTS,
        "extends": None, "only_if": None, "else_": None, "extra_encoder_args": (), "image_quality": 90,
        "image_lossless": False,
    }  # fmt: skip


def test_camel_case_json_with_numbers_as_text_equals_the_same_preset_in_yaml() -> None:
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


def test_every_key_also_accepts_frames_spelling() -> None:
    def camel(model: type[BaseModel]) -> None:
        for name, info in model.model_fields.items():
            frames = to_camel(name.rstrip("_"))
            accepted = info.validation_alias.choices if isinstance(info.validation_alias, AliasChoices) else [name]
            assert frames in accepted, f"{model.__name__}.{name}"
            for part in (info.annotation, *getattr(info.annotation, "__args__", ())):
                if isinstance(part, type) and issubclass(part, BaseModel) and part is not Preset:
                    camel(part)

    camel(Preset)


def test_a_preset_survives_json_and_evolve() -> None:
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
        ("video_codec: h266", "config.bad_value", "libx264, libx265, vp9"),
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
        ("only_if: {codecs: [h267]}", "only_if.unknown_codec", "hevc"),
        ("only_if: {crf: 20}", "config.unknown_key", "belongs to another mapping: the top level"),
        ("max_height: 20", "config.unknown_key", "belongs to another mapping: only_if"),
        ("metadata: {titel: x}", "config.unknown_key", "keys here: mode, title, artist, album, genre, date, comment"),
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
def test_an_invalid_value_is_refused_with_its_line_and_a_hint(text: str, code: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text)
    finding = caught.value.finding
    assert finding.code == code
    assert says in f"{finding.message} {finding.hint}"
    assert finding.where.startswith(f"p.yaml:{text.count(chr(10)) + 1}: ")


def test_all_errors_are_reported_at_once_under_the_users_spelling() -> None:
    with pytest.raises(ConfigError) as caught:
        read("mlUpscale: two\ncrf: x\nfoo: 1")
    places = {finding.where for finding in caught.value.findings}
    assert places == {"p.yaml:1: mlUpscale", "p.yaml:2: crf", "p.yaml:3: foo"}


def test_a_nested_key_without_a_value_takes_its_default() -> None:
    text = "crop: {x: , width: 4, height: 4}\nmetadata: {mode: }\n"
    text += "audio_limiter: {ceiling: }\naudio_compressor: {ratio: }"
    assert read(text) == Preset(
        crop={"width": 4, "height": 4}, metadata={}, audio_limiter={"enabled": True}, audio_compressor=True
    )


def test_svtav1_presets_can_be_numbers() -> None:
    assert read("preset: 6").preset == "6"


def test_model_and_container_rules_have_the_same_values() -> None:
    assert set(get_args(models.ContainerName)) == set(rules().containers)
    assert set(get_args(models.VideoCodec)) == set(rules().video_encoders)
    assert set(get_args(models.AudioCodec)) == {"copy", *rules().audio_encoders}
    formats = {name for encoder in rules().video_encoders.values() for name in encoder.pixel_formats}
    palette = "pal8"  # a gif's only format, which nobody chooses
    assert {*get_args(models.PixelFormat), palette} == {"auto", *formats}


@pytest.mark.parametrize("codec", get_args(models.VideoCodec))
def test_only_presets_that_upscale_or_encode_with_nvenc_need_a_gpu_slot(codec: models.VideoCodec) -> None:
    needs = codec in ("h264_nvenc", "hevc_nvenc", "av1_nvenc")
    assert Preset(video_codec=codec).needs_gpu == needs
    assert Preset(only_if={"max_height": 1}, else_={"video_codec": codec}).needs_gpu == needs
    assert Preset(video_codec=codec, ml_upscale="esrgan-2x").needs_gpu


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("container: MKV", "container", "mkv"),
        ("container: Matroska", "container", "mkv"),
        *((f"video_codec: {name}", "video_codec", "libx265") for name in ("h265", "HEVC", "x265", "h.265")),
        *((f"video_codec: {name}", "video_codec", "libx264") for name in ("h264", "avc", "AVC")),
        ("video_codec: AV1", "video_codec", "libsvtav1"),
        ("audio_codec: Opus", "audio_codec", "libopus"),
        ("ml_upscale: 4x", "ml_upscale", "esrgan-4x"),
        ("ml_upscale: 2", "ml_upscale", "esrgan-2x"),
        ("ml_upscale: ESRGAN-3x", "ml_upscale", "esrgan-3x"),
        ("processingMode: Copy", "processing_mode", "copy"),
        ("preset: Slow", "preset", "slow"),
        ("selected_audio_tracks: None", "selected_audio_tracks", "none"),
        ("deinterlace: Auto", "deinterlace", "auto"),
    ],
)
def test_other_common_names_and_any_case_are_understood(text: str, key: str, value: str) -> None:
    assert getattr(read(text), key) == value


def test_a_condition_on_codecs_takes_other_names_of_them_too() -> None:
    found = read("only_if: {codecs: [h265, HEVC, avc], containers: MKV}").only_if
    assert found is not None
    assert found.codecs == ("hevc", "hevc", "h264")
