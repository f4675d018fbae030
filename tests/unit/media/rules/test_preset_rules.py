"""The rules, row by row. The tables are written out here, not read from container_rules.yaml."""

from __future__ import annotations

from typing import Any

import pytest

from framewatch.media.preset.preset import Preset
from framewatch.media.rules.preset_rules import check_preset, check_tools
from media_samples import fitting

SOUND = ["mp3", "m4a", "wav", "flac"]
TRANSPORT_ENCODERS = {
    "mpeg2video", "libx264", "libx265", "h264_videotoolbox", "hevc_videotoolbox", "h264_nvenc", "hevc_nvenc",
}  # fmt: skip
SOFTWARE = {"libx264": "mp4", "libx265": "mp4", "vp9": "webm", "prores": "mov", "libsvtav1": "mkv"}
VIDEO_ENCODERS = {
    "mp4": {
        "libx264", "libx265", "vp9", "libsvtav1", "h264_videotoolbox", "hevc_videotoolbox", "h264_nvenc",
        "hevc_nvenc", "av1_nvenc",
    },
    "mkv": {
        "libx264", "libx265", "vp9", "prores", "libsvtav1", "h264_videotoolbox", "hevc_videotoolbox",
        "h264_nvenc", "hevc_nvenc", "av1_nvenc",
    },
    "mov": {
        "libx264", "libx265", "prores", "h264_videotoolbox", "hevc_videotoolbox", "h264_nvenc", "hevc_nvenc",
    },
    "webm": {"vp9", "libsvtav1"},
    "m2t": TRANSPORT_ENCODERS, "mts": TRANSPORT_ENCODERS, "m2ts": TRANSPORT_ENCODERS,
}  # fmt: skip
ALL_VIDEO = sorted(set().union(*VIDEO_ENCODERS.values()) | {"gif"})
AUDIO_ENCODERS = {
    "mp4": {"copy", "aac", "libfdk_aac", "ac3", "libopus", "mp3", "alac"},
    "mkv": {
        "copy", "aac", "libfdk_aac", "ac3", "libopus", "mp3", "alac", "flac", "vorbis", "mp2", "pcm_s16le",
    },
    "mov": {"copy", "aac", "libfdk_aac", "ac3", "mp3", "alac", "mp2", "pcm_s16le"},
    "webm": {"copy", "libopus", "vorbis"},
    "m2t": {"copy", "mp2", "aac", "libfdk_aac", "ac3", "mp3", "libopus"},
    "mts": {"copy", "ac3", "pcm_bluray"}, "m2ts": {"copy", "ac3", "pcm_bluray"},
    "mp3": {"copy", "mp3"}, "m4a": {"copy", "aac", "libfdk_aac", "alac"}, "wav": {"copy", "pcm_s16le"},
    "flac": {"copy", "flac"},
}  # fmt: skip
ALL_AUDIO = sorted(AUDIO_ENCODERS["mkv"] | {"pcm_bluray"})
PIXEL_FORMATS = {
    "libx264": {"yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le"},
    "libx265": {"yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le"},
    "vp9": {"yuv420p", "yuv422p", "yuv444p"},
    "prores": {"yuv422p10le", "yuv444p10le"},
    "libsvtav1": {"yuv420p", "yuv420p10le"},
    "av1_nvenc": {"yuv420p", "yuv420p10le"},
    "hevc_nvenc": {"yuv420p", "yuv420p10le"},
    "hevc_videotoolbox": {"yuv420p", "yuv420p10le"},
    "h264_nvenc": {"yuv420p"},
    "h264_videotoolbox": {"yuv420p"},
}
ALL_FORMATS = sorted(PIXEL_FORMATS["libx264"])


def codes(**preset: Any) -> list[str]:
    return [finding.code for finding in check_preset(Preset(**preset))]


