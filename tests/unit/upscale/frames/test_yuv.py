"""Planes of YUV through an engine: the same picture as by way of ffmpeg's RGB, tiled, tested and watched as well."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from framewatch.domain import Colour, Video
from framewatch.errors import EngineError
from framewatch.media import colour
from framewatch.media.filter_graph import Filter, FilterChain
from framewatch.upscale.checks import selftest
from framewatch.upscale.checks.output_check import OutputCheck
from framewatch.upscale.cuda import layout as cuda_layout
from framewatch.upscale.engine import SessionRequest
from framewatch.upscale.frames import yuv
from framewatch.upscale.frames.frame import Frame, FrameShape
from framewatch.upscale.frames.yuv import Yuv420
from framewatch.upscale.identity import IdentityEngine
from framewatch.upscale.network.network import Network
from framewatch.upscale.openvino.engine import OpenVinoEngine
from framewatch.upscale.selection import EngineChoice, open_session
from framewatch.upscale.tiled_session import TiledSession
from planes_engine import Fault, PlanesEngine

CLIP = Path(__file__).parents[3] / "data" / "bbb-320x180.mp4"
BT709 = Yuv420(0.2126, 0.0722)
CODINGS = [
    BT709,
    Yuv420(0.299, 0.114, full=True),
    Yuv420(0.2627, 0.0593, depth=10, out_depth=10),
    Yuv420(0.212, 0.087, full=True, depth=10, out_depth=10),
    Yuv420(0.2126, 0.0722, depth=8, out_depth=10),
    Yuv420(0.30, 0.11, depth=10, out_depth=8),
]
Used = Literal["limited", "full"]
FORMATS = {8: "yuv420p", 10: "yuv420p10le"}


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


@pytest.mark.parametrize("depth", [8, 10])
@pytest.mark.parametrize("used", ["limited", "full"])
def test_rgb_made_of_planes_is_what_ffmpeg_makes_of_them(
    decoded: VideoFrame, depth: int, used: Literal["limited", "full"]
) -> None:
    coding = Yuv420(0.2126, 0.0722, full=used == "full", depth=depth, out_depth=depth)
    source = decoded.reformat(format=FORMATS[depth])
    tags = Colour(matrix="bt709", range=used)
    video = Video(width=320, height=180, pixel_format=FORMATS[depth], bit_depth=depth, rate=Fraction(25), colour=tags)
    theirs = filtered(source, list(colour.decode_filters(video)))
    white = 255 if depth == 8 else 65280
    ours = yuv.to_rgb(yuv.split_planes(source.to_ndarray(), 320, 180), coding) * white
    assert np.abs(np.rint(ours) - theirs).max() <= white / 255


@pytest.mark.parametrize("depth", [8, 10])
@pytest.mark.parametrize("used", ["limited", "full"])
def test_planes_made_of_rgb_are_what_ffmpeg_makes_of_it(
    decoded: VideoFrame, depth: int, used: Literal["limited", "full"]
) -> None:
    coding = Yuv420(0.2126, 0.0722, full=used == "full", depth=depth, out_depth=depth)
    rgb = decoded.to_ndarray(format="rgb24")
    text = colour.encode_filter(Colour(matrix="bt709", range=used), 720, FORMATS[depth])
    filters = [Filter(name, args) for name, _, args in (each.partition("=") for each in text.split(","))]
    theirs = filtered(VideoFrame.from_ndarray(rgb, format="rgb24"), filters)
    ours = yuv.join_planes(yuv.from_rgb(rgb / 255, coding))
    assert np.abs(ours.astype(int) - theirs).max() <= 1


@pytest.mark.parametrize("coding", CODINGS[:4], ids=str)
def test_a_flat_colour_comes_back_as_it_was(coding: Yuv420) -> None:
    for codes in ((0.5, 0.0, 0.0), (0.4, 0.1, -0.15), (0.6, -0.1, 0.15), (0.0, 0.0, 0.0), (1.0, 0.0, 0.0)):
        luma, *chroma = codes
        values = [round(luma * coding.luma_range) + coding.black]
        values += [round(part * coding.chroma_range) + coding.grey for part in chroma]
        dtype = np.uint8 if coding.depth == 8 else np.uint16
        parts = tuple(
            np.full(size, value, dtype) for size, value in zip(((6, 8), (3, 4), (3, 4)), values, strict=True)
        )
        back = yuv.from_rgb(yuv.to_rgb(parts, coding), coding)  # type: ignore[arg-type]
        assert all(np.array_equal(before, after) for before, after in zip(parts, back, strict=True)), codes


@pytest.mark.parametrize("coding", CODINGS, ids=str)
def test_windows_of_planes_put_together_are_the_whole(coding: Yuv420, small_network: Network) -> None:
    shape = FrameShape.of_planes(150, 120, coding)
    frame = selftest.synthetic(shape)
    engine = PlanesEngine(OpenVinoEngine("f32"))
    for scale in (2, 3, 4):
        whole, cut = (
            TiledSession(engine, "CPU", SessionRequest(small_network, shape, scale), most) for most in (None, 6000)
        )
        with whole, cut:
            assert cut.tiling.count > 2
            assert np.array_equal(whole.run(frame), cut.run(frame))


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("coding", CODINGS, ids=str)
def test_the_self_test_passes_what_is_right(coding: Yuv420, scale: int, small_network: Network) -> None:
    shape = FrameShape.of_planes(66, 50, coding)
    engine = PlanesEngine(OpenVinoEngine("f32"))
    with engine.open("CPU", SessionRequest(small_network, shape, scale)) as session:
        selftest.check(session, small_network)


FAULTS: dict[str, Fault] = {
    "chroma swapped": lambda planes: (planes[0], planes[2], planes[1]),
    "no chroma": lambda planes: (planes[0], np.full_like(planes[1], 128), np.full_like(planes[2], 128)),
    "chroma moved": lambda planes: (planes[0], np.roll(planes[1], 1, 1), planes[2]),
    "luma darker": lambda planes: (planes[0] - planes[0] // 16, planes[1], planes[2]),
    "all zero": lambda planes: (planes[0] * 0, planes[1] * 0, planes[2] * 0),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_the_self_test_refuses_what_is_wrong(fault: Fault, small_network: Network) -> None:
    engine = PlanesEngine(OpenVinoEngine("f32"), fault)
    with (
        engine.open("CPU", SessionRequest(small_network, FrameShape.of_planes(66, 50, BT709), 2)) as session,
        pytest.raises(EngineError, match="wrong pixels"),
    ):
        selftest.check(session, small_network)


def upscaled(
    network: Network, frame: Frame, coding: Yuv420, fault: Fault = lambda planes: planes
) -> tuple[Frame, float]:
    """A frame of 320x180 at 2x, and how suspicious that is."""
    shape = FrameShape.of_planes(320, 180, coding)
    with PlanesEngine(OpenVinoEngine("f32"), fault).open("CPU", SessionRequest(network, shape, 2)) as session:
        output = session.run(frame)
    return output, OutputCheck(shape, 2).compare(frame, output).score


def test_the_sentinel_believes_the_network_and_not_a_fault(network: Network, decoded: VideoFrame) -> None:
    frame = decoded.to_ndarray()
    assert upscaled(network, frame, BT709)[1] < 0.5
    for name in ("chroma swapped", "all zero"):
        assert upscaled(network, frame, BT709, FAULTS[name])[1] > 1.5, name


def test_colours_that_rgb_does_not_have_are_no_fault(network: Network) -> None:
    """Noise in planes has them everywhere; they are clamped, and so luma changes as well."""
    random = np.random.default_rng(3)
    blocks = random.integers(0, 256, (34, 40), np.uint8).repeat(8, 0).repeat(8, 1)[:270]
    assert upscaled(network, np.ascontiguousarray(blocks), BT709)[1] < 0.8


def test_planes_go_to_a_device_that_takes_them_and_rgb_to_others(network: Network) -> None:
    rgb, planes = FrameShape(64, 48), FrameShape.of_planes(64, 48, BT709)
    takes, takes_not = PlanesEngine(IdentityEngine()), IdentityEngine()
    for engine, shape in ((takes, planes), (takes_not, rgb)):
        choice = EngineChoice("identity", planes=planes)
        with open_session(SessionRequest(network, rgb, 2), choice, engines={"identity": engine}) as session:
            assert session.shape == shape
            assert session.run(selftest.synthetic(shape)).shape == shape.upscaled(2).array


@pytest.mark.parametrize(("width", "height", "dtype"), [(63, 48, "uint8"), (64, 47, "uint8"), (64, 48, "uint16")])
def test_planes_have_an_even_size_and_the_dtype_of_their_depth(width: int, height: int, dtype: str) -> None:
    with pytest.raises(ValueError, match="not a shape of YUV"):
        FrameShape(width, height, dtype, BT709)  # type: ignore[arg-type]


@pytest.mark.parametrize(("width", "height"), [(2, 2), (256, 8), (258, 10), (1920, 1080)])
def test_the_kernels_threads_cover_every_chroma_sample(width: int, height: int) -> None:
    unpack, pack = cuda_layout.unpack(width, height), cuda_layout.pack(width, height)
    for launch, rows in ((unpack, 1), (pack, cuda_layout.PACK_STRIP)):
        assert width // 2 <= launch.blocks[0] * launch.threads < width // 2 + launch.threads
        assert height // 2 <= launch.blocks[1] * rows < height // 2 + rows
