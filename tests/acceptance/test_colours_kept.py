"""Colours survive a job unchanged: upscaled, transcoded and copied."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import yaml

from blobs import found_spots, rgb_spot, spot_source, stated_siting
from harness import framewatch
from media_factory import bar_codes, make_video, read_planes, write_planes

SCALE, BAR = 2, 32
MARGIN = 5  # of the source's pixels at each edge of a bar, where chroma is interpolated on purpose
TOPLEFT = ("-c:v", "libx264", "-qp", "0", "-preset", "ultrafast", "-chroma_sample_location", "topleft")
CASES = list(itertools.product(["smpte170m", "bt709"], ["limited", "full"], [8, 10]))


@pytest.mark.parametrize(("matrix", "value_range", "depth"), CASES)
def test_bars_are_at_most_one_code_off_and_keep_their_tags(
    tmp_path: Path, matrix: str, value_range: str, depth: int
) -> None:
    """Two codes for 10 bit, whose encoder has no lossless mode at crf 0."""
    pixel_format = "yuv420p" if depth == 8 else "yuv420p10le"
    bars = bar_codes(matrix, depth, value_range == "full", width=256, height=192, bar=BAR)
    height, width = bars[0].shape
    named = f"setparams=colorspace={matrix}:color_primaries={matrix}:color_trc={matrix}:range={value_range}"
    source = write_planes(tmp_path / "bars.mkv", bars, pixel_format, encoder="libx264", tags=["-vf", named])
    (tmp_path / "p.yaml").write_text(yaml.safe_dump({"ml_upscale": "esrgan-2x", "crf": 0, "preset": "ultrafast"}))
    output = tmp_path / "out.mp4"
    made = framewatch("upscale", source, "--preset", tmp_path / "p.yaml", "-o", output, "--engine", "identity")
    assert made.returncode == 0, made.stderr

    found = read_planes(output, pixel_format, width * SCALE, height * SCALE)
    for number, (plane, codes) in enumerate(zip(found, bars, strict=True)):
        step = 2 if number else 1  # chroma has half the samples
        wanted = codes.repeat(SCALE, 0).repeat(SCALE, 1)[::step, ::step]
        inner = _inside_bars(wanted.shape, BAR * SCALE // step, MARGIN * SCALE // step)
        assert inner.mean() > 0.4
        assert np.abs(plane - wanted)[inner].max() <= (1 if depth == 8 else 2)
    assert _tags(output) == _tags(source)


def _inside_bars(shape: tuple[int, ...], bar: int, margin: int) -> np.ndarray:
    """True where a sample is not within the margin of a bar's edge."""
    across = [(np.arange(size) % bar >= margin) & (np.arange(size) % bar < bar - margin) for size in shape]
    return np.logical_and.outer(*across)


def _tags(path: Path) -> tuple[int, ...]:
    """Range, matrix, primaries and transfer of a decoded frame, as numbers of ITU-T H.273."""
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    tags = (frame.color_range, frame.colorspace, frame.color_primaries, frame.color_trc)
    return tuple(int(tag) for tag in tags)


UNUSUAL = ("YCgCo", "ICtCp")  # matrices that swscale does not know


