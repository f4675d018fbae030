"""Colours come through the whole way as they were: bars, decoded, repeated by the identity engine, and encoded."""

from __future__ import annotations

import itertools
from pathlib import Path

import av
import numpy as np
import pytest
import yaml

from harness import framewatch
from media_factory import bar_codes, read_planes, write_planes

SCALE, BAR = 2, 32
MARGIN = 5  # of the source's pixels at each edge of a bar, where chroma is interpolated on purpose
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
