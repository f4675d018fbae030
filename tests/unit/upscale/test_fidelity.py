"""Every engine computes the same network, on frames of a real clip."""

from __future__ import annotations

import numpy as np
import pytest

from framewatch.upscale.engine import Session, SessionRequest
from framewatch.upscale.frames import pixels
from framewatch.upscale.frames.frame import Frame, FrameShape
from framewatch.upscale.ncnn.engine import NcnnCpuEngine
from framewatch.upscale.network import reference
from framewatch.upscale.network.network import Network
from framewatch.upscale.openvino.engine import OpenVinoEngine

SCALES = (2, 3, 4)


def shape_of(frame: Frame) -> FrameShape:
    return FrameShape(frame.shape[1], frame.shape[0], frame.dtype.name)  # type: ignore[arg-type]


def opened(engine: NcnnCpuEngine | OpenVinoEngine, network: Network, frame: Frame, scale: int) -> Session:
    return engine.open("CPU", SessionRequest(network, shape_of(frame), scale))


def run(engine: NcnnCpuEngine | OpenVinoEngine, network: Network, frame: Frame, scale: int) -> Frame:
    with opened(engine, network, frame, scale) as session:
        return session.run(frame)


def wide(frame: Frame) -> Frame:
    """Return the frame in 16 bits, with values between those of 8 bits."""
    fine = np.random.default_rng(2).integers(-100, 100, frame.shape)
    return np.clip(frame.astype(np.int64) * 257 + fine, 0, 65535).astype(np.uint16)


@pytest.mark.parametrize("scale", SCALES)
def test_openvino_in_float32_differs_from_ncnn_by_at_most_one(
    network: Network, clip_frames: list[Frame], scale: int
) -> None:
    for frame in clip_frames:
        ours = run(OpenVinoEngine("f32"), network, frame, scale).astype(int)
        assert abs(ours - run(NcnnCpuEngine(), network, frame, scale)).max() <= 1


@pytest.mark.parametrize("scale", SCALES)
def test_openvino_in_bf16_is_at_least_50_db_from_ncnn(network: Network, clip_frames: list[Frame], scale: int) -> None:
    for frame in clip_frames:
        ours = run(OpenVinoEngine("bf16"), network, frame, scale)
        assert pixels.psnr(ours, run(NcnnCpuEngine(), network, frame, scale)) >= 50


@pytest.mark.parametrize("scale", SCALES)
def test_the_numpy_reference_agrees_with_ncnn_up_to_the_edges(
    network: Network, clip_frames: list[Frame], scale: int
) -> None:
    frame = wide(clip_frames[0])[:40, :56].copy()
    ours = reference.upscale(network, frame / 65535, scale, np.float64)
    theirs = run(NcnnCpuEngine(), network, frame, scale)
    assert abs(pixels.quantise(ours, np.uint16).astype(int) - theirs).max() <= 2  # 3e-5 of white
    assert len(np.unique(theirs)) > 1000


@pytest.mark.parametrize("scale", SCALES)
def test_16_bit_frames_stay_16_bits_in_float32(network: Network, clip_frames: list[Frame], scale: int) -> None:
    frame = wide(clip_frames[1])
    ours = run(OpenVinoEngine("f32"), network, frame, scale)
    assert ours.dtype == np.uint16
    assert abs(ours.astype(int) - run(NcnnCpuEngine(), network, frame, scale)).max() <= 2


@pytest.mark.parametrize("scale", SCALES)
def test_16_bit_frames_through_bf16_keep_more_than_8_bits_would(
    network: Network, clip_frames: list[Frame], scale: int
) -> None:
    frame = wide(clip_frames[1])
    ours = run(OpenVinoEngine("bf16"), network, frame, scale)
    assert pixels.psnr(ours, run(NcnnCpuEngine(), network, frame, scale)) >= 59


@pytest.mark.parametrize("scale", SCALES)
def test_a_network_of_another_size_runs_on_every_engine(
    small_network: Network, clip_frames: list[Frame], scale: int
) -> None:
    frame = clip_frames[0]
    expected = pixels.quantise(reference.upscale(small_network, frame / 255, scale), np.uint8).astype(int)
    for engine in (OpenVinoEngine("f32"), NcnnCpuEngine()):
        assert abs(run(engine, small_network, frame, scale) - expected).max() <= 1


def test_openvino_is_imported_without_its_usage_reports() -> None:
    """In a separate process, because another import of openvino could have loaded them before."""
    import subprocess
    import sys

    code = (
        "import sys; from framewatch.upscale.openvino.engine import OpenVinoEngine;"
        "before = [m for m in ('openvino', 'ncnn', 'pydantic', 'yaml', 'psutil') if m in sys.modules];"
        "OpenVinoEngine().devices();"
        "print(before, [m for m in sys.modules if 'telemetry' in m])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] []"
