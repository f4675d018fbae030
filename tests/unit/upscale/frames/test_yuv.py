"""YUV planes to RGB and back: as ffmpeg converts them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Literal, get_args

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from fake_engines import BT709, CODINGS
from framewatch.domain import ChromaSiting, Colour, Video
from framewatch.media import colour
from framewatch.media.filter_graph import Filter, FilterChain
from framewatch.upscale.frames import yuv
from framewatch.upscale.frames.frame import FrameShape
from framewatch.upscale.frames.yuv import Yuv420

CLIP = Path(__file__).parents[3] / "data" / "bbb-320x180.mp4"
FORMATS = {8: "yuv420p", 10: "yuv420p10le"}

Range = Literal["limited", "full"]
SITINGS = get_args(ChromaSiting)


@pytest.fixture(scope="module")
def decoded() -> VideoFrame:
    """A frame of the clip as it was decoded: 320x180."""
    with av.open(str(CLIP)) as container:
        return list(container.decode(video=0))[40]


def filtered(frame: VideoFrame, filters: list[Filter]) -> NDArray[np.integer]:
    frame.pts = 0
    chain = FilterChain(filters, Fraction(1, 25))
    (made,) = [*chain.push(frame), *chain.drain()]
    return made.to_ndarray()


@pytest.mark.parametrize("siting", SITINGS)
@pytest.mark.parametrize("depth", [8, 10])
@pytest.mark.parametrize("range_", ["limited", "full"])
def test_rgb_from_planes_equals_ffmpegs(decoded: VideoFrame, depth: int, range_: Range, siting: ChromaSiting) -> None:
    coding = Yuv420(0.2126, 0.0722, full=range_ == "full", depth=depth, out_depth=depth, siting=siting)
    source = decoded.reformat(format=FORMATS[depth])
    tags = Colour(matrix="bt709", range=range_)
    video = Video(width=320, height=180, pixel_format=FORMATS[depth], bit_depth=depth, rate=Fraction(25), colour=tags)
    video = video.evolve(siting=siting)
    theirs = filtered(source, list(colour.decode_filters(video)))
    white = 255 if depth == 8 else 65280
    ours = yuv.to_rgb(yuv.split_planes(source.to_ndarray(), 320, 180), coding) * white
    # swscale's weights have 14 bits; interpolated along both axes, they are off by a little more.
    assert np.abs(np.rint(ours) - theirs).max() <= white / 255 * (1 if siting == "left" else 1.1)


@pytest.mark.parametrize("siting", SITINGS)
@pytest.mark.parametrize("depth", [8, 10])
@pytest.mark.parametrize("range_", ["limited", "full"])
def test_planes_from_rgb_equal_ffmpegs(decoded: VideoFrame, depth: int, range_: Range, siting: ChromaSiting) -> None:
    coding = Yuv420(0.2126, 0.0722, full=range_ == "full", depth=depth, out_depth=depth, out_siting=siting)
    rgb = decoded.to_ndarray(format="rgb24")
    text = colour.encode_filter(Colour(matrix="bt709", range=range_), 720, FORMATS[depth], siting=siting)
    filters = [Filter(name, args) for name, _, args in (each.partition("=") for each in text.split(","))]
    theirs = filtered(VideoFrame.from_ndarray(rgb, format="rgb24"), filters)
    ours = yuv.join_planes(yuv.from_rgb(rgb / 255, coding.out))
    assert np.abs(ours.astype(int) - theirs).max() <= 1


@pytest.mark.parametrize("coding", CODINGS[:4], ids=str)
def test_a_flat_colour_survives_the_round_trip_exactly(coding: Yuv420) -> None:
    for components in ((0.5, 0.0, 0.0), (0.4, 0.1, -0.15), (0.6, -0.1, 0.15), (0.0, 0.0, 0.0), (1.0, 0.0, 0.0)):
        luma, *chroma = components
        values = [round(luma * coding.luma_range) + coding.black]
        values += [round(part * coding.chroma_range) + coding.grey for part in chroma]
        dtype = np.uint8 if coding.depth == 8 else np.uint16
        planes = tuple(
            np.full(size, value, dtype) for size, value in zip(((6, 8), (3, 4), (3, 4)), values, strict=True)
        )
        back = yuv.from_rgb(yuv.to_rgb(planes, coding), coding)  # type: ignore[arg-type]
        assert all(np.array_equal(before, after) for before, after in zip(planes, back, strict=True)), components


@pytest.mark.parametrize(("width", "height", "dtype"), [(63, 48, "uint8"), (64, 47, "uint8"), (64, 48, "uint16")])
def test_planes_need_an_even_size_and_the_dtype_of_their_depth(width: int, height: int, dtype: str) -> None:
    with pytest.raises(ValueError, match="not a shape of YUV"):
        FrameShape(width, height, dtype, BT709)  # type: ignore[arg-type]
