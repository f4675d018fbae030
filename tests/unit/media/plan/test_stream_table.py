"""What becomes of streams that the output cannot hold as they are."""

from __future__ import annotations

from typing import Any

import pytest

from framewatch.domain import Stream
from framewatch.errors import Finding
from framewatch.media.containers import CodecSet
from framewatch.media.plan.stream_table import ALL, Abilities, StreamTable, stream_table
from media_samples import audio, cover, fitting, media, other, subtitle, video

COPY = {"audio_codec": "copy"}
NO_DECODERS = Abilities(decoded=CodecSet())


def table(container: str, *streams: Stream, ffmpeg: Abilities = ALL, **keys: Any) -> StreamTable:
    return stream_table(fitting(container, **keys), media(*streams), ffmpeg)


def outcome(made: StreamTable, index: int) -> tuple[str, str | None]:
    return next((row.action, row.codec_out) for row in made.rows if row.index == index)


def told(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(each.code, each.where) for each in findings]


@pytest.mark.parametrize(
    ("container", "codec", "becomes"),
    [
        ("mp4", "truehd", "aac"), ("mp4", "pcm_s24le", "aac"), ("mov", "opus", "aac"), ("webm", "aac", "opus"),
        ("m2t", "flac", "aac"), ("m2ts", "aac", "ac3"), ("mkv", "pcm_bluray", "flac"), ("mp3", "aac", "mp3"),
        ("m4a", "flac", "aac"), ("wav", "aac", "pcm_s16le"), ("flac", "alac", "flac"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("keys", [COPY, {"processing_mode": "copy"}])
def test_sound_that_cannot_be_copied_is_converted_and_a_warning_says_so(
    container: str, codec: str, becomes: str, keys: dict[str, Any]
) -> None:
    made = table(container, video(codec="vp9" if container == "webm" else "h264"), audio(codec=codec), **keys)
    assert outcome(made, 1) == ("encode", becomes)
    assert told(made.warnings) == [("copy.audio_codec", "stream 1")]
    assert f"audio stream 1 ({codec}, jpn) cannot be copied into {container}" in made.warnings[0].message
    assert made.warnings[0].hint
    assert made.errors == []


def test_converted_sound_gets_bits_for_each_of_its_channels() -> None:
    (row,) = (each for each in table("mp4", video(), audio(codec="truehd", channels=6), **COPY).rows if each.audio)
    assert row.audio
    assert row.audio.kbps == 6 * 64


@pytest.mark.parametrize("keys", [COPY, {"processing_mode": "copy"}])
def test_a_track_that_can_be_neither_copied_nor_decoded_is_dropped_and_the_others_stay(keys: dict[str, Any]) -> None:
    ffmpeg = Abilities(decoded=CodecSet(names=("aac",)))
    made = table("mp4", video(), audio(1, "cook"), audio(2, "aac"), ffmpeg=ffmpeg, **keys)
    assert outcome(made, 1) == ("drop", None)
    assert outcome(made, 2) == ("copy", "aac")
    assert told(made.warnings) == [("copy.audio_codec", "stream 1")]
    assert "no decoder" in made.warnings[0].message
    assert "mkv" in made.warnings[0].hint


def test_a_track_without_a_decoder_is_copied_where_an_encoder_was_asked_for_and_the_container_takes_it() -> None:
    made = table("mkv", video(), audio(1, "cook"), ffmpeg=NO_DECODERS)
    assert outcome(made, 1) == ("copy", "cook")
    assert told(made.warnings) == [("audio.no_decoder", "stream 1")]
    lost = table("mp4", video(), audio(1, "cook"), ffmpeg=NO_DECODERS)
    assert outcome(lost, 1) == ("drop", None)
    assert "use container mkv and audio_codec copy" in lost.warnings[0].hint


@pytest.mark.parametrize("keys", [{}, COPY, {"processing_mode": "copy"}])
def test_a_codec_that_ffmpeg_has_no_name_for_is_not_copied_even_where_a_container_takes_any(
    keys: dict[str, Any],
) -> None:
    ffmpeg = Abilities(decoded=CodecSet(), known=CodecSet(names=("h264",)))
    made = table(
        "mkv", video(0, width=128), audio(1, "zzzz"), subtitle(2, "yyyy"), video(3, "xxxx"), ffmpeg=ffmpeg, **keys
    )
    assert [outcome(made, index) for index in (1, 2, 3)] == [("drop", None)] * 3
    assert sorted(each.where for each in made.warnings) == ["stream 1", "stream 2", "stream 3"]
    assert not [each for each in made.warnings if "use container" in each.hint]


def test_sound_is_dropped_where_this_ffmpeg_lacks_the_encoder_that_would_save_it() -> None:
    made = table("webm", video(codec="vp9"), audio(), ffmpeg=Abilities(encoders=CodecSet()), **COPY)
    assert outcome(made, 1) == ("drop", None)
    assert "libopus" in made.warnings[0].message


@pytest.mark.parametrize(("container", "keys"), [("mp3", {}), ("m4a", COPY), ("wav", {"processing_mode": "copy"})])
def test_an_output_of_sound_alone_needs_a_track_that_can_be_carried(container: str, keys: dict[str, Any]) -> None:
    made = table(container, audio(0, "cook"), ffmpeg=NO_DECODERS, **keys)
    assert [each.where for each in made.errors] == ["stream 0"]
    assert made.warnings == []


@pytest.mark.parametrize("codec", ["dvb_teletext", "eia_608", "ttml", "hdmv_text_subtitle"])
def test_text_that_only_some_programs_can_read_is_converted_where_the_ffmpeg_at_hand_can(codec: str) -> None:
    can, cannot = Abilities(decoded=CodecSet(names=(codec,))), NO_DECODERS
    for container, becomes in (("mkv", "subrip"), ("webm", "webvtt")):
        made = table(container, video(), subtitle(1, codec), ffmpeg=can)
        assert outcome(made, 1) == ("encode", becomes)
        assert made.warnings == []
        lost = table(container, video(), subtitle(1, codec), ffmpeg=cannot)
        assert outcome(lost, 1) == ("drop", None)
        assert told(lost.warnings) == [("subtitle.no_decoder", "stream 1")]


def test_copied_text_becomes_what_the_container_takes() -> None:
    made = table("mp4", video(), subtitle(1, "subrip"), subtitle(2, "ass"), processing_mode="copy")
    assert [outcome(made, index) for index in (1, 2)] == [("encode", "mov_text")] * 2
    codes = ["copy.subtitle_codec", "copy.subtitle_codec", "subtitle.styling_lost"]
    assert [each.code for each in made.warnings] == codes


def test_another_video_is_copied_where_nothing_is_encoded_and_dropped_with_a_warning_elsewhere() -> None:
    streams = video(0, width=1280, height=720), video(1, "mjpeg"), video(2, "vp8")
    copied = table("mp4", *streams, processing_mode="copy")
    assert [outcome(copied, index) for index in range(3)] == [("copy", "h264"), ("copy", "mjpeg"), ("drop", None)]
    assert told(copied.warnings) == [("streams.second_video", "stream 2")]
    encoded = table("mp4", *streams)
    assert [outcome(encoded, index) for index in range(3)] == [("encode", "h264"), ("drop", None), ("drop", None)]
    assert "video_track: 1" in encoded.warnings[0].hint


@pytest.mark.parametrize(
    ("streams", "main"),
    [
        ((video(0), video(1, width=128)), 1),
        ((video(0), video(1, width=128).evolve(default=True), video(2, width=256)), 1),
        ((video(0), video(1)), 0),
        ((video(0, width=512).evolve(video=None, default=True), video(1)), 1),
        ((video(0, width=512).evolve(cover=True), video(1)), 1),
    ],
)
def test_the_default_flag_and_then_the_size_choose_the_video(streams: tuple[Stream, ...], main: int) -> None:
    assert media(*streams).main_video == streams[main]
    for each in (each for each in streams if not each.cover):
        assert media(*streams, video_track=each.index).main_video == each


def test_a_video_track_that_is_none_is_an_error() -> None:
    made = table("mp4", video(), audio(), video_track=1)
    (finding,) = made.errors
    assert (finding.code, finding.where) == ("tracks.video_not_found", "video_track")
    assert finding.message == "stream 1 is audio, not video"


@pytest.mark.parametrize("selected", [(), (1, 2)])
def test_subtitles_that_cannot_be_carried_are_dropped_though_they_were_selected(selected: tuple[int, ...]) -> None:
    streams = video(), subtitle(1, "hdmv_pgs_subtitle"), subtitle(2, "subrip")
    made = table("mp4", *streams, selected_subtitle_tracks=selected)
    assert [outcome(made, index) for index in (1, 2)] == [("drop", None), ("encode", "mov_text")]
    assert told(made.warnings) == [("subtitle.bitmap", "stream 1")]
    assert made.warnings[0].hint == "use container mkv or m2ts or mts"


def test_a_strict_preset_refuses_a_file_for_every_stream_that_is_not_carried_as_it_is() -> None:
    streams = (
        video(), audio(1, "truehd"), subtitle(2, "hdmv_pgs_subtitle"), other(3, "attachment"), cover(4, "bmp"),
        other(5, "data", "tmcd"), video(6),
    )  # fmt: skip
    made = table("mp4", *streams, audio_codec="copy", strict_streams=True)
    assert sorted(each.where for each in made.errors) == [f"stream {index}" for index in range(1, 7)]
    assert made.warnings == []
    lax = table("mp4", *streams, audio_codec="copy")
    assert (lax.errors, lax.warnings) == ([], made.errors)
