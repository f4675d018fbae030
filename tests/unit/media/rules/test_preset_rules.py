"""The rules, row by row. The tables are written out here, not read from container_rules.yaml."""

from __future__ import annotations

from typing import Any

import pytest

from framewatch.domain import Colour, MediaInfo
from framewatch.media.preset.preset import Preset
from framewatch.media.rules.preset_rules import check_preset, check_tools
from media_samples import audio, cover, file_findings, media, subtitle, video

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
COPIED_VIDEO = {
    "mp4": {"h264", "hevc", "av1", "vp9", "mpeg4", "mjpeg"},
    "mkv": {
        "h264", "hevc", "av1", "vp9", "vp8", "mpeg4", "mjpeg", "mpeg1video", "mpeg2video", "prores", "vc1", "vvc",
        "ffv1",
    },
    "mov": {"h264", "hevc", "mpeg4", "mjpeg", "mpeg1video", "mpeg2video", "prores", "vc1", "vvc", "ffv1"},
    "webm": {"vp8", "vp9", "av1"},
    "m2t": {"mpeg1video", "mpeg2video", "mpeg4", "h264", "hevc", "vvc", "vc1"},
    "mts": {"mpeg2video", "h264", "vc1", "hevc"}, "m2ts": {"mpeg2video", "h264", "vc1", "hevc"},
}  # fmt: skip
COPIED_AUDIO = {
    "mp4": {"aac", "ac3", "eac3", "opus", "mp3", "alac"},
    "mkv": {
        "aac", "aac_latm", "ac3", "eac3", "opus", "mp2", "mp3", "alac", "flac", "vorbis", "dts", "truehd",
        "pcm_s16le", "pcm_f32le",
    },
    "mov": {"aac", "aac_latm", "ac3", "eac3", "mp2", "mp3", "alac", "dts", "pcm_s16le", "pcm_f32le"},
    "webm": {"opus", "vorbis"},
    "m2t": {"mp2", "mp3", "aac", "aac_latm", "ac3", "eac3", "dts", "truehd", "opus"},
    "mts": {"pcm_bluray", "ac3", "dts", "truehd", "eac3"}, "m2ts": {"pcm_bluray", "ac3", "dts", "truehd", "eac3"},
    "mp3": {"mp3"}, "m4a": {"aac", "alac", "ac3", "eac3", "mp3"}, "wav": {"pcm_s16le", "pcm_f32le"},
    "flac": {"flac"},
}  # fmt: skip
ALL_COPIED_AUDIO = sorted(COPIED_AUDIO["mkv"] | {"pcm_bluray"})
COPIED_SUBTITLES = {
    "mp4": {"mov_text"},
    "mkv": {"subrip", "ass", "webvtt", "hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"},
    "mov": {"mov_text"},
    "webm": {"webvtt"},
    "m2t": {"dvb_subtitle", "dvb_teletext"},
    "mts": {"hdmv_pgs_subtitle", "hdmv_text_subtitle"}, "m2ts": {"hdmv_pgs_subtitle", "hdmv_text_subtitle"},
}  # fmt: skip
ALL_SUBTITLES = sorted({"subrip", "ass", "webvtt", "dvd_subtitle", "mov_text"} | COPIED_SUBTITLES["m2t"] | {
    "hdmv_pgs_subtitle", "hdmv_text_subtitle"})  # fmt: skip


def codes(**preset: Any) -> list[str]:
    return [finding.code for finding in check_preset(Preset(**preset))]


def file_codes(info: MediaInfo, **preset: Any) -> list[str]:
    return [finding.code for finding in file_findings(Preset(**preset), info)]


def fitting(container: str, **preset_keys: Any) -> Preset:
    """A preset that is valid for the container, with these keys."""
    base = {"video_codec": "vp9"} if container == "webm" else {}
    base["audio_codec"] = {
        "webm": "libopus", "mts": "ac3", "m2ts": "ac3", "mp3": "mp3", "wav": "pcm_s16le", "flac": "flac",
    }.get(container, "aac")  # fmt: skip
    return Preset(container=container, **(base | preset_keys))


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


# --- with a file --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("container", COPIED_VIDEO)
@pytest.mark.parametrize("codec", sorted(COPIED_VIDEO["mkv"]))
def test_copy_mode_takes_exactly_the_containers_video(container: str, codec: str) -> None:
    found = file_codes(media(video(codec=codec)), container=container, processing_mode="copy")
    assert found == ([] if codec in COPIED_VIDEO[container] else ["copy.video_codec"])


