"""Command lines: run on real media, or compared as text where the hardware is missing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from framewatch.errors import WorkerError
from framewatch.media.commands import ffmpeg_commands
from framewatch.media.commands.video_filters import SegmentEncoding
from framewatch.media.encoders.encoder_args import nvenc_cq, nvenc_preset
from framewatch.media.ffmpeg.discovery import encoders
from framewatch.media.ffmpeg.process import Encoder, run_ffmpeg
from framewatch.media.plan.plan import VideoPlan, make_plan
from framewatch.media.preset.preset import Preset
from framewatch.media.probe.packet_scan import scan
from framewatch.media.probe.probe import probe
from framewatch.media.rules.preset_rules import check_preset, check_tools
from framewatch.media.timeline import cadence
from framewatch.storage.files import named_by_user
from media_samples import (
    FFMPEG,
    cfr,
    encode_segments,
    enlarged,
    ffmpeg,
    frames_of,
    look,
    media,
    plan_of,
    render,
    timeline_of,
    video,
)

SOURCE, OUT = Path("/in/a b.mkv"), Path("/out/result.mp4")
CHAPTERS = """;FFMETADATA1
title=A film
[CHAPTER]
TIMEBASE=1/1000
START=0
END=400
title=One
[CHAPTER]
TIMEBASE=1/1000
START=400
END=1000
title=Two
"""
WEBM = {"container": "webm", "video_codec": "vp9", "audio_codec": "libopus"}


def plan(**preset_keys: Any) -> Any:
    preset = Preset(**({"ml_upscale": "esrgan-2x"} | preset_keys))
    return make_plan(preset, "test", media(video(bit_depth=10, pixel_format="yuv420p10le")), cfr())


def encoder_args(**preset_keys: Any) -> list[str]:
    """The options between the encoder's name and the tags."""
    command = ffmpeg_commands.segment_command(plan(container="mkv", **preset_keys), FFMPEG, OUT)
    return command[command.index("-c:v:0") + 1 : command.index("-colorspace")]


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second of 24000/1001 with two languages, subtitles, chapters, a font and a cover."""
    folder = tmp_path_factory.mktemp("rich")
    (folder / "s.srt").write_text("1\n00:00:00,100 --> 00:00:00,600\nHello\n")
    (folder / "c.txt").write_text(CHAPTERS)
    (folder / "font.ttf").write_bytes(b"\0\1\0\0not really a font")
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=32x32", "-frames:v", 1, folder / "cover.png")
    ffmpeg(
        "-f", "lavfi", "-i", "testsrc=s=64x48:r=24000/1001:d=1", "-f", "lavfi", "-i", "sine=d=1:r=48000",
        "-f", "lavfi", "-i", "sine=f=900:d=1:r=48000", "-i", folder / "s.srt", "-i", folder / "c.txt",
        "-map", 0, "-map", 1, "-map", 2, "-map", 3, "-map_metadata", 4, "-map_chapters", 4,
        "-pix_fmt", "yuv420p", "-c:v", "libx264", "-bf", 2, "-c:a", "aac", "-c:s", "srt",
        "-attach", folder / "font.ttf", "-metadata:s:t:0", "mimetype=application/x-truetype-font",
        "-attach", folder / "cover.png", "-metadata:s:t:1", "mimetype=image/png",
        "-metadata:s:t:1", "filename=cover.png", "-metadata:s:v", "title=The picture",
        "-metadata:s:a:0", "language=jpn", "-metadata:s:a:0", "title=Japanese", "-metadata:s:a:1", "language=eng",
        "-metadata:s:s:0", "language=ger", folder / "rich.mkv",
    )  # fmt: skip
    return folder / "rich.mkv"


# --- threads ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("own", "threads"), [((), 3), (("-threads", "2"), 2)])
def test_x264_gets_the_given_number_of_threads_unless_the_preset_sets_its_own(
    tmp_path: Path, own: tuple[str, ...], threads: int
) -> None:
    out, made = tmp_path / "piece.mp4", plan(preset="ultrafast", extra_encoder_args=own)
    with Encoder(ffmpeg_commands.segment_command(made, FFMPEG, out, SegmentEncoding(threads=3))) as encoder:
        encoder.write(bytes(made.frame_width * made.frame_height * 6))
        encoder.finish()
    assert f" threads={threads} ".encode() in out.read_bytes()  # libx264 writes its settings into the stream


@pytest.mark.parametrize("codec", ["libx265", "libsvtav1", "vp9"])
def test_other_encoders_choose_their_own_number_of_threads(codec: str) -> None:
    made = plan(video_codec=codec, container="mkv")
    assert ffmpeg_commands.segment_command(
        made, FFMPEG, OUT, SegmentEncoding(threads=3)
    ) == ffmpeg_commands.segment_command(made, FFMPEG, OUT)


# --- options --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("preset_keys", "expected"),
    [
        ({"crf": 18, "preset": "slow"}, "libx264 -preset slow -crf 18"),
        ({"video_bitrate_mode": "bitrate", "video_bitrate": 900}, "libx264 -preset medium -b:v:0 900k"),
        ({"video_codec": "libx265"}, "libx265 -preset medium -x265-params log-level=error -crf 23"),
        (
            {"video_codec": "vp9", "crf": 31},
            "libvpx-vp9 -deadline good -cpu-used 2 -row-mt 1 -crf 31 -b:v:0 0",
        ),
        (
            {"video_codec": "vp9", "preset": "ultrafast", "video_bitrate_mode": "bitrate"},
            "libvpx-vp9 -deadline realtime -cpu-used 8 -row-mt 1 -b:v:0 5000k",
        ),
        ({"video_codec": "libsvtav1", "preset": "medium"}, "libsvtav1 -preset 6 -crf 23"),
        ({"video_codec": "libsvtav1", "preset": "11"}, "libsvtav1 -preset 11 -crf 23"),
        ({"video_codec": "prores"}, "prores_ks -profile:v:0 3 -vendor apl0"),
        (
            {"video_codec": "prores", "pixel_format": "yuv444p10le"},
            "prores_ks -profile:v:0 4 -vendor apl0",
        ),
        (
            {"video_codec": "h264_nvenc", "preset": "fast", "nvenc_spatial_aq": True},
            "h264_nvenc -preset fast -spatial-aq 1 -rc:v vbr -cq:v 27 -b:v:0 0",
        ),
        (
            {"video_codec": "av1_nvenc", "preset": "p6", "nvenc_temporal_aq": True, "quality": 80},
            "av1_nvenc -preset p6 -temporal-aq 1 -rc:v vbr -cq:v 12 -b:v:0 0",
        ),
        (
            {"video_codec": "hevc_nvenc", "video_bitrate_mode": "bitrate"},
            "hevc_nvenc -preset medium -b:v:0 5000k",
        ),
        ({"video_codec": "h264_videotoolbox", "quality": 65}, "h264_videotoolbox -q:v:0 65"),
        (
            {"video_codec": "hevc_videotoolbox", "videotoolbox_allow_sw": True},
            "hevc_videotoolbox -allow_sw 1 -q:v:0 50",
        ),
    ],
)
def test_each_encoder_gets_the_keys_of_a_preset_as_its_own_options(preset_keys: Any, expected: str) -> None:
    assert " ".join(encoder_args(**preset_keys)) == expected


@pytest.mark.parametrize(("quality", "cq"), [(0, 51), (2, 51), (50, 27), (51, 27), (100, 2)])
def test_quality_is_mapped_to_nvenc_as_in_frame(quality: int, cq: int) -> None:
    assert nvenc_cq(quality) == cq


@pytest.mark.parametrize(
    ("word", "mapped"),
    [
        ("ultrafast", "fast"), ("superfast", "fast"), ("veryfast", "fast"), ("faster", "fast"),
        ("fast", "fast"), ("medium", "medium"), ("slow", "slow"), ("slower", "slow"), ("veryslow", "slow"),
        ("placebo", "medium"), ("p1", "p1"), ("p7", "p7"), ("9", "medium"),
    ],
)  # fmt: skip
def test_preset_names_are_mapped_to_nvenc_as_in_frame(word: str, mapped: str) -> None:
    assert nvenc_preset(word) == mapped


@pytest.mark.parametrize(
    ("codec", "made"), [("hevc_nvenc", "p010le"), ("hevc_videotoolbox", "p010le"), ("libx265", "yuv420p10le")]
)
def test_hardware_encoders_get_10_bit_frames_in_their_own_layout(codec: str, made: str) -> None:
    command = ffmpeg_commands.segment_command(plan(video_codec=codec), FFMPEG, OUT)
    chain = command[command.index("-filter:v:0") + 1]
    assert f"format={made}," in chain


def test_every_path_is_one_argument_that_ffmpeg_takes_for_a_file() -> None:
    made = plan()
    every = [
        ffmpeg_commands.segment_command(made, FFMPEG, OUT),
        ffmpeg_commands.mux_command(made, FFMPEG, [Path("/w/-p 1.mp4")], SOURCE, OUT),
        ffmpeg_commands.transcode_command(plan(ml_upscale="none"), FFMPEG, SOURCE, OUT),
        ffmpeg_commands.rehearsal_command(made, FFMPEG, SOURCE, OUT),
    ]
    for command in every:
        assert command[0] == str(FFMPEG)
        assert command[-2:] == ["-y", "file:/out/result.mp4"]
        assert not any(word in {"/in/a b.mkv", "/out/result.mp4"} for word in command)
    assert all("file:/in/a b.mkv" in command for command in every[1:])
    assert "file:/w/-p 1.mp4" in every[1]


@pytest.mark.parametrize(
    ("codec", "name"), [("h264_nvenc", "cuda"), ("hevc_nvenc", "cuda"), ("h264_videotoolbox", "videotoolbox")]
)
def test_with_hw_decode_the_hardware_of_the_encoder_also_decodes(codec: str, name: str) -> None:
    made = plan(ml_upscale="none", video_codec=codec, hw_decode=True)
    command = ffmpeg_commands.transcode_command(made, FFMPEG, SOURCE, OUT)
    assert command[command.index("-hwaccel") + 1] == name
    assert command.index("-hwaccel") < command.index("-i")
    assert plan(video_codec=codec, hw_decode=True).hwaccel == name
    assert plan(video_codec=codec).hwaccel is None


def test_hw_decode_with_a_software_encoder_is_a_warning() -> None:
    made = plan(ml_upscale="none", video_codec="libx265", hw_decode=True)
    assert "-hwaccel" not in ffmpeg_commands.transcode_command(made, FFMPEG, SOURCE, OUT)
    assert "decode.software" in [warning.code for warning in made.warnings]


def test_an_upscale_is_decoded_by_hardware_with_any_encoder() -> None:
    made = plan(video_codec="libx265", hw_decode=True)
    assert made.hwaccel == ("videotoolbox" if sys.platform == "darwin" else "cuda")
    assert "decode.software" not in [warning.code for warning in made.warnings]


def test_only_the_encoder_reads_stdin() -> None:
    assert "-nostdin" not in ffmpeg_commands.segment_command(plan(), FFMPEG, OUT)
    assert "-nostdin" in ffmpeg_commands.mux_command(plan(), FFMPEG, [OUT], SOURCE, OUT)
    assert "-nostdin" in ffmpeg_commands.transcode_command(plan(ml_upscale="none"), FFMPEG, SOURCE, OUT)


@pytest.mark.parametrize(
    ("rate", "scale"), [("24000/1001", 24000), ("25", 10000), ("30", 10020), ("3000/101", 12000), ("1/2", 10000)]
)
def test_the_time_scale_gives_each_frame_a_whole_number_of_ticks(rate: str, scale: int) -> None:
    assert ffmpeg_commands.time_scale(Fraction(rate)) == scale
    assert (scale / Fraction(rate)).denominator == 1


def test_the_list_of_segments_quotes_their_names(tmp_path: Path) -> None:
    out = tmp_path / "result.mp4"
    text = ffmpeg_commands.segment_list_text([tmp_path / "piece-1.mp4", tmp_path / "it's 2.mp4"], out)
    assert text == "ffconcat version 1.0\nfile 'piece-1.mp4'\nfile 'it'\\''s 2.mp4'\n"
    for wrong in (tmp_path / "a\nb.mp4", tmp_path / "sub" / "a.mp4"):
        with pytest.raises(ValueError, match="not a segment"):
            ffmpeg_commands.segment_list_text([wrong], out)


# --- containers, run ----------------------------------------------------------------------------------------

CONTAINERS = [
    ({"container": "mkv"}, ("h264", "aac", "subrip")),
    ({"container": "mkv", "audio_codec": "flac", "video_codec": "libx265"}, ("hevc", "flac", "subrip")),
    ({"container": "mkv", "audio_codec": "copy", "video_codec": "prores"}, ("prores", "aac", "subrip")),
    ({"container": "mp4"}, ("h264", "aac", "mov_text")),
    ({"container": "mp4", "audio_codec": "ac3", "video_codec": "libx265"}, ("hevc", "ac3", "mov_text")),
    ({"container": "mp4", "audio_codec": "mp3", "video_codec": "libsvtav1"}, ("av1", "mp3", "mov_text")),
    ({"container": "mp4", "audio_codec": "copy", "video_codec": "vp9"}, ("vp9", "aac", "mov_text")),
    ({"container": "mov", "audio_codec": "pcm_s16le"}, ("h264", "pcm_s16le", "mov_text")),
    ({"container": "mov", "audio_codec": "alac", "video_codec": "prores"}, ("prores", "alac", "mov_text")),
    (WEBM, ("vp9", "opus", "webvtt")),
    (WEBM | {"video_codec": "libsvtav1", "audio_codec": "vorbis"}, ("av1", "vorbis", "webvtt")),
]  # fmt: skip
CONTAINER_IDS = ["-".join(map(str, preset_keys.values())) for preset_keys, _ in CONTAINERS]


@pytest.mark.parametrize(("preset_keys", "codecs"), CONTAINERS, ids=CONTAINER_IDS)
@pytest.mark.parametrize("mode", ["esrgan-2x", "none"])
def test_every_container_keeps_all_streams_that_it_can_hold(
    mode: str, preset_keys: Any, codecs: tuple[str, str, str], rich: Path, tmp_path: Path
) -> None:
    made = plan_of(rich, ml_upscale=mode, preset="ultrafast", **preset_keys)
    check_against_plan(made, rich, render(made, rich, tmp_path))
    found = look(tmp_path / f"result.{made.extension}")
    assert [stream.codec for stream in found.of("video")] == [codecs[0]]
    sound = [(stream.codec, stream.language) for stream in found.of("audio")]
    assert sound == [(codecs[1], "jpn"), (codecs[1], "eng")]
    assert [(stream.codec, stream.language) for stream in found.of("subtitle")] == [(codecs[2], "ger")]
    assert "00:00:00,100 --> 00:00:00,600\nHello" in subtitles_of(tmp_path / f"result.{made.extension}")
    assert found.of("audio")[0].title == "Japanese"
    assert found.of("video")[0].title == "The picture"
    assert (found.chapters, found.title) == (["One", "Two"], "A film")
    assert len(found.of("attachment")) == (made.container == "mkv")
    assert [stream.codec for stream in found.streams if stream.cover] == (["png"] if made.covers else [])


def subtitles_of(path: Path) -> str:
    text = path.with_name("seen.srt")
    ffmpeg("-i", path, "-map", "0:s:0", "-f", "srt", text)
    return text.read_text()


def check_against_plan(made: VideoPlan, source: Path, out: Path) -> None:
    """Check what verification checks, by other means."""
    info, expected = probe(out), made.expected
    main = info.main_video
    assert main is not None
    assert main.video is not None
    assert (main.video.width, main.video.height, main.video.sar) == (expected.width, expected.height, expected.sar)
    assert main.video.rotation == expected.rotation
    assert expected.pixel_format in (None, main.video.pixel_format)
    assert (info.chapters > 0) == expected.chapters
    for kind in ("video", "audio", "subtitle", "attachment"):
        wanted = [stream.codec for stream in expected.streams if stream.kind == kind and not stream.cover]
        assert [stream.codec for stream in info.of_kind(kind)] == wanted
    assert expected.frames in (None, len(frames_of(out)))


def test_tracks_come_in_the_order_in_which_they_are_selected(rich: Path, tmp_path: Path) -> None:
    made = plan_of(rich, ml_upscale="esrgan-2x", selected_audio_tracks=[2, 1], selected_subtitle_tracks="none")
    found = look(render(made, rich, tmp_path))
    assert [stream.language for stream in found.of("audio")] == ["eng", "jpn"]
    assert found.of("subtitle") == []


def test_a_cover_and_a_font_survive_byte_for_byte_in_matroska(rich: Path, tmp_path: Path) -> None:
    out = render(plan_of(rich, container="mkv", ml_upscale="esrgan-2x"), rich, tmp_path)
    for original, index in ((rich.with_name("cover.png"), 5), (rich.with_name("font.ttf"), 4)):
        dumped = tmp_path / original.name
        if index == 5:
            ffmpeg("-i", out, "-map", f"0:{index}", "-c", "copy", "-f", "data", dumped)
        else:
            ffmpeg(f"-dump_attachment:{index}", dumped, "-i", out, "-map", "0:v:0", "-frames:v", 1, "-f", "null", "-")
        assert dumped.read_bytes() == original.read_bytes()


def test_copy_mode_changes_nothing_but_the_container(rich: Path, tmp_path: Path) -> None:
    made = plan_of(rich, container="mkv", processing_mode="copy")
    out = render(made, rich, tmp_path)
    check_against_plan(made, rich, out)
    before, after = (
        [frame.to_ndarray(format="rgb24").tobytes() for frame in frames_of(path)] for path in (rich, out)
    )
    assert before == after


def test_hevc_in_mp4_is_tagged_for_apples_players(rich: Path, tmp_path: Path) -> None:
    made = plan_of(rich, video_codec="libx265", ml_upscale="esrgan-2x", preset="ultrafast")
    with av.open(str(render(made, rich, tmp_path))) as container:
        assert container.streams.video[0].codec_context.codec_tag == "hvc1"


def test_an_mp4_has_its_index_at_the_front(rich: Path, tmp_path: Path) -> None:
    data = render(plan_of(rich, ml_upscale="esrgan-2x"), rich, tmp_path).read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("layout", ["mono", "5.1(side)", "7.1"])
@pytest.mark.parametrize("codec", ["libopus", "vorbis", "ac3", "mp3", "mp2", "aac", "flac"])
def test_every_audio_encoder_takes_every_common_layout(codec: str, layout: str, tmp_path: Path) -> None:
    source = tmp_path / "s.mkv"
    ffmpeg(
        "-f", "lavfi", "-i", "color=black:s=64x48:r=25:d=0.2",
        "-f", "lavfi", "-i", f"anullsrc=cl={layout}:r=96000:d=0.2",
        "-c:v", "libx264", "-c:a", "flac", source,
    )  # fmt: skip
    made = plan_of(source, container="mkv", audio_codec=codec, preset="ultrafast")
    assert len(look(render(made, source, tmp_path)).of("audio")) == 1


# --- frames ------------------------------------------------------------------------------------------------


def test_segments_have_the_planned_size_sar_and_depth(tmp_path: Path) -> None:
    source = tmp_path / "s.mkv"
    ffmpeg(
        "-f", "lavfi", "-i", "testsrc=s=64x48:r=25:d=0.2,setsar=16/15,format=yuv420p10le", "-c:v", "libx265",
        "-x265-params", "log-level=error", source,
    )  # fmt: skip
    made = plan_of(source, container="mp4", video_codec="libx265", ml_upscale="esrgan-3x", preset="ultrafast")
    check_against_plan(made, source, render(made, source, tmp_path))
    assert (made.pixel_format, made.sar, made.working_format) == ("yuv420p10le", Fraction(16, 15), "rgb48le")


@pytest.mark.parametrize("mode", ["esrgan-3x", "none"])
def test_a_frame_with_odd_sides_loses_its_last_row_and_column_without_moving(mode: str, tmp_path: Path) -> None:
    source = tmp_path / "s.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=65x47:r=25:d=0.12,format=yuv444p", "-c:v", "libx264", "-crf", 0, source)
    made = plan_of(source, container="mkv", ml_upscale=mode, crf=0)
    out = render(made, source, tmp_path)
    check_against_plan(made, source, out)
    was = next(iter(enlarged(source, made.scale)))[: made.height, : made.width].astype(int)
    now = frames_of(out)[0].to_ndarray(format="rgb24").astype(int)
    assert np.abs(was - now).mean() < 12  # chroma is halved; a shift by one pixel gives far more
    shifted = np.roll(was, made.scale, axis=1)
    assert np.abs(shifted - now).mean() > 2 * np.abs(was - now).mean()


@pytest.mark.parametrize("mode", ["esrgan-2x", "none"])
def test_the_colours_of_rgb_sources_are_kept(mode: str, tmp_path: Path) -> None:
    source = tmp_path / "s.mkv"
    ffmpeg("-f", "lavfi", "-i", "color=0xC04020:s=64x48:r=25:d=0.12,format=gbrp", "-c:v", "ffv1", source)
    made = plan_of(source, container="mkv", ml_upscale=mode, crf=1)
    frame = frames_of(render(made, source, tmp_path))[0]
    assert np.abs(frame.to_ndarray(format="rgb24")[10, 10].astype(int) - [0xC0, 0x40, 0x20]).max() <= 3


@pytest.mark.parametrize("degrees", [90, 270])
def test_a_transcode_rotates_frames_and_a_copy_leaves_that_to_the_player(degrees: int, tmp_path: Path) -> None:
    flat, source = tmp_path / "flat.mp4", tmp_path / "s.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x48:r=25:d=0.2", "-pix_fmt", "yuv420p", "-c:v", "libx264", flat)
    ffmpeg("-display_rotation", -degrees, "-i", flat, "-c", "copy", source)
    for preset_keys, size in (({}, (48, 64)), ({"processing_mode": "copy"}, (64, 48))):
        made = plan_of(source, container="mp4", **preset_keys)
        assert (made.expected.width, made.expected.height) == size
        check_against_plan(made, source, render(made, source, tmp_path))


# --- time ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", ["24000/1001", "25", "30000/1001", "50", "12"])
@pytest.mark.parametrize("segments", [1, 3])
def test_joined_segments_keep_every_frame_exactly_on_its_time(rate: str, segments: int, tmp_path: Path) -> None:
    source = tmp_path / "s.mp4"
    ffmpeg("-f", "lavfi", "-i", f"testsrc=s=32x32:r={rate}", "-frames:v", 31, "-c:v", "libx264", source)
    made = plan_of(source, container="mp4", ml_upscale="esrgan-2x", preset="veryfast")
    frames = frames_of(render(made, source, tmp_path, segments))
    assert [frame.pts * frame.time_base for frame in frames] == [n / Fraction(rate) for n in range(31)]


def test_a_segment_starts_with_a_key_frame_and_can_be_decoded_independently(tmp_path: Path) -> None:
    source = tmp_path / "s.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=32x32:r=25", "-frames:v", 20, "-c:v", "libx264", source)
    made = plan_of(source, container="mp4", ml_upscale="esrgan-2x", video_codec="libx265", preset="veryfast")
    for segment in encode_segments(made, enlarged(source, 2), tmp_path, [7, 13]):
        frames = frames_of(segment)
        assert frames[0].key_frame
        assert frames[0].pts == 0
    assert len(frames) == 13


STARTS = {
    "b-frames.mp4": (("-bf", 3, "-c:a", "aac"), 0.0, 0.0),
    "opus.mkv": (("-bf", 3, "-c:a", "libopus"), 0.0, 0.0),
    "offset.ts": (("-bf", 3, "-c:a", "ac3", "-output_ts_offset", 10), 0.0, 0.0),
    "late-sound.mp4": (("-c:a", "aac"), 0.0, 0.52),
    "late-sound.mkv": (("-c:a", "aac"), 0.0, 0.52),
    "late-sound.ts": (("-c:a", "mp2", "-output_ts_offset", 10), 0.0, 0.52),
    "late-picture.mp4": (("-bf", 3, "-c:a", "aac"), 0.28, 0.0),
    "late-picture.mkv": (("-bf", 3, "-c:a", "aac"), 0.28, 0.0),
    "late-picture.ts": (("-bf", 3, "-c:a", "aac", "-output_ts_offset", 10), 0.28, 0.0),
}


@pytest.fixture(scope="module")
def flashes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sources with a white frame and a beep at the same moment, after a second."""
    folder = tmp_path_factory.mktemp("flashes")
    for name, (options, picture, sound) in STARTS.items():
        white = f"drawbox=c=white:t=fill:enable='between(t,{1 - picture},{1.2 - picture})'"
        tone = f"0.8*sin(2*PI*1000*t)*between(t,{1 - sound},{1.2 - sound})"
        ffmpeg(
            "-itsoffset", picture, "-f", "lavfi", "-i", f"color=black:s=64x48:r=25:d=1.4,{white},format=yuv420p",
            "-itsoffset", sound, "-f", "lavfi", "-i", f"aevalsrc='{tone}':s=48000:d=1.4",
            "-c:v", "libx264", "-preset", "veryfast", *options, folder / name,
        )  # fmt: skip
    return folder