@pytest.mark.parametrize("container", ["mp3", "m4a", "wav", "flac", "gif"])
@pytest.mark.parametrize("mode", ["esrgan-2x", "esrgan-3x", "esrgan-4x"])
def test_upscaling_into_a_container_without_video_keeps_its_original_message(container: str, mode: str) -> None:
    (finding,) = check_preset(Preset(container=container, ml_upscale=mode))
    assert finding.code == "container.upscale_needs_video"
    assert finding.message == "ML upscaling requires an audio-capable video container"
    assert finding.hint == "use container mp4, mkv, mov, webm, m2t, m2ts or mts"


@pytest.mark.parametrize("mode", ["esrgan-2x", "esrgan-3x", "esrgan-4x"])
def test_upscaling_in_copy_mode_keeps_its_original_message(mode: str) -> None:
    (finding,) = check_preset(Preset(processing_mode="copy", ml_upscale=mode))
    assert finding.code == "mode.upscale_needs_reencode"
    assert finding.message == "ML upscaling requires re-encoding mode"


def test_both_refusals_of_an_upscale_are_reported_at_once() -> None:
    found = codes(container="mp3", processing_mode="copy", ml_upscale="esrgan-2x")
    assert found == ["container.upscale_needs_video", "mode.upscale_needs_reencode"]


@pytest.mark.parametrize("container", VIDEO_ENCODERS)
@pytest.mark.parametrize("codec", ALL_VIDEO)
def test_a_container_takes_exactly_its_video_encoders(container: str, codec: str) -> None:
    found = check_preset(fitting(container, video_codec=codec))
    expected = [] if codec in VIDEO_ENCODERS[container] else ["container.video_codec"]
    assert [finding.code for finding in found] == expected


@pytest.mark.parametrize("container", AUDIO_ENCODERS)
@pytest.mark.parametrize("codec", ALL_AUDIO)
def test_a_container_takes_exactly_its_audio_encoders(container: str, codec: str) -> None:
    found = check_preset(fitting(container, audio_codec=codec))
    expected = [] if codec in AUDIO_ENCODERS[container] else ["container.audio_codec"]
    assert [finding.code for finding in found] == expected


def test_the_hint_names_fitting_encoders_and_fitting_containers() -> None:
    video_finding, audio_finding = check_preset(Preset(container="webm"))
    fits = "mp4, mkv, mov, m2t, m2ts or mts"
    assert video_finding.hint == f"webm takes vp9, libsvtav1; libx264 works in {fits}"
    assert audio_finding.hint == "webm takes libopus, vorbis; aac works in mp4, mkv, mov, m2t or m4a"


def test_audio_that_is_dropped_needs_no_fitting_encoder() -> None:
    assert codes(container="mp4", audio_codec="flac", selected_audio_tracks="none") == []


@pytest.mark.parametrize("codec", PIXEL_FORMATS)
@pytest.mark.parametrize("pixel_format", ALL_FORMATS)
def test_an_encoder_takes_exactly_its_pixel_formats(codec: str, pixel_format: str) -> None:
    found = codes(container="mkv", video_codec=codec, pixel_format=pixel_format)
    assert found == ([] if pixel_format in PIXEL_FORMATS[codec] else ["video.pixel_format"])


@pytest.mark.parametrize(
    ("codec", "word", "fine"),
    [
        ("libx264", "placebo", True), ("libx264", "p5", False), ("libx264", "6", False),
        ("libx265", "ultrafast", True), ("libx265", "p1", False), ("vp9", "slow", True), ("vp9", "p3", False),
        ("libsvtav1", "0", True), ("libsvtav1", "13", True), ("libsvtav1", "medium", True),
        ("libsvtav1", "p2", False), ("h264_nvenc", "p7", True), ("h264_nvenc", "veryslow", True),
        ("prores", "slow", True), ("hevc_videotoolbox", "fast", True),
    ],
)  # fmt: skip
def test_an_encoder_takes_exactly_its_presets(codec: str, word: str, fine: bool) -> None:
    assert codes(container="mkv", video_codec=codec, preset=word) == ([] if fine else ["video.preset"])


