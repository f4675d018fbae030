"""The rules about audio and tracks, row by row."""

from __future__ import annotations

from typing import Any

import pytest

from framewatch.documents import parse, validate
from framewatch.errors import ConfigError
from framewatch.media.preset.preset import Preset
from framewatch.media.rules.preset_rules import check_preset, check_tools
from media_samples import audio, file_findings, media, subtitle, video

FIT = {"mp3": "mp3", "m4a": "aac", "wav": "pcm_s16le", "flac": "flac"}
AUDIO_KEYS: list[tuple[dict[str, Any], str, str]] = [
    ({"audio_volume": 110}, "volume", "audio_volume"),
    ({"audio_normalize": True}, "normalize", "audio_normalize"),
    ({"audio_channels": "mono"}, "channels", "audio_channels"),
    ({"audio_high_pass": 80}, "audio_filter", "audio_high_pass"),
    ({"audio_low_pass": 8000}, "audio_filter", "audio_low_pass"),
    ({"audio_noise_reduction": 10}, "audio_filter", "audio_noise_reduction"),
    ({"audio_de_esser": 10}, "audio_filter", "audio_de_esser"),
    ({"audio_bass": 3}, "audio_filter", "audio_bass"),
    ({"audio_treble": -3}, "audio_filter", "audio_treble"),
    ({"audio_compressor": True}, "audio_filter", "audio_compressor"),
    ({"audio_stereo_width": 0}, "audio_filter", "audio_stereo_width"),
    ({"audio_limiter": True}, "audio_filter", "audio_limiter"),
]


def codes(**preset: Any) -> list[str]:
    return [finding.code for finding in check_preset(Preset(**preset))]


@pytest.mark.parametrize(("preset_keys", "name", "key"), AUDIO_KEYS)
def test_copy_mode_refuses_keys_that_change_audio(preset_keys: dict[str, Any], name: str, key: str) -> None:
    (finding,) = check_preset(Preset(processing_mode="copy", **preset_keys))
    assert (finding.code, finding.where) == (f"mode.copy_{name}", key)
    assert 'processing_mode "reencode"' in finding.hint


@pytest.mark.parametrize(("preset_keys", "name", "key"), AUDIO_KEYS)
def test_copied_audio_refuses_keys_that_change_it(preset_keys: dict[str, Any], name: str, key: str) -> None:
    (finding,) = check_preset(Preset(audio_codec="copy", **preset_keys))
    assert (finding.code, finding.where) == (f"audio.copy_{name}", key)
    assert "an audio_codec that encodes" in finding.hint


@pytest.mark.parametrize(("preset_keys", "name", "key"), AUDIO_KEYS)
def test_encoded_audio_accepts_every_key(preset_keys: dict[str, Any], name: str, key: str) -> None:
    assert codes(**preset_keys) == []


@pytest.mark.parametrize(
    "codec", ["aac", "ac3", "libopus", "mp3", "alac", "flac", "vorbis", "mp2", "pcm_s16le", "libfdk_aac"]
)
def test_only_two_encoders_have_a_variable_bit_rate(codec: str) -> None:
    found = codes(container="mkv", audio_codec=codec, audio_bitrate_mode="vbr")
    assert found == ([] if codec in {"mp3", "libfdk_aac"} else ["audio.vbr_unsupported"])


@pytest.mark.parametrize(
    ("codec", "quality", "fine"),
    [("mp3", 0, True), ("mp3", 9, True), ("libfdk_aac", 0, False), ("libfdk_aac", 5, True), ("libfdk_aac", 6, False)],
)
def test_audio_quality_must_be_in_the_range_of_the_encoder(codec: str, quality: int, fine: bool) -> None:
    found = codes(audio_codec=codec, audio_bitrate_mode="vbr", audio_quality=quality)
    assert found == ([] if fine else ["audio.quality_range"])


def test_an_unused_audio_quality_is_accepted() -> None:
    assert codes(audio_codec="aac", audio_quality=9) == []
    assert codes(audio_codec="libfdk_aac", audio_quality=9, audio_bitrate_mode="vbr", processing_mode="copy") == []


@pytest.mark.parametrize("container", FIT)
def test_an_audio_container_needs_audio_and_takes_nothing_else(container: str) -> None:
    base = {"container": container, "audio_codec": FIT[container]}
    assert codes(**base) == []
    assert codes(**base, video_codec="prores", preset="p7", crf=60) == []
    assert codes(**base, selected_audio_tracks="none") == ["container.audio_needed"]
    assert codes(**base, selected_subtitle_tracks=(2,)) == ["container.no_subtitles"]
    assert codes(**base, selected_subtitle_tracks="none") == []
    assert codes(**base, pixel_format="yuv420p") == ["container.no_pixel_format"]
    assert codes(**base, pixel_format="yuv420p", processing_mode="copy") == ["container.no_pixel_format"]
    two = [] if container == "m4a" else ["tracks.too_many"]
    assert codes(**base, selected_audio_tracks=(1, 2)) == two