def flash_time(path: Path) -> float:
    bright = (frame for frame in frames_of(path) if frame.to_ndarray(format="gray").mean() > 100)
    frame = next(bright)
    return float(frame.pts * frame.time_base)


def beep_time(path: Path) -> float:
    for start, samples, rate in sound_of(path):
        loud = np.flatnonzero(np.abs(samples) > 0.1)
        if len(loud):
            return start + float(loud[0]) / rate
    raise AssertionError("no beep")


def sound_of(path: Path) -> Iterator[tuple[float, Any, int]]:
    with av.open(str(path)) as container:
        to_float = av.AudioResampler(format="fltp", layout="mono")
        for frame in container.decode(audio=0):
            for even in to_float.resample(frame):
                yield float(even.pts * even.time_base), even.to_ndarray()[0], even.sample_rate


SYNC = [
    ("mp4 upscaled", {"container": "mp4", "ml_upscale": "esrgan-2x"}),
    ("mkv upscaled", {"container": "mkv", "ml_upscale": "esrgan-2x", "audio_codec": "flac"}),
    ("mkv upscaled, sound copied", {"container": "mkv", "ml_upscale": "esrgan-2x", "audio_codec": "copy"}),
    ("webm upscaled", WEBM | {"ml_upscale": "esrgan-2x"}),
    ("mp4 transcoded", {"container": "mp4"}),
    ("mkv transcoded, sound copied", {"container": "mkv", "audio_codec": "copy"}),
    ("mkv copied", {"container": "mkv", "processing_mode": "copy"}),
]