@pytest.fixture(params=UNUSUAL)
def unusual(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A 4:4:4 video whose matrix cannot be converted to RGB."""
    codec = ("-c:v", "libx264", "-x264-params", f"colormatrix={request.param}:qp=0", "-pix_fmt", "yuv444p")
    return make_video(tmp_path / "unusual.mp4", size="160x90", codec=codec)


def _upscale(source: Path, output: Path, keys: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    preset = output.with_suffix(".yaml")
    preset.write_text(yaml.safe_dump(keys))
    return framewatch("upscale", source, "--preset", preset, "-o", output, "--engine", "identity")


@pytest.mark.parametrize(
    "keys", [{"processing_mode": "copy"}, {"crf": 0, "preset": "ultrafast"}], ids=["copy", "encode"]
)
def test_a_video_that_needs_no_rgb_keeps_its_matrix_and_every_pixel(
    unusual: Path, tmp_path: Path, keys: dict[str, Any]
) -> None:
    output = tmp_path / "out.mp4"
    made = _upscale(unusual, output, keys)
    assert made.returncode == 0, made.stderr
    assert _tags(output) == _tags(unusual)
    for plane, wanted in zip(*(read_planes(path, "yuv444p", 160, 90) for path in (output, unusual)), strict=True):
        assert (plane == wanted).all()


@pytest.mark.parametrize(
    "keys",
    [
        {"resolution": "custom", "custom_width": 200, "custom_height": 200},  # scaled and padded
        {"pixel_format": "yuv420p"},
        {"container": "m2ts", "video_codec": "mpeg2video", "audio_codec": "ac3"},  # has no 4:4:4
        {"deinterlace": "on", "rotation": 90, "crop": {"x": 1, "y": 1, "width": 51, "height": 41}},
        {"denoise": 3, "saturation": 1.2, "brightness": 0.1, "sharpen": 1},
    ],
    ids=["size", "pixel-format", "mpeg2", "shape", "effects"],
)
def test_filters_work_on_a_video_whose_matrix_swscale_does_not_know(
    unusual: Path, tmp_path: Path, keys: dict[str, Any]
) -> None:
    output = (tmp_path / "out").with_suffix("." + keys.get("container", "mp4"))
    made = _upscale(unusual, output, {"preset": "ultrafast", **keys})
    assert made.returncode == 0, made.stderr
    assert _tags(output)[1] == _tags(unusual)[1]


@pytest.mark.parametrize(
    "keys",
    [{"ml_upscale": "esrgan-2x"}, {"container": "gif", "video_codec": "gif"}, {"subtitle_burn_path": "text.srt"}],
    ids=["upscale", "gif", "burned-subtitles"],
)
def test_what_needs_rgb_is_refused_where_the_matrix_is_not_known(
    unusual: Path, tmp_path: Path, keys: dict[str, Any]
) -> None:
    (tmp_path / "text.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")
    made = _upscale(unusual, (tmp_path / "out").with_suffix("." + keys.get("container", "mp4")), keys)
    assert made.returncode == 1
    assert "[media.colour_unsupported]" in made.stderr


def test_a_matrix_that_is_converted_like_a_similar_one_can_be_upscaled_and_scaled(tmp_path: Path) -> None:
    codec = ("-c:v", "libx264", "-x264-params", "colormatrix=chroma-derived-c")
    source = make_video(tmp_path / "source.mp4", size="160x90", codec=codec)
    keys = {"ml_upscale": "esrgan-2x", "resolution": "custom", "custom_width": 200, "custom_height": 200}
    output = tmp_path / "out.mp4"
    made = _upscale(source, output, {"preset": "ultrafast", **keys})
    assert made.returncode == 0, made.stderr
    assert _tags(output)[1] == _tags(source)[1]


@pytest.mark.parametrize(
    ("name", "pixel_format", "siting", "coded", "keys"),
    [
        ("picture.jpg", "yuvj420p", "center", ("-c:v", "mjpeg", "-q:v", "1"), {"container": "png"}),
        ("film.mpg", "yuv420p", "center", ("-c:v", "mpeg1video", "-q:v", "1"), {"container": "mkv", "crf": 0}),
        ("hdr.mkv", "yuv420p10le", "topleft", TOPLEFT, {"container": "mp4", "video_codec": "libx265", "crf": 1}),
    ],
    ids=["jpg", "mpeg1", "hdr"],
)
def test_a_spot_of_colour_stays_in_its_place(
    tmp_path: Path, name: str, pixel_format: str, siting: str, coded: tuple[str, ...], keys: dict[str, Any]
) -> None:
    """Taken for left-sited, the first two would be off by a pixel to the left, and the third by one downwards."""
    image = keys["container"] == "png"
    source = spot_source(tmp_path / name, pixel_format, siting, coded, frames=1 if image else 3)
    output = tmp_path / f"out.{keys['container']}"
    speed = {} if image else {"preset": "ultrafast"}
    made = _upscale(source, output, {"ml_upscale": "esrgan-2x", **speed, **keys})
    assert made.returncode == 0, made.stderr
    found = [rgb_spot(output)] if image else found_spots(output)
    for (x, y), (wanted_x, wanted_y) in zip(found, found_spots(source, siting), strict=False):
        assert abs(x - 2 * wanted_x) <= 0.1
        assert abs(y - 2 * wanted_y) <= 0.1
    assert image or stated_siting(output) == siting