@pytest.mark.parametrize(
    ("codec", "crf", "fine"),
    [
        ("libx264", 0, True), ("libx264", 51, True), ("libx264", 52, False), ("libx265", 52, False),
        ("vp9", 63, True), ("libsvtav1", 63, True), ("h264_nvenc", 63, True), ("prores", 63, True),
    ],
)  # fmt: skip
def test_crf_must_be_in_the_range_of_the_encoder(codec: str, crf: int, fine: bool) -> None:
    found = codes(container="mkv", video_codec=codec, crf=crf)
    assert found == ([] if fine else ["video.crf_range"])


def test_crf_is_not_checked_where_a_bit_rate_is_used() -> None:
    assert codes(crf=60, video_bitrate_mode="bitrate") == []


def test_a_bit_rate_of_zero_is_refused_only_where_it_is_used() -> None:
    assert codes(video_bitrate=0) == []
    assert codes(video_bitrate=0, video_bitrate_mode="bitrate") == ["video.bitrate"]
    assert codes(audio_bitrate=0) == ["audio.bitrate"]
    assert codes(audio_bitrate=0, audio_codec="copy") == []
    assert codes(container="mkv", audio_bitrate=0, audio_codec="flac") == []


def test_prores_has_no_bit_rate() -> None:
    assert codes(container="mov", video_codec="prores", video_bitrate_mode="bitrate") == ["video.bitrate_mode"]


def test_copied_video_keeps_its_pixel_format() -> None:
    assert codes(processing_mode="copy", pixel_format="yuv420p") == ["mode.copy_pixel_format"]


def test_copy_mode_does_not_check_encoders() -> None:
    assert codes(processing_mode="copy", container="webm", crf=60, audio_codec="flac") == []


def test_all_findings_about_a_preset_are_reported_at_once() -> None:
    found = codes(video_codec="libx264", pixel_format="yuv420p", preset="p1", crf=60, audio_codec="flac")
    assert found == ["video.preset", "video.crf_range", "container.audio_codec"]


# --- with the ffmpeg of a machine --------------------------------------------------------------------------


@pytest.mark.parametrize("codec", ["h264_nvenc", "hevc_nvenc", "av1_nvenc", "h264_videotoolbox", "hevc_videotoolbox"])
def test_missing_hardware_is_refused_with_encoders_that_work(codec: str) -> None:
    (finding,) = check_tools(Preset(video_codec=codec), frozenset({"libx264", "libx265", "aac"}))
    assert (finding.code, finding.where) == ("encoder.no_hardware", "video_codec")
    assert finding.hint == "use libx264 or libx265"


@pytest.mark.parametrize(("codec", "container"), SOFTWARE.items())
def test_a_video_encoder_that_this_ffmpeg_lacks_is_refused(codec: str, container: str) -> None:
    preset = fitting(container, video_codec=codec)
    (finding,) = check_tools(preset, frozenset({"aac", "libopus"}))
    assert (finding.code, finding.hint) == ("encoder.missing", "use another ffmpeg")


def test_an_audio_encoder_that_this_ffmpeg_lacks_is_refused_only_if_it_is_needed() -> None:
    there = frozenset({"libx264", "aac", "ac3"})
    (finding,) = check_tools(Preset(audio_codec="libfdk_aac"), there)
    assert (finding.code, finding.where, finding.hint) == ("encoder.missing", "audio_codec", "use aac or ac3")
    assert check_tools(Preset(audio_codec="copy"), there) == []
    assert check_tools(Preset(audio_codec="libfdk_aac", selected_audio_tracks="none"), there) == []


def test_copy_mode_needs_no_encoder() -> None:
    assert check_tools(Preset(processing_mode="copy", video_codec="h264_nvenc"), frozenset()) == []
