"""The ncnn graph that takes and returns packed RGB, run on the CPU: a GPU gets the same graph."""

from __future__ import annotations

from typing import Any

import ncnn
import numpy as np
import pytest

from framewatch.upscale.checks import selftest
from framewatch.upscale.engine import SessionRequest
from framewatch.upscale.frames import pixels
from framewatch.upscale.frames.frame import Frame, FrameShape
from framewatch.upscale.ncnn import engine, param_file
from framewatch.upscale.ncnn.engine import PackedSession
from framewatch.upscale.network import reference, weights
from framewatch.upscale.network.network import Network


def session(network: Network, shape: FrameShape, scale: int) -> PackedSession:
    net = ncnn.Net()
    net.opt.use_vulkan_compute = False
    net.opt.num_threads = 2
    engine._set_float16_storage(net.opt, False)
    engine._load(net, network, param_file.packed_param(network, scale, shape.width, shape.height))
    return PackedSession("ncnn/f32", SessionRequest(network, shape, scale), net, 1)


def expected(network: Network, frame: Frame, scale: int) -> Frame:
    return pixels.quantise(reference.upscale(network, frame.astype(np.float32) / 255, scale), np.uint8)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize(("width", "height"), [(40, 24), (37, 29), (1, 1)])
def test_packed_output_equals_the_reference(scale: int, width: int, height: int) -> None:
    """Except where a value lies within a rounding error of the middle of two integers."""
    network, shape = weights.load(f"esrgan-{scale}x"), FrameShape(width, height)
    with session(network, shape, scale) as opened:
        frame = selftest.synthetic(shape)
        output = opened.run(frame)
        assert shape.upscaled(scale).fits(output)
        wrong = output.astype(int) - expected(network, frame, scale)
        assert abs(wrong).max() <= 1
        assert (wrong != 0).mean() < 0.001
        selftest.check(opened, network)


def test_packed_output_is_clamped_and_does_not_wrap_around() -> None:
    """The network goes below black and above white."""
    network, shape = weights.load("esrgan-4x"), FrameShape(48, 32)
    frame = np.zeros((32, 48, 3), np.uint8)
    frame[:, ::7] = 255
    with session(network, shape, 4) as opened:
        output = opened.run(frame)
    assert abs(output.astype(int) - expected(network, frame, 4)).max() <= 1
    assert (output.min(), output.max()) == (0, 255)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_sample_is_the_low_byte_of_the_devices_float(dtype: type[Any]) -> None:
    """float16 where the device stores that, else float32."""
    samples = np.arange(256, dtype=np.uint8)
    request = SessionRequest(weights.load("esrgan-4x"), FrameShape(64, 4), 4)
    opened = PackedSession("ncnn/f16", request, None, 1)
    output = np.resize(samples, (1, 16, 3 * 256)).astype(dtype) + dtype(param_file.PACKED_OFFSET)
    assert np.array_equal(opened._from_network(output).reshape(-1), np.resize(samples, 16 * 3 * 256))