@pytest.mark.parametrize("preset_keys", [preset_keys for _, preset_keys in SYNC], ids=[name for name, _ in SYNC])
@pytest.mark.parametrize("name", STARTS)
def test_video_and_sound_stay_in_sync(name: str, preset_keys: Any, flashes: Path, tmp_path: Path) -> None:
    """Half a frame is promised; Matroska's clock is exact to a millisecond."""
    source = flashes / name
    made = plan_of(source, preset="ultrafast", **preset_keys)
    out = render(made, source, tmp_path)
    assert flash_time(out) - beep_time(out) == pytest.approx(0, abs=0.0015)
    assert made.expected.frames in (None, len(frames_of(out)))


def test_without_a_timeline_a_transcode_keeps_the_time_of_each_frame(tmp_path: Path) -> None:
    source = variable_rate(tmp_path / "s.mkv", "select='lt(n,9)+gt(n,50)'")
    made = make_plan(Preset(container="mkv", preset="ultrafast"), "test", probe(source), None)
    before, after = (
        [float(frame.pts * frame.time_base) for frame in frames_of(path)]
        for path in (source, render(made, source, tmp_path))
    )
    assert after == pytest.approx(before, abs=0.001)


@pytest.mark.parametrize(
    "choice",
    [
        "select='not(between(mod(n,13),3,6))'",
        "select='not(between(mod(n,17),3,9))',setpts=PTS+0.007/TB",
        "select='lt(n,40)+not(mod(n,3))',setpts=PTS+0.283/TB",
        "select='lt(n,10)+gt(n,70)'",
    ],
)
def test_a_transcode_shows_the_frames_of_the_timeline(choice: str, tmp_path: Path) -> None:
    source = variable_rate(tmp_path / "s.mkv", choice)
    levels = [level_of(frame) for frame in frames_of(source)]
    shown = cadence(timeline_of(source), scan(source, 0).pts)
    made = plan_of(source, container="mkv", crf=0, preset="ultrafast", pixel_format="yuv444p")
    out = [level_of(frame) for frame in frames_of(render(made, source, tmp_path))]
    assert out == [levels[number] for number, repeat in shown for _ in range(repeat)]


