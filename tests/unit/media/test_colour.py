"""Colours survive the conversion to RGB and back, and the tags state what they are."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from framewatch.domain import Colour, Stream, Video
from framewatch.media.colour import (
    WHITE,
    converts_to_rgb,
    encode_filter,
    resolve,
    resolve_video,
    tag_args,
    working_format,
)
from framewatch.media.decode.decoder import DecodedFrame, Decoder, VideoSource
from framewatch.media.probe.file_kind import require_video
from framewatch.media.probe.packet_scan import scan
from framewatch.media.probe.probe import probe
from framewatch.media.timeline import plan_timeline
from media_factory import (
    LOSSLESS,
    Planes,
    bar_codes,
    ffmpeg,
    make_video,
    read_planes,
    subsampled,
    write_planes,
)

SCALE = 2
BAR = 16
PRIMARIES = {"smpte170m": "smpte170m", "bt709": "bt709", "bt2020nc": "bt2020"}
TRANSFERS = {"smpte170m": "smpte170m", "bt709": "bt709", "bt2020nc": "smpte2084"}


def first_frame(path: Path) -> tuple[Stream, DecodedFrame]:
    stream = require_video(probe(path))
    assert stream.video
    found = scan(path, stream.index)
    line = plan_timeline(found.pts, found.time_base, stream.video.rate, found.last_duration)
    return stream, next(iter(Decoder(VideoSource(path, stream, line))))


def tagged(matrix: str, full: bool) -> Colour:
    return Colour(
        matrix=matrix,
        range="full" if full else "limited",
        primaries=PRIMARIES[matrix],
        transfer=TRANSFERS[matrix],
    )


def source_tags(colour: Colour) -> list[str]:
    """Tags for raw YUV that is encoded unchanged."""
    named = f"colorspace={colour.matrix}:color_primaries={colour.primaries}:color_trc={colour.transfer}"
    return ["-vf", f"setparams={named}:range={colour.range}"]


def identity(source: Path, target: Path, pixel_format: str, encoder: str) -> Video:
    """Decode, upscale by repeating pixels, and encode."""
    stream, frame = first_frame(source)
    video = stream.video
    assert video
    big = np.ascontiguousarray(frame.pixels.repeat(SCALE, 0).repeat(SCALE, 1))
    height, width, _ = big.shape
    ffmpeg(
        "-f", "rawvideo", "-pixel_format", working_format(video.bit_depth),
        "-video_size", f"{width}x{height}", "-framerate", "25", "-i", "-",
        "-vf", encode_filter(video.colour, video.height, pixel_format, encoder),
        *LOSSLESS[encoder], *tag_args(video.colour, video.height, encoder), target,
        stdin=big.tobytes() * 2,
    )  # fmt: skip
    return video


def largest_errors(source: Planes, result: Planes, margin: int) -> list[int]:
    """The largest difference in each plane, without `margin` luma pixels of the source around the edges of bars."""
    errors = []
    for before, after in zip(source, result, strict=True):
        wrong = np.abs(before.repeat(SCALE, 0).repeat(SCALE, 1) - after)
        down, across = (BAR * SCALE * wrong.shape[axis] // (SCALE * size) for axis, size in ((0, 96), (1, 128)))
        bars = wrong.reshape(wrong.shape[0] // down, down, wrong.shape[1] // across, across)
        rows, columns = (margin * SCALE * length // (BAR * SCALE) for length in (down, across))
        errors.append(int(bars[:, rows : down - rows, :, columns : across - columns].max()))
    return errors


@pytest.mark.parametrize(
    ("pixel_format", "encoder"),
    [("yuv420p", "libx264"), ("yuv420p10le", "libx265"), ("yuv422p10le", "libx264"), ("yuv444p", "libx265")],
)
@pytest.mark.parametrize(("matrix", "full"), list(itertools.product(["smpte170m", "bt709"], [False, True])))
def test_colour_bars_survive_an_identity_engine(
    tmp_path: Path, pixel_format: str, encoder: str, matrix: str, full: bool
) -> None:
    """At most one code value off, for 8 bit and for 10; exact where the range is limited; tags kept."""
    depth = 10 if "10" in pixel_format else 8
    planes = bar_codes(matrix, depth, full)
    tags = source_tags(tagged(matrix, full))
    source = write_planes(tmp_path / "bars.mp4", planes, pixel_format, encoder=encoder, tags=tags)
    result = tmp_path / "result.mp4"
    before = identity(source, result, pixel_format, encoder)
    out = read_planes(result, pixel_format, 128 * SCALE, 96 * SCALE)
    # Chroma that is not subsampled is not interpolated either, and is right up to the edges.
    margin = 0 if "444" in pixel_format else 5
    assert max(largest_errors(subsampled(planes, pixel_format), out, margin)) <= (1 if full else 0)
    after = require_video(probe(result)).video
    assert after
    assert before.colour == after.colour == tagged(matrix, full)
    assert after.bit_depth == depth


def test_hdr_keeps_its_code_values_and_tags(tmp_path: Path) -> None:
    planes = bar_codes("bt2020nc", 10, full=False)
    colour = tagged("bt2020nc", full=False)
    tags = source_tags(colour)
    source = write_planes(tmp_path / "hdr.mkv", planes, "yuv420p10le", encoder="libx265", tags=tags)
    identity(source, tmp_path / "result.mkv", "yuv420p10le", "libx265")
    out = read_planes(tmp_path / "result.mkv", "yuv420p10le", 256, 192)
    assert max(largest_errors(subsampled(planes, "yuv420p10le"), out, 5)) == 0
    after = require_video(probe(tmp_path / "result.mkv")).video
    assert after
    assert after.colour == colour


def test_luma_is_exact_at_grey_edges(tmp_path: Path) -> None:
    codes = np.linspace(16, 235, 128).astype(np.int64)
    planes = [np.tile(codes, (96, 1)), np.full((96, 128), 128), np.full((96, 128), 128)]
    planes[0][::7] = 16
    tags = source_tags(tagged("bt709", full=False))
    source = write_planes(tmp_path / "g.mkv", planes, "yuv420p", encoder="libx264", tags=tags)
    identity(source, tmp_path / "r.mkv", "yuv420p", "libx264")
    assert largest_errors(subsampled(planes, "yuv420p"), read_planes(tmp_path / "r.mkv", "yuv420p", 256, 192), 0) == [
        0,
        0,
        0,
    ]


@pytest.mark.parametrize(("depth", "full"), [(8, False), (8, True), (10, False), (10, True)])
def test_rgb_values_follow_the_standard(tmp_path: Path, depth: int, full: bool) -> None:
    """White, black, red, green and blue of the strongest bars, in code values of the working format."""
    pixel_format = "yuv444p" if depth == 8 else "yuv444p10le"
    tags = source_tags(tagged("bt709", full))
    bars = bar_codes("bt709", depth, full)
    source = write_planes(tmp_path / "s.mkv", bars, pixel_format, encoder="libx264", tags=tags)
    _, frame = first_frame(source)
    white = WHITE[working_format(depth)]
    step = white / 255 if depth == 8 else white / 1020
    for number, rgb in enumerate(itertools.product((0, 1), repeat=3)):
        top, left = divmod(number, 128 // BAR)
        pixel = frame.pixels[top * BAR + 8, left * BAR + 8].astype(int)
        assert np.abs(pixel - np.array(rgb) * white).max() <= 3 * step


@pytest.mark.parametrize(
    ("codec", "name", "pixel_format"),
    [
        (("libx264",), "t.mp4", "yuv420p"),
        (("libx264",), "t.ts", "yuv420p"),
        (("libx265", "-x265-params", "log-level=none"), "t.mkv", "yuv420p10le"),
        (("libvpx-vp9",), "t.webm", "yuv420p"),
        (("libsvtav1", "-preset", "12"), "t.mkv", "yuv420p"),
        (("prores_ks",), "t.mov", "yuv422p10le"),
        (("mpeg2video",), "t.ts", "yuv420p"),
    ],
)
@pytest.mark.parametrize("full", [False, True])
def test_every_encoder_writes_the_tags_of_what_it_encodes(
    tmp_path: Path, codec: tuple[str, ...], name: str, pixel_format: str, full: bool
) -> None:
    """Checked with a grey: an encoder that cannot signal full range must get limited range, and be tagged so."""
    colour = tagged("smpte170m", full)
    path = tmp_path / name
    ffmpeg(
        "-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", "64x64", "-framerate", "25", "-i", "-",
        "-vf", encode_filter(colour, 64, pixel_format, codec[0]), "-c:v", *codec,
        *tag_args(colour, 64, codec[0]), path, stdin=bytes([200]) * 64 * 64 * 3 * 40,
    )  # fmt: skip
    stream, frame = first_frame(path)
    assert stream.video
    told = full and codec[0] not in ("prores_ks", "mpeg2video")
    assert stream.video.colour == tagged("smpte170m", told)
    assert abs(float(frame.pixels.mean()) * 255 / WHITE[working_format(stream.video.bit_depth)] - 200) < 2


@pytest.mark.parametrize("codec", [("libx264",), ("libx265", "-x265-params", "log-level=none")])
def test_the_tags_are_written_into_the_stream_itself(tmp_path: Path, codec: tuple[str, ...]) -> None:
    """A transport stream cannot store them itself."""
    colour = tagged("bt709", full=False)
    path = tmp_path / "t.ts"
    ffmpeg(
        "-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", "64x64", "-i", "-",
        "-vf", encode_filter(colour, 64, "yuv420p"), "-c:v", *codec, path, stdin=bytes(64 * 64 * 3 * 40),
    )  # fmt: skip
    video = require_video(probe(path)).video
    assert video
    assert video.colour == colour


@pytest.mark.parametrize(
    ("width", "height", "matrix"),
    [(640, 360, "smpte170m"), (720, 480, "smpte170m"), (720, 576, "bt470bg"), (1280, 720, "bt709"),
     (1280, 536, "bt709"), (1920, 1080, "bt709"), (3840, 2160, "bt709")],
)  # fmt: skip
def test_an_unknown_matrix_is_guessed_by_size_and_then_stated(width: int, height: int, matrix: str) -> None:
    guessed = resolve(Colour(), height, width)
    assert guessed == Colour(matrix=matrix, range="limited")
    assert tag_args(guessed, height, "libx264") == ["-colorspace", matrix, "-color_range", "tv"]


def test_known_tags_are_never_replaced() -> None:
    colour = tagged("bt2020nc", full=False)
    assert resolve(colour, 480, 640) == colour
    assert tag_args(colour, 480, "libx265") == [
        "-colorspace", "bt2020nc", "-color_primaries", "bt2020", "-color_trc", "smpte2084",
        "-color_range", "tv",
    ]  # fmt: skip


def test_rgb_sources_get_the_matrix_of_their_size() -> None:
    assert resolve(Colour(matrix="gbr", range="full"), 1080, 1920) == Colour(matrix="bt709", range="limited")


@pytest.mark.parametrize("matrix", ["ycgco", "ictcp", "ipt-c2", "smpte2085"])
def test_swscale_cannot_convert_every_matrix_to_rgb(matrix: str) -> None:
    video = Video(width=16, height=16, pixel_format="yuv444p", bit_depth=8, rate=None)
    assert not converts_to_rgb(video.evolve(colour=Colour(matrix=matrix)))
    assert converts_to_rgb(video)


def test_a_wrong_matrix_tag_on_rgb_pixels_is_ignored() -> None:
    video = Video(width=16, height=16, pixel_format="gbrp", bit_depth=8, rate=None, colour=Colour(matrix="ycgco"))
    assert converts_to_rgb(video)
    assert resolve_video(video) == Colour(matrix="smpte170m", range="limited")


@pytest.mark.parametrize(
    ("pixel_format", "codec"),
    [("gray", "ffv1"), ("gray10le", "ffv1"), ("gbrp", "utvideo"), ("rgb24", "png"), ("gbrp10le", "ffv1"),
     ("pal8", "png"), ("yuva420p", "ffv1"), ("yuv411p", "ffv1"), ("yuvj422p", "mjpeg")],
)  # fmt: skip
def test_every_pixel_format_is_converted_to_rgb(tmp_path: Path, pixel_format: str, codec: str) -> None:
    """Grey 128 of 255 in any format is grey in the middle of the working format."""
    path = make_video(
        tmp_path / "x.mkv", source="color=c=0x808080", filters=f"format={pixel_format}",
        codec=("-c:v", codec, "-pix_fmt", pixel_format),
    )  # fmt: skip
    stream, frame = first_frame(path)
    assert stream.video
    assert stream.video.pixel_format == pixel_format
    middle = WHITE[working_format(stream.video.bit_depth)] * 128 / 255
    assert frame.pixels.mean((0, 1)) == pytest.approx([middle] * 3, rel=0.02)
