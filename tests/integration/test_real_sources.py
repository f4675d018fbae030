"""Healthy files as users have them, each of a kind that once failed or was changed."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from framewatch.domain import Audio
from framewatch.errors import MediaError, RuleError
from framewatch.media.ffmpeg.trial import keeps_hidden_edges
from framewatch.media.probe.file_kind import require_video
from framewatch.media.probe.probe import probe
from full_run import process, rgb_frames
from media_factory import ffmpeg, make_video
from media_samples import FFMPEG

H264 = ("-c:v", "libx264", "-preset", "ultrafast")


def with_sound(path: Path, sound: str, *codec: str, seconds: float = 0.4, rate: int = 48000) -> Path:
    """A video with one audio track; `sound` is a filter on a tone."""
    tone = f"sine=d={seconds}:r={rate},{sound}"
    picture = f"testsrc2=size=64x48:rate=25:duration={seconds}"
    ffmpeg("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", tone, *codec, path)
    return path


def test_matroska_that_does_not_start_at_zero_is_complete(tmp_path: Path) -> None:
    whole = make_video(tmp_path / "whole.mkv", seconds=8, codec=(*H264, "-g", "25"))
    ffmpeg("-copyts", "-ss", "4", "-i", whole, "-c", "copy", tmp_path / "cut.mkv")
    with av.open(str(tmp_path / "cut.mkv")) as cut:
        assert (cut.start_time or 0) > 3_000_000 < (cut.duration or 0)  # microseconds
    made = process(tmp_path / "cut.mkv", tmp_path / "work", ml_upscale="esrgan-2x", container="mkv")
    assert made.frames == made.plan.expected.frames == 100
    copied = process(tmp_path / "cut.mkv", tmp_path / "copy", processing_mode="copy", container="mp4")
    assert len(rgb_frames(copied.result)) == 100


def test_a_truncated_stream_dump_with_a_late_clock_is_found(tmp_path: Path) -> None:
    shift = ("-g", "25", "-output_ts_offset", "1000")
    film = with_sound(tmp_path / "a.flv", "anull", *H264, "-c:a", "aac", *shift, seconds=10)
    assert process(film, tmp_path / "work", ml_upscale="none", container="mkv").frames == 250
    data = film.read_bytes()
    (tmp_path / "b.flv").write_bytes(data[: len(data) // 2])
    with pytest.raises(MediaError) as told:
        process(tmp_path / "b.flv", tmp_path / "cut", ml_upscale="none", container="mkv")
    assert told.value.finding.code == "media.truncated"


def test_h264_in_a_program_stream_without_timestamps_is_not_copied(tmp_path: Path) -> None:
    make_video(tmp_path / "h.mpg", codec=("-c:v", "libx264", "-bf", "3", "-f", "vob"))
    with pytest.raises(RuleError) as told:
        process(tmp_path / "h.mpg", tmp_path / "copy", processing_mode="copy", container="m2t")
    assert told.value.finding.code == "copy.untimed"
    assert process(tmp_path / "h.mpg", tmp_path / "work", ml_upscale="esrgan-2x").frames == 25


def test_vorbis_with_a_trimmed_end_is_accepted(tmp_path: Path) -> None:
    codec = ("-c:v", "libtheora", "-b:v", "2M", "-ac", "1", "-c:a", "libvorbis")
    film = with_sound(tmp_path / "t.ogv", "anull", *codec, seconds=0.76)
    with av.open(str(film)) as trimmed:
        assert (
            max(packet.duration or 0 for packet in trimmed.demux(audio=0)) > 2**31
        )  # which is how libav reports the trim
    made = process(film, tmp_path / "work", ml_upscale="esrgan-2x", container="mkv")  # verified, sound included
    assert made.frames == 19


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_columns_that_a_stream_crops_are_removed_exactly(codec: str, tmp_path: Path) -> None:
    encoder = {"h264": ("-c:v", "libx264", "-qp", "0"), "hevc": ("-c:v", "libx265", "-x265-params", "lossless=1")}
    hidden = ("-bsf:v", f"{codec}_metadata=crop_left=8:crop_top=4:crop_right=2")
    whole = make_video(tmp_path / "whole.mkv", size="96x64", seconds=0.2, codec=encoder[codec])
    ffmpeg("-i", whole, "-c", "copy", *hidden, tmp_path / "hidden.mkv")
    ffmpeg("-i", whole, "-vf", "crop=86:60:8:4", *encoder[codec], tmp_path / "cut.mkv")
    shown, wanted = (
        rgb_frames(process(tmp_path / f"{name}.mkv", tmp_path / name, ml_upscale="esrgan-2x", container="mkv").result)
        for name in ("hidden", "cut")
    )
    assert shown[0].shape == (120, 172, 3)
    assert np.abs(np.subtract(shown, wanted, dtype=int)).max() <= 2


def with_clean_aperture(path: Path, out: Path, box: tuple[int, ...]) -> None:
    """Copy an MP4 and add a `clap` box: width, height, and offset from the centre (ISO 14496-12)."""
    width, height, right, down = box
    data = bytearray(path.read_bytes())
    clap = struct.pack(">I4sIIIIiIiI", 40, b"clap", width, 1, height, 1, right, 1, down, 1)
    at, holders = 0, []
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        at = data.index(name, at)
        holders.append(at - 4)
    end = holders[-1] + int.from_bytes(data[holders[-1] : holders[-1] + 4], "big")
    for each in holders:
        data[each : each + 4] = (int.from_bytes(data[each : each + 4], "big") + len(clap)).to_bytes(4, "big")
    assert data.index(b"mdat") < holders[0]  # so that no offset changes
    data[end:end] = clap
    out.write_bytes(data)


def test_a_metadata_tag_cannot_imitate_a_crop(tmp_path: Path) -> None:
    tags = ("-metadata:s:v:0", "x234567890123456789012=10/10/1/1")
    whole = make_video(tmp_path / "whole.mkv", size="96x64", seconds=0.2, codec=(*H264, *tags))
    name = b"X\n      Frame Cropping"
    data = whole.read_bytes().replace(b"X234567890123456789012", name)
    assert name in data
    (tmp_path / "forged.mkv").write_bytes(data)
    video = require_video(probe(tmp_path / "forged.mkv")).video
    assert video is not None
    assert video.upright == (96, 64)


def grey(path: Path, size: tuple[int, ...]) -> NDArray[np.int64]:
    """The first frame as ffmpeg shows it, (height, width); it must have this size."""
    raw = ffmpeg("-i", path, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "gray", "-")
    return np.frombuffer(raw, np.uint8).reshape(size).astype(int)


@pytest.mark.parametrize(
    "box", [(80, 56, 0, 0), (80, 56, -8, 4), (78, 54, 0, 0)]
)  # the last crops odd numbers of pixels
@pytest.mark.parametrize("turn", ["0", "90"])
def test_pixels_that_the_container_crops_are_removed(box: tuple[int, ...], turn: str, tmp_path: Path) -> None:
    whole = make_video(tmp_path / "whole.mp4", size="96x64", seconds=0.2, codec=("-c:v", "libx264", "-qp", "0"))
    ffmpeg("-display_rotation", turn, "-i", whole, "-c", "copy", tmp_path / "turned.mp4")
    with_clean_aperture(tmp_path / "turned.mp4", tmp_path / "clap.mp4", box)
    ffmpeg("-i", tmp_path / "clap.mp4", "-c", "copy", tmp_path / "clap.mkv")  # as PixelCrop there
    width, height, right, down = box
    left, top = (96 - width) // 2 + right, (64 - height) // 2 + down
    shown = np.rot90(grey(whole, (64, 96))[top : top + height, left : left + width], int(turn) // 90)
    for film in (tmp_path / "clap.mp4", tmp_path / "clap.mkv"):
        twice = process(film, tmp_path / film.suffix / "2x", ml_upscale="esrgan-2x", container="mkv").result
        large = grey(twice, (shown.shape[0] * 2, shown.shape[1] * 2))
        assert np.abs(large - shown.repeat(2, axis=0).repeat(2, axis=1)).mean() < 3
        by_ffmpeg = grey(film, shown.shape)  # which crops by itself since 7.1, where an odd edge is one pixel off
        small = process(film, tmp_path / film.suffix / "1x", ml_upscale="none", container="mkv").result
        assert np.abs(grey(small, shown.shape) - shown).mean() < 3
        to_copy = {"processing_mode": "copy", "container": "mkv"}
        if keeps_hidden_edges(FFMPEG):
            copied = process(film, tmp_path / film.suffix / "copy", **to_copy).result
            assert np.array_equal(grey(copied, shown.shape), by_ffmpeg)
            continue
        with pytest.raises(RuleError) as caught:
            process(film, tmp_path / film.suffix / "copy", **to_copy)
        assert caught.value.finding.code == "ffmpeg.too_old"


@pytest.mark.parametrize(
    ("layout", "encoder", "container", "warned"),
    [
        ("7.1", "alac", "mov", True), ("2.1", "alac", "mov", True), ("5.1", "alac", "mov", False),
        ("quad", "alac", "mov", False), ("3.1", "pcm_bluray", "m2ts", True), ("7.1", "pcm_bluray", "m2ts", False),
        ("2.1", "libopus", "webm", True), ("5.1(side)", "libopus", "webm", False), ("7.1", "flac", "mkv", False),
    ],
)  # fmt: skip
def test_channels_that_the_encoder_cannot_place_are_a_warning(
    layout: str, encoder: str, container: str, warned: bool, tmp_path: Path
) -> None:
    film = with_sound(tmp_path / "a.mkv", f"aformat=channel_layouts={layout}", *H264, "-c:a", "flac")
    video = {"webm": {"video_codec": "vp9", "preset": "ultrafast"}}.get(container, {})
    made = process(film, tmp_path / "work", ml_upscale="none", audio_codec=encoder, container=container, **video)
    assert [each.where for each in made.warnings if each.code == "audio.layout_changed"] == ["stream 1"] * warned


def test_channels_without_a_layout_are_not_reported_as_mixed(tmp_path: Path) -> None:
    film = with_sound(tmp_path / "a.avi", "aformat=channel_layouts=stereo", *H264, "-bf", "0", "-c:a", "pcm_s16le")
    assert probe(film).streams[1].audio == Audio(sample_rate=48000, channels=2)
    made = process(film, tmp_path / "work", ml_upscale="esrgan-2x", container="mkv", audio_codec="libopus")
    assert "audio.layout_changed" not in [each.code for each in made.warnings]


@pytest.mark.parametrize("container", ["mp4", "mkv"])
def test_the_title_of_a_track_in_mp4_is_kept(container: str, tmp_path: Path) -> None:
    codec = (*H264, "-c:a", "aac", "-metadata:s:a:0", "title=Commentary")
    film = with_sound(tmp_path / "a.mp4", "anull", *codec)
    assert probe(film).streams[1].title == "Commentary"
    made = process(film, tmp_path / "work", ml_upscale="esrgan-2x", container=container, audio_codec="copy")
    assert probe(made.result).streams[1].title == "Commentary"


@pytest.mark.parametrize("codec", [("adpcm_ima_qt",), ("pcm_s8",), ("pcm_f32be",)])
def test_audio_that_matroska_cannot_hold_is_converted(codec: Sequence[str], tmp_path: Path) -> None:
    film = with_sound(tmp_path / "a.mov", "anull", *H264, "-c:a", *codec)
    keys = {"ml_upscale": "esrgan-2x", "container": "mkv", "audio_codec": "copy"}
    made = process(film, tmp_path / "work", **keys)
    assert [each.codec for each in probe(made.result).of_kind("audio")] == ["flac"]
    assert [each.code for each in made.warnings] == ["copy.audio_codec"]
    with pytest.raises(RuleError) as told:
        process(film, tmp_path / "strict", **keys, strict_streams=True)
    assert told.value.finding.code == "copy.audio_codec"
    assert told.value.finding.hint
    assert require_video(probe(film))
