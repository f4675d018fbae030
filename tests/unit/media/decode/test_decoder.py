"""The decoder returns upright frames in order, each once, and exactly as many as planned, from any source."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from framewatch.domain import Segment
from framewatch.media.commands.video_filters import deinterlace_filters
from framewatch.media.decode.decoder import DecodedFrame, DecodeOptions, Decoder
from framewatch.media.filter_graph import Filter
from framewatch.media.heartbeat import Heartbeat
from framewatch.media.preset.preset import Preset
from framewatch.media.probe.file_kind import require_video
from framewatch.media.probe.probe import probe
from framewatch.media.timeline import cadence
from media_factory import ffmpeg, make_video, remux
from media_samples import video_source


def decoded(path: Path, options: DecodeOptions | None = None) -> list[DecodedFrame]:
    source, _ = video_source(path)
    return list(Decoder(source, options or DecodeOptions()))


def counting(path: Path, *, codec: tuple[str, ...] = ("-c:v", "libx264", "-qp", "0"), seconds: float = 1) -> Path:
    """A video whose frame n is grey with the value 16 + 4 n."""
    return make_video(
        path, source="color=c=black", seconds=seconds, filters="geq=lum='16+4*N':cb=128:cr=128", codec=codec
    )


def number_of(frame: DecodedFrame) -> int:
    """Which frame of a `counting` video this is."""
    return round(float(frame.pixels.mean()) / 255 * 219 / 4)


# --- every frame ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("b.mp4", ("-c:v", "libx264", "-qp", "0", "-bf", "3")),
        ("b.mkv", ("-c:v", "libx264", "-qp", "0", "-bf", "3")),
        ("b.ts", ("-c:v", "libx264", "-qp", "0", "-bf", "3")),
        ("h264.avi", ("-c:v", "libx264", "-qp", "0", "-bf", "3")),
        ("mpeg4.avi", ("-c:v", "mpeg4", "-q:v", "1", "-bf", "2")),
        ("hevc.mp4", ("-c:v", "libx265", "-x265-params", "lossless=1:open-gop=1:keyint=8:log-level=none")),
        ("vp9.webm", ("-c:v", "libvpx-vp9", "-lossless", "1")),
        ("mpeg2.mpg", ("-c:v", "mpeg2video", "-q:v", "1", "-bf", "2")),
    ],
)
def test_every_frame_is_decoded_once_and_in_order(tmp_path: Path, name: str, codec: tuple[str, ...]) -> None:
    path = counting(tmp_path / name, codec=codec)
    frames = decoded(path)
    assert [number_of(frame) for frame in frames] == list(range(25))
    assert [frame.repeat for frame in frames] == [1] * 25


def test_pixels_are_contiguous_and_owned(clip: Path) -> None:
    first, *_, second = decoded(clip)
    assert first.pixels.shape == (48, 64, 3)
    assert first.pixels.dtype == np.uint8
    assert first.pixels.flags.c_contiguous
    assert first.pixels.flags.owndata
    assert first.pixels.flags.writeable
    assert not np.array_equal(first.pixels, second.pixels)


def test_odd_sizes_are_decoded(tmp_path: Path) -> None:
    odd = "format=yuv444p,crop=61:47:0:0:exact=1"
    path = make_video(tmp_path / "odd.mkv", filters=odd, codec=("-c:v", "ffv1", "-pix_fmt", "yuv444p"))
    assert decoded(path)[0].pixels.shape == (47, 61, 3)


def test_ten_bit_video_becomes_sixteen_bit_rgb(tmp_path: Path) -> None:
    path = make_video(tmp_path / "ten.mkv", codec=("-c:v", "libx264", "-pix_fmt", "yuv420p10le"))
    pixels = decoded(path)[0].pixels
    assert pixels.dtype == np.uint16
    assert 60_000 < pixels.max() <= 65_535


@pytest.mark.parametrize("container", ["mp4", "mkv"])
def test_a_variable_rate_is_repeated_and_dropped_as_planned(tmp_path: Path, container: str) -> None:
    path = make_video(
        tmp_path / f"vfr.{container}",
        rate="50",
        seconds=2,
        filters="select='not(mod(n,3))+lt(n,40)'",
        output=("-fps_mode", "vfr"),
    )
    source, pts = video_source(path)
    frames = decoded(path)
    assert sum(frame.repeat for frame in frames) == source.timeline.frames
    assert [(pts.index(frame.pts), frame.repeat) for frame in frames] == cadence(source.timeline, pts)


def test_edit_lists_open_gops_and_offsets_give_the_planned_frames(clip: Path, tmp_path: Path) -> None:
    whole = make_video(tmp_path / "w.ts", seconds=2, codec=("-c:v", "mpeg2video", "-g", "12", "-bf", "2"))
    begun = tmp_path / "begun.ts"
    packets = whole.read_bytes()
    begun.write_bytes(packets[188 * (len(packets) // 188 // 4) :])
    for path in (
        remux(clip, tmp_path / "edit.mp4", before=["-ss", "0.5"]),
        remux(clip, tmp_path / "late.ts", "-output_ts_offset", "70"),
        begun,
    ):
        source, pts = video_source(path)
        frames = decoded(path)
        assert [frame.pts for frame in frames] == list(pts)
        assert sum(frame.repeat for frame in frames) == source.timeline.frames == len(pts)


def test_a_video_can_have_a_single_frame(tmp_path: Path) -> None:
    path = make_video(tmp_path / "one.mp4", output=("-frames:v", "1"))
    assert [frame.repeat for frame in decoded(path)] == [1]


# --- upright ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "rotated"),
    [
        (["-display_rotation", "90"], np.rot90),
        (["-display_rotation", "180"], lambda image: np.rot90(image, 2)),
        (["-display_rotation", "270"], lambda image: np.rot90(image, 3)),
        (["-display_hflip"], lambda image: image[:, ::-1]),
        (["-display_vflip"], lambda image: image[::-1]),
        (["-display_rotation", "90", "-display_hflip"], None),
    ],
)
def test_a_rotated_video_is_decoded_as_a_player_shows_it(
    clip: Path, tmp_path: Path, before: list[str], rotated
) -> None:  # type: ignore[no-untyped-def]
    path = remux(clip, tmp_path / "rotated.mp4", "-an", before=before)
    frame = decoded(path)[3]
    if rotated:
        assert np.array_equal(frame.pixels, rotated(decoded(clip)[3].pixels))
    video = require_video(probe(path)).video
    assert video
    assert video.upright == (frame.pixels.shape[1], frame.pixels.shape[0])
    width, height = video.upright
    # The ffmpeg program's result is the same but for its own, less exact conversion to RGB.
    shown = ffmpeg("-i", path, "-vf", "select=eq(n\\,3)", "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "gray", "-")
    grey = np.frombuffer(shown, np.uint8).reshape(height, width).astype(float)
    luma = frame.pixels @ np.array([0.299, 0.587, 0.114])
    assert np.corrcoef(grey.ravel(), luma.ravel())[0, 1] > 0.99


def test_interlaced_frames_are_deinterlaced_only_on_request(tmp_path: Path) -> None:
    moving = r"geq=lum='if(gt(mod(X+8*N\,64)\,32)\,235\,16)':cb=128:cr=128"
    path = make_video(
        tmp_path / "i.mkv",
        rate="50",
        filters=f"{moving},tinterlace=mode=interleave_top",
        codec=("-c:v", "libx264", "-qp", "0", "-flags", "+ilme+ildct"),
    )

    def comb(frames: list[DecodedFrame]) -> float:
        rows = frames[12].pixels.astype(float)
        return float(np.abs(rows[1:-1] - (rows[:-2] + rows[2:]) / 2).mean())

    options = DecodeOptions(deinterlace=deinterlace_filters(Preset(deinterlace="auto")))
    plain, deinterlaced = decoded(path), decoded(path, options)
    assert len(plain) == len(deinterlaced) == 25
    assert [frame.pts for frame in plain] == [frame.pts for frame in deinterlaced]
    assert comb(deinterlaced) < 0.8 * comb(plain)


def test_further_filters_apply_to_upright_frames(clip: Path, tmp_path: Path) -> None:
    path = remux(clip, tmp_path / "rotated.mp4", before=["-display_rotation", "90"])
    frame = decoded(path, DecodeOptions(filters=(Filter("crop", "20:30:0:0"), Filter("vflip"))))[0]
    assert np.array_equal(frame.pixels, decoded(path)[0].pixels[:30, :20][::-1])


def growing(folder: Path) -> Path:
    """A second of 64x48, and then one of 96x80."""
    small = make_video(folder / "a.ts", codec=("-c:v", "mpeg2video"))
    large = make_video(folder / "b.ts", size="96x80", codec=("-c:v", "mpeg2video"), output=("-output_ts_offset", "1"))
    joined = folder / "joined.ts"
    joined.write_bytes(small.read_bytes() + large.read_bytes())
    return joined


def test_frames_of_another_size_are_scaled_to_the_first_size(tmp_path: Path) -> None:
    joined = growing(tmp_path)
    source, pts = video_source(joined)
    frames = decoded(joined)
    assert {frame.pixels.shape for frame in frames} == {(48, 64, 3)}
    assert sum(frame.repeat for frame in frames) == source.timeline.frames >= 49
    assert len(pts) == 50
    assert frames[-1].pixels.std() > 30


def test_a_segment_after_a_change_of_size_has_the_first_size_too(tmp_path: Path) -> None:
    joined = growing(tmp_path)
    source, pts = video_source(joined)
    segment = Segment(
        number=1, first_pts=sorted(pts)[40], end_pts=None, first_frame=40, frames=source.timeline.frames - 40
    )
    frames = list(Decoder(source, segment=segment))
    assert {frame.pixels.shape for frame in frames} == {(48, 64, 3)}
    assert sum(frame.repeat for frame in frames) == source.timeline.frames - 40


# --- segments ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["s.mp4", "s.mkv", "s.ts", "s.avi"])
def test_segments_together_have_exactly_the_frames_of_the_whole(tmp_path: Path, name: str) -> None:
    codec = ("-c:v", "libx264", "-qp", "0", "-bf", "3", "-g", "10")
    path = counting(tmp_path / name, codec=codec, seconds=2)
    source, pts = video_source(path)
    borders = [0, 13, 20, 37, 50]
    together: list[int] = []
    for number, (begin, end) in enumerate(pairwise(borders)):
        segment = Segment(
            number=number,
            first_pts=pts[begin],
            end_pts=pts[end] if end < 50 else None,
            first_frame=begin,
            frames=end - begin,
        )
        frames = list(Decoder(source, segment=segment))
        assert sum(frame.repeat for frame in frames) == segment.frames
        together += [number_of(frame) for frame in frames]
    assert together == list(range(50))


def test_decoding_beats_on_the_way_to_a_segment_without_a_seek(tmp_path: Path) -> None:
    """In two hours of AVI this may take half an hour, during which the segment gets no frame."""
    path = make_video(tmp_path / "a.avi", seconds=4, codec=("-c:v", "mpeg4"))
    source, pts = video_source(path)
    segment = Segment(number=1, first_frame=90, frames=10, first_pts=pts[90], end_pts=None)
    heartbeat = Heartbeat()
    first = next(iter(Decoder(replace(source, seekable=False), segment=segment, beat=heartbeat)))
    assert first.pts == pts[90]
    assert heartbeat.beats >= 89