def variable_rate(path: Path, choice: str) -> Path:
    """Frames with different levels of grey, some of them left out."""
    grey = "color=black:s=32x32:r=50:d=2,format=gray,geq=lum='mod(N*7,250)',format=yuv444p"
    ffmpeg(
        "-f", "lavfi", "-i", f"{grey},{choice}", "-fps_mode", "passthrough", "-enc_time_base", "1/1000",
        "-c:v", "libx264", "-crf", 0, "-preset", "ultrafast", path,
    )  # fmt: skip
    return path


def level_of(frame: Any) -> int:
    return int(frame.to_ndarray(format="gray")[5, 5])


# --- hostile files and early failures -----------------------------------------------------------------------


def test_a_source_is_opened_only_by_the_demuxer_that_the_probe_found(rich: Path, tmp_path: Path) -> None:
    made = plan_of(rich, container="mkv")
    playlist = tmp_path / "film.mkv"
    playlist.write_text(f"ffconcat version 1.0\nfile '{rich}'\n")
    command = ffmpeg_commands.transcode_command(made, FFMPEG, playlist, tmp_path / "o.mkv")
    with pytest.raises(WorkerError, match="not on whitelist"):
        run_ffmpeg(command, [named_by_user(playlist)])


@pytest.mark.parametrize("name", ["-dash.mkv", "100%d.mkv", 'it\'s; a "name".mkv', "new\nline.mkv", "concat:a|b.mkv"])
def test_unusual_file_names_are_not_taken_for_options_or_protocols(name: str, rich: Path, tmp_path: Path) -> None:
    source = tmp_path / name
    source.write_bytes(rich.read_bytes())
    made = plan_of(source, container="mkv", ml_upscale="esrgan-2x", preset="ultrafast", audio_codec="copy")
    assert len(look(render(made, source, tmp_path, 2)).of("audio")) == 2


