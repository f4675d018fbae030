"""The rules that need the file as well as the preset, row by row. The tables are written out here."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from framewatch.domain import Colour, MediaInfo
from framewatch.media.plan.stream_table import stream_table
from framewatch.media.preset.preset import Preset
from media_samples import audio, cover, file_findings, fitting, media, subtitle, video

COPIED_VIDEO = {
    "mp4": {"h264", "hevc", "av1", "vp9", "mpeg4", "mjpeg", "mpeg1video", "mpeg2video", "vvc", "ffv1"},
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
    "mp4": {"aac", "ac3", "eac3", "opus", "mp3", "alac", "dts", "vorbis"},
    "mkv": {
        "aac", "aac_latm", "ac3", "eac3", "opus", "mp2", "mp3", "alac", "flac", "vorbis", "dts", "truehd",
        "pcm_s16le", "pcm_f32le",
    },
    "mov": {"aac", "ac3", "eac3", "mp2", "mp3", "alac", "dts", "pcm_s16le", "pcm_f32le"},
    "webm": {"opus", "vorbis"},
    "m2t": {"mp2", "mp3", "aac", "aac_latm", "ac3", "eac3", "dts", "truehd", "opus"},
    "mts": {"pcm_bluray", "ac3", "dts", "eac3"}, "m2ts": {"pcm_bluray", "ac3", "dts", "eac3"},
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
GIF = {"container": "gif", "video_codec": "gif"}


def file_codes(info: MediaInfo, **preset: Any) -> list[str]:
    return [finding.code for finding in file_findings(Preset(**preset), info)]


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
    info = media(video(codec="vp9"), audio(codec=codec))
    found = file_codes(info, container=container, strict_streams=True, **preset_keys)
    expected = [] if codec in COPIED_AUDIO[container] else ["copy.audio_codec"]
    assert [code for code in found if code != "copy.video_codec"] == expected


@pytest.mark.parametrize("container", COPIED_SUBTITLES)
@pytest.mark.parametrize("codec", ALL_SUBTITLES)
def test_copy_mode_takes_exactly_the_containers_subtitles(container: str, codec: str) -> None:
    info = media(video(codec="av1"), subtitle(codec=codec))
    found = file_codes(info, container=container, processing_mode="copy", strict_streams=True)
    refused = [code for code in found if code != "copy.video_codec"]
    assert len(refused) == (codec not in COPIED_SUBTITLES[container])
    assert set(refused) <= {"copy.subtitle_codec", "subtitle.bitmap", "subtitle.not_held"}


@pytest.mark.parametrize("codec", ["hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"])
@pytest.mark.parametrize("chosen", [(), (2,)])
@pytest.mark.parametrize("container", ["mp4", "mov", "webm"])
def test_image_subtitles_cannot_be_converted_to_text(container: str, chosen: Any, codec: str) -> None:
    info = media(video(), audio(), subtitle(codec=codec))
    assert file_findings(fitting(container, selected_subtitle_tracks=chosen), info) == []
    strict = fitting(container, selected_subtitle_tracks=chosen, strict_streams=True)
    (finding,) = file_findings(strict, info)
    assert stream_table(strict.evolve(strict_streams=False), info).warnings == [finding]
    assert (finding.code, finding.where) == ("subtitle.bitmap", "stream 2")
    fits = {"dvd_subtitle": "mkv", "dvb_subtitle": "mkv or m2t"}.get(codec, "mkv or m2ts or mts")
    assert f"use container {fits}" in finding.hint


@pytest.mark.parametrize("container", ["mp4", "mov", "webm"])
def test_image_subtitles_that_are_not_selected_are_accepted(container: str) -> None:
    info = media(video(), audio(), subtitle(2), subtitle(3, "hdmv_pgs_subtitle"))
    assert file_findings(fitting(container, selected_subtitle_tracks=(2,)), info) == []
    assert file_findings(fitting(container, selected_subtitle_tracks="none"), info) == []


def test_matroska_keeps_image_subtitles() -> None:
    assert file_codes(media(video(), subtitle(codec="hdmv_pgs_subtitle")), container="mkv") == []


def test_subtitles_with_an_unknown_codec_are_refused_by_a_strict_preset() -> None:
    assert file_codes(media(video(), subtitle(codec="unknown"))) == []
    assert file_codes(media(video(), subtitle(codec="unknown")), strict_streams=True) == ["subtitle.unknown_codec"]


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
    info = media(video(), audio(codec="truehd"), subtitle(codec="dvd_subtitle"))
    found = file_codes(info, audio_codec="copy", selected_audio_tracks=(1, 9), strict_streams=True)
    assert found == ["copy.audio_codec", "tracks.audio_not_found", "subtitle.bitmap"]


@pytest.mark.parametrize(
    ("preset_keys", "facts", "found"),
    [
        ({"crop": {"x": 44, "y": 0, "width": 20, "height": 48}}, {}, []),
        ({"crop": {"x": 45, "y": 0, "width": 20, "height": 48}}, {}, ["crop.outside"]),
        ({"crop": {"x": 0, "y": 0, "width": 48, "height": 64}, "rotation": 90}, {}, []),
        ({"crop": {"x": 0, "y": 0, "width": 48, "height": 64}}, {"rotation": 270}, []),
        ({"crop": {"x": 0, "y": 0, "width": 64, "height": 48}, "rotation": 90}, {}, ["crop.outside"]),
        (GIF, {"rate": Fraction(60)}, ["gif.rate"]),
        (GIF | {"fps": 25}, {"rate": Fraction(60)}, []),
        (GIF, {"width": 4096, "height": 2160}, []),
        (GIF, {"width": 7680, "height": 4320}, ["gif.too_long"]),
        (GIF | {"end_time": 0.5}, {"width": 7680, "height": 4320}, []),
    ],
)  # fmt: skip
def test_a_preset_that_does_not_fit_the_video_is_refused(preset_keys: Any, facts: Any, found: list[str]) -> None:
    info = media(video(**facts), audio())
    assert [finding.code for finding in file_findings(Preset(**preset_keys), info)] == found