@pytest.mark.parametrize("mode", ["reencode", "copy"])
@pytest.mark.parametrize("container", FIT)
def test_an_audio_container_needs_a_file_with_audio(container: str, mode: str) -> None:
    preset = Preset(container=container, audio_codec=FIT[container], processing_mode=mode)
    (finding,) = file_findings(preset, media(video()))
    assert finding.code == "media.no_audio"


def test_an_audio_container_takes_files_without_video_and_drops_subtitles() -> None:
    preset = Preset(container="m4a")
    assert file_findings(preset, media(audio(0))) == []
    assert file_findings(preset, media(video(), audio(), subtitle(2, "hdmv_pgs_subtitle"))) == []


@pytest.mark.parametrize("codec", ["subrip", "ass", "dvd_subtitle", "webvtt", "unknown"])
@pytest.mark.parametrize("container", ["m2t", "mts", "m2ts"])
def test_text_subtitles_cannot_be_converted_for_a_transport_stream(container: str, codec: str) -> None:
    preset = Preset(container=container, audio_codec="ac3", strict_streams=True)
    (finding,) = file_findings(preset, media(video(), subtitle(1, codec)))
    assert (finding.code, finding.where) == ("subtitle.not_held", "stream 1")
    assert file_findings(preset.evolve(selected_subtitle_tracks="none"), media(video(), subtitle(1, codec))) == []


@pytest.mark.parametrize("container", FIT)
def test_a_selected_track_must_exist_for_audio_containers_too(container: str) -> None:
    preset = Preset(container=container, audio_codec=FIT[container], selected_audio_tracks=(7,))
    assert [finding.code for finding in file_findings(preset, media(video(), audio()))] == ["tracks.audio_not_found"]


def test_an_audio_container_needs_its_audio_encoder_but_no_video_encoder() -> None:
    preset = Preset(container="m4a", video_codec="h264_nvenc")
    assert check_tools(preset, frozenset({"aac"})) == []
    (finding,) = check_tools(Preset(container="m4a", audio_codec="libfdk_aac"), frozenset({"aac"}))
    assert (finding.code, finding.hint) == ("encoder.missing", "use aac")


@pytest.mark.parametrize(
    "text",
    [
        "audio_volume: -1", "audio_volume: 401", "audio_volume: yes", "audio_volume: .nan", "audio_high_pass: 9",
        "audio_low_pass: 30000", "audio_bass: 21", "audio_treble: -21", "audio_noise_reduction: 41",
        "audio_noise_floor: 0", "audio_de_esser: 101", "audio_stereo_width: 301", "audio_channels: 5.1",
        "audio_compressor: {threshold: 1}", "audio_compressor: {speed: 1}", "audio_limiter: {ceiling: 1}",
        "audio_quality: 10", "audio_bitrate_mode: abr", "metadata: {mode: keep}", "metadata: {titel: x}",
    ],
)  # fmt: skip
def test_a_value_outside_its_range_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        validate(parse(f"container: mkv\n{text}", source="p.yaml"), Preset)
    (finding,) = refused.value.findings
    assert finding.where.startswith("p.yaml:2: ")


def test_the_names_that_frame_writes_are_accepted() -> None:
    frame = """{"audioNormalize": true, "audioVolume": "110", "audioChannels": "stereo", "audioBitrateMode": "vbr",
        "audioQuality": "2", "audioCodec": "mp3", "metadata": {"mode": "replace", "title": "A", "artist": null,
        "comment": ""}}"""
    ours = """{audio_normalize: true, audio_volume: 110, audio_channels: stereo, audio_bitrate_mode: vbr,
        audio_quality: 2, audio_codec: mp3, metadata: {mode: replace, title: A, comment: ""}}"""
    assert validate(parse(frame, source="f"), Preset) == validate(parse(ours, source="o"), Preset)


def test_a_filter_is_enabled_by_a_boolean_or_by_its_settings() -> None:
    assert Preset(audio_limiter=True).audio_limiter.ceiling == -1
    assert Preset(audio_limiter={"ceiling": -3}).audio_filters == ("audio_limiter",)
    assert Preset(audio_compressor={"enabled": False, "ratio": 2}).audio_filters == ()
