"""The ncnn graph that takes and gives packed codes, run on the processor: a GPU gets the same graph."""

from __future__ import annotations

from typing import Any

import ncnn
import numpy as np
import pytest

from framewatch.upscale.checks import selftest
from framewatch.upscale.frames import pixels
from framewatch.upscale.frames.frame import Frame, FrameShape
from framewatch.upscale.ncnn import engine as ncnn_engine
from framewatch.upscale.ncnn import param_file as ncnn_param
from framewatch.upscale.ncnn.engine import CodesSession
from framewatch.upscale.network import reference, weights
from framewatch.upscale.network.network import Network


def session(network: Network, shape: FrameShape, scale: int) -> CodesSession:
    net = ncnn.Net()
    net.opt.use_vulkan_compute = False
    net.opt.num_threads = 2
    ncnn_engine._use_float16(net.opt, storage=False)
    ncnn_engine._load(net, network, ncnn_param.codes_text(network, scale, shape.width, shape.height))
    return CodesSession("ncnn/f32", shape, scale, 1, net=net, lanes=1)


def expected(network: Network, frame: Frame, scale: int) -> Frame:
    return pixels.quantise(reference.upscale(network, frame.astype(np.float32) / 255, scale), np.uint8)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize(("width", "height"), [(40, 24), (37, 29), (1, 1)])
def test_codes_go_in_and_come_out_as_the_reference_rounds_them(scale: int, width: int, height: int) -> None:
    network, shape = weights.load(f"esrgan-{scale}x"), FrameShape(width, height)
    with session(network, shape, scale) as opened:
        frame = selftest.synthetic(shape)
        output = opened.run(frame)
        assert shape.upscaled(scale).fits(output)
        wrong = output.astype(int) - expected(network, frame, scale)
        assert abs(wrong).max() <= 1
        assert (wrong != 0).mean() < 0.001  # where a value lies within a rounding error of the middle of two codes
        selftest.check(opened, network)


def test_black_and_white_stay_within_the_codes() -> None:
    """The network goes beyond both: what is clamped must not wrap around."""
    network, shape = weights.load("esrgan-4x"), FrameShape(48, 32)
    frame = np.zeros((32, 48, 3), np.uint8)
    frame[:, ::7] = 255
    with session(network, shape, 4) as opened:
        output = opened.run(frame)
    assert abs(output.astype(int) - expected(network, frame, 4)).max() <= 1
    assert (output.min(), output.max()) == (0, 255)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_code_is_the_lower_byte_of_what_comes_from_the_device(dtype: type[Any]) -> None:
    """In float16 where the device stores that, else in float32."""
    codes = np.arange(256, dtype=np.uint8)
    opened = CodesSession("ncnn/f16", FrameShape(64, 4), 4, 1, net=None, lanes=1)
    lifted = np.resize(codes, (1, 16, 3 * 256)).astype(dtype) + dtype(ncnn_param.LIFT)
    assert np.array_equal(opened._given(lifted).reshape(-1), np.resize(codes, 16 * 3 * 256))