@pytest.mark.parametrize("preset_keys", [{"processing_mode": "copy"}, {"audio_codec": "copy", "video_codec": "vp9"}])
@pytest.mark.parametrize("container", COPIED_AUDIO)
@pytest.mark.parametrize("codec", ALL_COPIED_AUDIO)
def test_audio_is_copied_only_into_containers_that_take_it(
    container: str, codec: str, preset_keys: dict[str, str]
) -> None:
    fit = {"mts": "libx264", "m2ts": "libx264", "m2t": "libx264"}.get(container, "vp9")
    preset_keys = preset_keys | ({"video_codec": fit} if "audio_codec" in preset_keys else {})
    found = file_codes(media(video(codec="vp9"), audio(codec=codec)), container=container, **preset_keys)
    expected = [] if codec in COPIED_AUDIO[container] else ["copy.audio_codec"]
    assert [code for code in found if code != "copy.video_codec"] == expected


@pytest.mark.parametrize("container", COPIED_SUBTITLES)
@pytest.mark.parametrize("codec", ALL_SUBTITLES)
def test_copy_mode_takes_exactly_the_containers_subtitles(container: str, codec: str) -> None:
    info = media(video(codec="av1"), subtitle(codec=codec))
    found = file_codes(info, container=container, processing_mode="copy")
    expected = [] if codec in COPIED_SUBTITLES[container] else ["copy.subtitle_codec"]
    assert [code for code in found if code != "copy.video_codec"] == expected


@pytest.mark.parametrize("codec", ["hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"])
@pytest.mark.parametrize("chosen", [(), (2,)])
@pytest.mark.parametrize("container", ["mp4", "mov", "webm"])
def test_image_subtitles_cannot_be_converted_to_text(container: str, chosen: Any, codec: str) -> None:
    info = media(video(), audio(), subtitle(codec=codec))
    (finding,) = file_findings(fitting(container, selected_subtitle_tracks=chosen), info)
    assert (finding.code, finding.where) == ("subtitle.bitmap", "stream 2")
    fits = {"dvd_subtitle": "mkv", "dvb_subtitle": "mkv or m2t"}.get(codec, "mkv or m2ts or mts")
    assert f"use container {fits}, or name the tracks to keep" in finding.hint


@pytest.mark.parametrize("container", ["mp4", "mov", "webm"])
def test_image_subtitles_that_are_not_selected_are_accepted(container: str) -> None:
    info = media(video(), audio(), subtitle(2), subtitle(3, "hdmv_pgs_subtitle"))
    assert file_findings(fitting(container, selected_subtitle_tracks=(2,)), info) == []
    assert file_findings(fitting(container, selected_subtitle_tracks="none"), info) == []


def test_matroska_keeps_image_subtitles() -> None:
    assert file_codes(media(video(), subtitle(codec="hdmv_pgs_subtitle")), container="mkv") == []


def test_subtitles_with_an_unknown_codec_are_refused() -> None:
    assert file_codes(media(video(), subtitle(codec="unknown"))) == ["subtitle.unknown_codec"]


@pytest.mark.parametrize(
    ("preset_keys", "code", "message", "hint"),
    [
        ({"selected_audio_tracks": (5,)}, "tracks.audio_not_found", "there is no stream 5", "1 (jpn)"),
        (
            {"selected_audio_tracks": (0,)},
            "tracks.audio_not_found",
            "stream 0 is video, not audio",
            "1 (jpn)",
        ),
        ({"selected_subtitle_tracks": (1,)}, "tracks.subtitle_not_found", "stream 1 is audio", "no subtitle"),
    ],
)
def test_a_selected_track_must_exist(preset_keys: Any, code: str, message: str, hint: str) -> None:
    (finding,) = file_findings(Preset(**preset_keys), media(video(), audio()))
    assert finding.code == code
    assert finding.message.startswith(message)
    assert hint in finding.hint


@pytest.mark.parametrize("mode", ["reencode", "copy"])
def test_a_file_with_only_a_cover_is_refused(mode: str) -> None:
    assert file_codes(media(audio(0)), processing_mode=mode) == ["media.no_video"]
    (finding,) = file_findings(Preset(processing_mode=mode), media(audio(0), cover(1)))
    assert "only a cover image" in finding.message


def test_a_video_without_audio_is_accepted() -> None:
    assert file_codes(media(video())) == []


def test_colours_that_cannot_become_rgb_are_refused_only_where_rgb_is_needed() -> None:
    info = media(video(colour=Colour(matrix="ictcp")))
    assert file_codes(info, ml_upscale="esrgan-2x") == ["media.colour_unsupported"]
    assert file_codes(info) == []


def test_all_findings_about_a_file_are_reported_at_once() -> None:
    info = media(video(), audio(codec="dts"), subtitle(codec="dvd_subtitle"))
    found = file_codes(info, audio_codec="copy", selected_audio_tracks=(1, 9))
    assert found == ["copy.audio_codec", "tracks.audio_not_found", "subtitle.bitmap"]


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
