"""The plan: what is decided about a file before work on it starts."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from framewatch.domain import Audio, Colour, Stream
from framewatch.errors import RuleError
from framewatch.media.plan.expectation import ExpectedStream
from framewatch.media.plan.plan import MuxPlan, VideoPlan, make_plan
from framewatch.media.preset.preset import Preset
from media_samples import audio, cfr, cover, media, other, subtitle, video


def plan(*streams: Stream, timeline: Any = "cfr", info: Any = None, **preset_keys: Any) -> Any:
    chosen = cfr() if timeline == "cfr" else timeline
    return make_plan(Preset(**preset_keys), "test", info or media(*streams), chosen)


def warnings(made: MuxPlan) -> list[str]:
    return [warning.code for warning in made.warnings]


@pytest.mark.parametrize(
    ("preset_keys", "mode", "scale"),
    [
        ({"ml_upscale": "esrgan-2x"}, "upscale", 2),
        ({"ml_upscale": "esrgan-3x"}, "upscale", 3),
        ({"ml_upscale": "esrgan-4x"}, "upscale", 4),
        ({}, "transcode", 1),
        ({"processing_mode": "copy"}, "copy", 1),
    ],
)
def test_mode_and_scale_follow_the_preset(preset_keys: Any, mode: str, scale: int) -> None:
    made = plan(**preset_keys)
    assert (made.mode, made.scale) == (mode, scale)
    assert (made.width, made.height) == (64 * scale, 48 * scale)
    assert (made.expected.width, made.expected.height) == (64 * scale, 48 * scale)


@pytest.mark.parametrize(
    ("facts", "scale", "decoded", "output", "sar"),
    [
        ({}, 2, (64, 48), (128, 96), "1"),
        ({"sar": Fraction(16, 15)}, 2, (64, 48), (128, 96), "16/15"),
        ({"rotation": 90}, 2, (48, 64), (96, 128), "1"),
        ({"rotation": 270, "sar": Fraction(16, 15)}, 4, (48, 64), (192, 256), "15/16"),
        ({"rotation": 180, "sar": Fraction(16, 15)}, 2, (64, 48), (128, 96), "16/15"),
        ({"width": 65, "height": 47}, 2, (65, 47), (130, 94), "1"),
        ({"width": 65, "height": 47}, 3, (65, 47), (194, 140), "1"),
    ],
)
def test_the_output_is_upright_scaled_and_even(facts: Any, scale: int, decoded: Any, output: Any, sar: str) -> None:
    made = plan(video(**facts), ml_upscale=f"esrgan-{scale}x")
    assert (made.decoded_width, made.decoded_height) == decoded
    assert (made.frame_width, made.frame_height) == (decoded[0] * scale, decoded[1] * scale)
    assert (made.width, made.height) == output
    assert (made.expected.width, made.expected.height) == output
    assert made.sar == made.expected.sar == Fraction(sar)
    assert made.expected.rotation == 0


@pytest.mark.parametrize(
    ("pixel_format", "codec", "output"),
    [
        ("yuv420p", "libx264", (64, 46)),
        ("yuv422p", "libx264", (64, 47)),
        ("yuv444p", "libx264", (65, 47)),
        ("yuv422p10le", "prores", (64, 47)),
    ],
)
def test_odd_sizes_lose_only_what_the_chroma_subsampling_cannot_hold(
    pixel_format: str, codec: str, output: Any
) -> None:
    odd = video(width=65, height=47)
    made = plan(odd, container="mov", video_codec=codec, pixel_format=pixel_format)
    assert (made.width, made.height) == output
    assert ("video.cut_to_even" in warnings(made)) == (output != (65, 47))


def test_copied_video_is_unchanged_and_is_still_rotated_by_the_player() -> None:
    made = plan(video(rotation=90, width=65, sar=Fraction(4, 3)), processing_mode="copy")
    expected = made.expected
    assert (expected.width, expected.height, expected.rotation) == (65, 48, 90)
    assert (expected.sar, expected.pixel_format, expected.frames) == (Fraction(4, 3), None, None)
    assert made.frames == 50
    assert warnings(made) == []


@pytest.mark.parametrize(
    ("source", "depth", "codec", "upscaled", "transcoded"),
    [
        ("yuv420p", 8, "libx264", "yuv420p", "yuv420p"),
        ("yuvj420p", 8, "libx264", "yuv420p", "yuv420p"),
        ("yuv444p", 8, "libx264", "yuv420p", "yuv444p"),
        ("yuv420p10le", 10, "libx264", "yuv420p10le", "yuv420p10le"),
        ("yuv422p10le", 10, "libx265", "yuv420p10le", "yuv422p10le"),
        ("yuv420p12le", 12, "libx265", "yuv420p10le", "yuv420p10le"),
        ("yuv420p10le", 10, "vp9", "yuv420p", "yuv420p"),
        ("yuv444p", 8, "libsvtav1", "yuv420p", "yuv420p"),
        ("yuv420p10le", 10, "h264_nvenc", "yuv420p", "yuv420p"),
        ("yuv420p10le", 10, "hevc_nvenc", "yuv420p10le", "yuv420p10le"),
        ("yuv420p", 8, "prores", "yuv422p10le", "yuv422p10le"),
        ("yuv444p10le", 10, "prores", "yuv422p10le", "yuv444p10le"),
        ("gbrp", 8, "libx264", "yuv420p", "yuv420p"),
    ],
)
def test_auto_keeps_10_bit_where_the_encoder_takes_it(
    source: str, depth: int, codec: str, upscaled: str, transcoded: str
) -> None:
    stream = video(pixel_format=source, bit_depth=depth)
    two = plan(stream, container="mkv", video_codec=codec, ml_upscale="esrgan-2x")
    one = plan(stream, container="mkv", video_codec=codec)
    assert (two.pixel_format, one.pixel_format) == (upscaled, transcoded)
    assert two.expected.pixel_format == upscaled
    assert two.working_format == ("rgb24" if depth == 8 else "rgb48le")
    assert ("video.depth_lowered" in warnings(two)) == (depth > (10 if "10" in upscaled else 8))
    kept = {"yuv420": 0, "yuv422": 1}.get(upscaled[:6], 2)
    finer = {"yuv420": 0, "yuvj42": 0, "yuv422": 1}.get(source[:6], 2)
    assert ("video.chroma_lowered" in warnings(two)) == (kept < finer)


def test_a_given_pixel_format_is_used() -> None:
    assert plan(ml_upscale="esrgan-2x", pixel_format="yuv444p10le").pixel_format == "yuv444p10le"


def test_what_the_frames_lose_is_a_warning() -> None:
    made = plan(video(alpha=True, interlaced=True))
    assert warnings(made) == ["video.interlaced", "video.alpha_dropped"]


@pytest.mark.parametrize(
    ("tags", "height", "matrix"),
    [({}, 480, "smpte170m"), ({}, 720, "bt709"), ({"matrix": "bt2020nc"}, 480, "bt2020nc")],
)
def test_missing_colour_tags_follow_from_the_size_of_the_source(tags: Any, height: int, matrix: str) -> None:
    made = plan(video(colour=Colour(**tags), height=height), ml_upscale="esrgan-4x")
    assert (made.colour.matrix, made.colour.range) == (matrix, "limited")


# --- time ---------------------------------------------------------------------------------------------------


def test_rate_frames_and_duration_are_those_of_the_timeline() -> None:
    rate = Fraction(24000, 1001)
    for preset_keys in ({"ml_upscale": "esrgan-2x"}, {}):
        made = plan(timeline=cfr(48, rate), **preset_keys)
        assert (made.rate, made.frames, made.expected.frames) == (rate, 48, 48)
        assert made.expected.duration == pytest.approx(2.002)


def test_the_video_starts_as_late_as_in_the_source() -> None:
    made = plan(timeline=cfr(origin=7), info=media(start=0.1), ml_upscale="esrgan-2x")
    assert (made.container_start, made.video_start) == (0.1, 0.18)


def test_a_transcode_without_a_timeline_keeps_the_sources_timing() -> None:
    made = plan(timeline=None)
    assert (made.rate, made.expected.frames, made.frames, made.expected.duration) == (None, None, 50, 2.0)


def test_upscaling_without_a_timeline_is_an_error_of_the_caller() -> None:
    with pytest.raises(ValueError, match="timeline"):
        plan(timeline=None, ml_upscale="esrgan-2x")


# --- streams ------------------------------------------------------------------------------------------------

RICH = (
    video(0),
    audio(1, "aac", language="jpn"),
    audio(2, "opus", language="eng"),
    subtitle(3, "subrip"),
    subtitle(4, "ass"),
    other(5, "attachment", "ttf"),
    cover(6),
    other(7, "data", "bin_data"),
    video(8, "mjpeg"),
)


def rows(made: MuxPlan) -> list[tuple[int, str, str | None]]:
    return [(row.index, row.action, row.codec_out) for row in made.streams]


@pytest.mark.parametrize(
    ("preset_keys", "expected", "warned"),
    [
        (
            {"container": "mkv", "ml_upscale": "esrgan-2x", "audio_codec": "copy"},
            [
                (0, "upscale", "h264"), (1, "copy", "aac"), (2, "copy", "opus"), (3, "copy", "subrip"),
                (4, "copy", "ass"), (5, "copy", "ttf"), (6, "copy", "png"), (8, "drop", None), (7, "drop", None),
            ],
            ["streams.second_video", "streams.data_dropped"],
        ),
        (
            {"container": "mp4"},
            [
                (0, "encode", "h264"), (1, "encode", "aac"), (2, "encode", "aac"), (3, "encode", "mov_text"),
                (4, "encode", "mov_text"), (6, "copy", "png"), (8, "drop", None), (5, "drop", None),
                (7, "drop", None),
            ],
            [
                "streams.second_video", "subtitle.styling_lost", "streams.attachment_dropped",
                "streams.data_dropped",
            ],
        ),
        (
            {"container": "mov", "selected_audio_tracks": [2, 1], "selected_subtitle_tracks": [3]},
            [
                (0, "encode", "h264"), (2, "encode", "aac"), (1, "encode", "aac"), (3, "encode", "mov_text"),
                (8, "drop", None), (4, "drop", None), (5, "drop", None), (6, "drop", None), (7, "drop", None),
            ],
            [
                "streams.second_video", "streams.attachment_dropped", "streams.cover_dropped",
                "streams.data_dropped",
            ],
        ),
        (
            {
                "container": "webm", "video_codec": "vp9", "audio_codec": "libopus",
                "selected_audio_tracks": "none", "selected_subtitle_tracks": "none",
            },
            [
                (0, "encode", "vp9"), (8, "drop", None), (1, "drop", None), (2, "drop", None), (3, "drop", None),
                (4, "drop", None), (5, "drop", None), (6, "drop", None), (7, "drop", None),
            ],
            [
                "streams.second_video", "streams.attachment_dropped", "streams.cover_dropped",
                "streams.data_dropped",
            ],
        ),
        (
            {"container": "mkv", "processing_mode": "copy"},
            [
                (0, "copy", "h264"), (8, "copy", "mjpeg"), (1, "copy", "aac"), (2, "copy", "opus"),
                (3, "copy", "subrip"), (4, "copy", "ass"), (5, "copy", "ttf"), (6, "copy", "png"), (7, "drop", None),
            ],
            ["streams.data_dropped"],
        ),
    ],
)  # fmt: skip
def test_every_stream_has_a_row_and_every_loss_a_warning(preset_keys: Any, expected: Any, warned: list[str]) -> None:
    made = plan(*RICH, **preset_keys)
    assert rows(made) == expected
    assert warnings(made) == warned


def test_verification_expects_the_streams_in_their_order() -> None:
    made = plan(*RICH, container="mp4", selected_subtitle_tracks=[3])
    assert made.expected.streams == (
        ExpectedStream(kind="video", codec="h264"),
        ExpectedStream(kind="audio", codec="aac"),
        ExpectedStream(kind="audio", codec="aac"),
        ExpectedStream(kind="subtitle", codec="mov_text"),
        ExpectedStream(kind="video", codec="png", cover=True),
    )


def test_a_dropped_font_and_cover_are_told_which_container_keeps_them() -> None:
    made = plan(*RICH, container="webm", video_codec="vp9", audio_codec="libopus")
    hints = {each.code: each.hint for each in made.warnings}
    assert hints["streams.attachment_dropped"] == "container mkv keeps it"
    assert "mkv" in hints["streams.cover_dropped"]
    assert "mp4" in hints["streams.cover_dropped"]


def test_dropping_the_track_of_chapter_names_is_not_a_loss() -> None:
    made = plan(info=media(video(), other(1, "data", "bin_data"), chapters=2))
    assert warnings(made) == []
    assert made.expected.chapters


def test_a_cover_with_an_unusual_codec_is_dropped_with_a_warning() -> None:
    assert warnings(plan(video(), cover(1, "bmp"), container="mkv")) == ["streams.cover_dropped"]


@pytest.mark.parametrize(
    ("codec", "source", "used", "warned"),
    [
        ("aac", (128, 6), (128, None), []),
        ("mp3", (128, 6), (128, 2), ["audio.mixed_down"]),
        ("mp3", (500, 2), (320, None), ["audio.bitrate_changed"]),
        ("ac3", (640, 8), (640, 6), ["audio.mixed_down"]),
        ("ac3", (32, 6), (96, None), ["audio.bitrate_changed"]),
        ("libopus", (600, 1), (256, None), ["audio.bitrate_changed"]),
        ("vorbis", (128, 6), (240, None), ["audio.bitrate_changed"]),
        ("mp2", (100, 2), (96, None), ["audio.bitrate_changed"]),
        ("flac", (128, 6), (None, None), []),
    ],
)
def test_audio_gets_the_nearest_bit_rate_that_the_encoder_has(
    codec: str, source: tuple[int, int], used: tuple[int | None, int | None], warned: list[str]
) -> None:
    """Requested kbit/s and channels of the source; resulting kbit/s, and the channels where they are fewer."""
    kbps, channels = source
    made = plan(video(), audio(channels=channels), container="mkv", audio_codec=codec, audio_bitrate=kbps)
    target = made.of_kind("audio")[0].audio
    assert target is not None
    assert (target.kbps, target.channels) == used
    assert warnings(made) == warned


# --- the record ---------------------------------------------------------------------------------------------


def test_a_plan_goes_through_json_unchanged() -> None:
    made = plan(*RICH, container="mkv", ml_upscale="esrgan-2x", timeline=cfr(48, Fraction(24000, 1001)))
    assert VideoPlan.model_validate_json(made.model_dump_json()) == made


def test_a_refused_job_has_all_findings_of_preset_and_file() -> None:
    info = media(video(), Stream(index=1, kind="audio", codec="dts", audio=Audio(sample_rate=48000, channels=6)))
    with pytest.raises(RuleError) as caught:
        plan(
            info=info, processing_mode="copy", ml_upscale="esrgan-2x", selected_subtitle_tracks=[4], container="webm",
            strict_streams=True,
        )  # fmt: skip
    codes = [finding.code for finding in caught.value.findings]
    expected = ["copy.video_codec", "copy.audio_codec", "tracks.subtitle_not_found"]
    assert codes == ["mode.upscale_needs_reencode", *expected]


def test_a_container_without_video_is_refused_for_an_upscale() -> None:
    with pytest.raises(RuleError) as caught:
        plan(container="mp3", ml_upscale="esrgan-2x")
    assert [finding.code for finding in caught.value.findings] == ["container.upscale_needs_video"]


def test_a_track_with_too_many_channels_to_be_converted_is_copied_where_the_container_takes_it() -> None:
    tracks = (video(), audio(channels=255))
    made = plan(*tracks, container="mkv", audio_codec="flac")
    assert [(each.code, each.where) for each in made.warnings] == [("audio.too_many_channels", "stream 1")]
    assert [row.action for row in made.of_kind("audio")] == ["copy"]
    with pytest.raises(RuleError) as caught:
        plan(*tracks, container="mkv", audio_codec="flac", strict_streams=True)
    assert [(each.code, each.where) for each in caught.value.findings] == [("audio.too_many_channels", "stream 1")]
    assert plan(*tracks, container="mkv", audio_codec="copy")