@pytest.mark.parametrize(("preset_keys", "codecs"), CONTAINERS, ids=CONTAINER_IDS)
def test_a_rehearsal_quickly_writes_a_file_with_the_same_streams(
    preset_keys: Any, codecs: tuple[str, str, str], rich: Path, tmp_path: Path
) -> None:
    made = plan_of(rich, ml_upscale="esrgan-2x", preset="ultrafast", **preset_keys)
    out = tmp_path / f"rehearsal.{made.extension}"
    for command in ffmpeg_commands.cover_commands(made, FFMPEG, rich, out):
        run_ffmpeg(command)
    run_ffmpeg(ffmpeg_commands.rehearsal_command(made, FFMPEG, rich, out), [named_by_user(rich)])
    found = look(out)
    assert [stream.frames for stream in found.of("video")] == [1]
    assert [stream.codec for stream in found.of("audio")] == [codecs[1]] * 2


def test_a_rehearsal_reads_one_second_of_a_source_that_starts_late(flashes: Path, tmp_path: Path) -> None:
    source, out = flashes / "late-picture.ts", tmp_path / "rehearsal.mkv"
    made = plan_of(source, container="mkv", ml_upscale="esrgan-2x", audio_codec="pcm_s16le")
    run_ffmpeg(ffmpeg_commands.rehearsal_command(made, FFMPEG, source, out), [named_by_user(source)])
    assert probe(out).duration == pytest.approx(1.0, abs=0.05)


def test_a_rehearsal_finds_a_size_that_the_encoder_refuses(tmp_path: Path) -> None:
    source = tmp_path / "s.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=4x4:r=25:d=0.2", "-pix_fmt", "yuv420p", "-c:v", "libx264", source)
    made = plan_of(source, video_codec="libx265", ml_upscale="esrgan-2x")
    with pytest.raises(WorkerError, match="too small"):
        run_ffmpeg(
            ffmpeg_commands.rehearsal_command(made, FFMPEG, source, tmp_path / "o.mp4"), [named_by_user(source)]
        )


# --- every valid preset ----------------------------------------------------------------

SOFTWARE = ["libx264", "libx265", "vp9", "prores", "libsvtav1"]
PRESETS = st.fixed_dictionaries(
    {
        "container": st.sampled_from(["mp4", "mkv", "mov", "webm"]),
        "ml_upscale": st.sampled_from(["none", "esrgan-2x", "esrgan-3x", "esrgan-4x"]),
        "video_codec": st.sampled_from(SOFTWARE),
        "video_bitrate_mode": st.sampled_from(["crf", "bitrate"]),
        "video_bitrate": st.integers(50, 20_000),
        "crf": st.integers(0, 63),
        "preset": st.sampled_from(["ultrafast", "superfast", "10", "12"]),
        "pixel_format": st.sampled_from(
            ["auto", "yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le"]
        ),
        "audio_codec": st.sampled_from(
            ["copy", "aac", "ac3", "libopus", "mp3", "alac", "flac", "vorbis", "mp2", "pcm_s16le"]
        ),
        "audio_bitrate": st.integers(1, 2000),
    }
)


@pytest.fixture(scope="module")
def instant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One frame, and a tenth of a second of sound."""
    path = tmp_path_factory.mktemp("instant") / "s.mkv"
    ffmpeg(
        "-f", "lavfi", "-i", "testsrc=s=64x64:r=25:d=0.04", "-f", "lavfi", "-i", "sine=d=0.1:r=44100",
        "-pix_fmt", "yuv420p", "-c:v", "libx264", "-c:a", "libvorbis", path,
    )  # fmt: skip
    return path


@given(preset_keys=PRESETS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_ffmpeg_writes_a_file_for_every_preset_that_passes_the_rules(
    preset_keys: dict[str, Any], instant: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    preset = Preset(**preset_keys)
    assume(not check_preset(preset))
    assume(not check_tools(preset, encoders(FFMPEG)))
    assume(preset.audio_codec != "copy" or preset.container in {"mkv", "webm"})
    made = make_plan(preset, "test", probe(instant), timeline_of(instant))
    out = render(made, instant, tmp_path_factory.mktemp("any"))
    check_against_plan(made, instant, out)
