"""Tiles put together equal the whole frame, and become smaller when memory runs out."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Literal

import numpy as np
import pytest

from fake_engines import CODINGS, PlanesEngine, SmallMemoryEngine
from framewatch.errors import OutOfMemoryError
from framewatch.upscale.checks import selftest
from framewatch.upscale.checks.checked_session import CheckedSession
from framewatch.upscale.engine import Engine, Session, SessionRequest
from framewatch.upscale.frames.frame import Frame, FrameShape
from framewatch.upscale.frames.tiling import MAX_TILE_PIXELS
from framewatch.upscale.frames.yuv import Yuv420
from framewatch.upscale.identity import IdentityEngine
from framewatch.upscale.ncnn.engine import NcnnCpuEngine
from framewatch.upscale.network.network import Network
from framewatch.upscale.openvino.engine import OpenVinoEngine
from framewatch.upscale.tiled_session import TiledSession

SHAPE = FrameShape(240, 160)


def noise(width: int, height: int, dtype: str = "uint8") -> Frame:
    top = np.iinfo(dtype).max
    return np.random.default_rng(3).integers(0, top, (height, width, 3), endpoint=True).astype(dtype)


def tiled_and_whole(engine: Engine, network: Network, frame: Frame, scale: int, most: int) -> tuple[Frame, Frame]:
    shape = FrameShape(frame.shape[1], frame.shape[0], frame.dtype.name)  # type: ignore[arg-type]
    request = SessionRequest(network, shape, scale)
    with TiledSession(engine, "CPU", request, most) as session:
        assert session.tiling.count > 1
        tiled = session.run(frame)
    with engine.open("CPU", request) as session:
        return tiled, session.run(frame)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_openvino_tiles_equal_the_whole_exactly(network: Network, precision: str, scale: int) -> None:
    """131x97 does not divide into tiles; noise makes every difference visible."""
    engine = OpenVinoEngine(precision)  # type: ignore[arg-type]
    tiled, whole = tiled_and_whole(engine, network, noise(131, 97), scale, 80 * 80)
    assert (tiled == whole).all()


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_ncnn_tiles_equal_the_whole_except_for_the_last_bit_of_float32(network: Network, scale: int) -> None:
    """The Winograd transform is aligned differently on a tile, so sums differ by 1e-6: one or two of 65535."""
    frame = noise(131, 97, "uint16")
    tiled, whole = tiled_and_whole(NcnnCpuEngine(), network, frame, scale, 80 * 80)
    assert abs(tiled.astype(int) - whole).max() <= 2


@pytest.mark.parametrize("coding", CODINGS, ids=str)
def test_tiles_of_planes_equal_the_whole_exactly(coding: Yuv420, small_network: Network) -> None:
    shape = FrameShape.of_planes(150, 120, coding)
    frame = selftest.synthetic(shape)
    engine = PlanesEngine(OpenVinoEngine("f32"))
    for scale in (2, 3, 4):
        whole, tiled = (
            TiledSession(engine, "CPU", SessionRequest(small_network, shape, scale), most) for most in (None, 6000)
        )
        with whole, tiled:
            assert tiled.tiling.count > 2
            assert np.array_equal(whole.run(frame), tiled.run(frame))


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (17, 40), (64, 1), (39, 38)])
def test_frames_smaller_than_a_halo_are_upscaled_correctly(network: Network, size: tuple[int, int]) -> None:
    frame = noise(*size)
    outputs = []
    for engine in (OpenVinoEngine("f32"), NcnnCpuEngine()):
        with TiledSession(engine, "CPU", SessionRequest(network, FrameShape(*size), 3), 64 * 64) as session:
            outputs.append(session.run(frame).astype(int))
    assert outputs[0].shape == (size[1] * 3, size[0] * 3, 3)
    assert abs(outputs[0] - outputs[1]).max() <= 1


def test_identity_tiles_put_every_pixel_in_its_position(small_network: Network) -> None:
    frame = noise(301, 203, "uint16")
    tiled, whole = tiled_and_whole(IdentityEngine(), small_network, frame, 3, 10_000)
    assert (tiled == whole).all()
    assert (tiled[1::3, 1::3] == frame).all()


@pytest.mark.parametrize("when", ["open", "run"])
def test_out_of_memory_halves_the_tile_and_repeats_the_frame(
    small_network: Network, when: Literal["open", "run"]
) -> None:
    engine = SmallMemoryEngine(most=12_000, when=when)
    frame = noise(240, 160)
    request = SessionRequest(small_network, SHAPE, 2, 2)
    with TiledSession(engine, "CPU", request) as session:
        outputs = list(session.upscale([frame] * 5))
    with OpenVinoEngine("f32").open("CPU", request) as whole:
        expected = whole.run(frame)
    assert all((output == expected).all() for output in outputs)
    assert engine.opened[-1].pixels <= 12_000
    assert len(engine.opened) == (1 if when == "open" else 3)  # whole, half, quarter: once each for both threads
    assert all(session._closed for session in engine.sessions)


def test_out_of_memory_of_one_frame_does_not_disturb_the_others_in_flight(small_network: Network) -> None:
    """Three are in flight and the second fails. The others end as they began, and only the second is repeated."""
    together = threading.Barrier(3, timeout=20)
    computed: list[tuple[int, int]] = []  # a frame's number, and the pixels of the tile

    class Full(IdentityEngine):
        def open(self, device: str, request: SessionRequest) -> Session:
            return FullSession(super().open(device, request))

    class FullSession(Session):
        def __init__(self, inner: Session) -> None:
            super().__init__("full", inner.shape, inner.scale, inner.concurrency)
            self.inner = inner

        def _run(self, frame: Frame) -> Frame:
            whole = frame.shape == (160, 240, 3)
            if whole:
                together.wait()
                if frame[0, 0, 0] == 1:
                    raise OutOfMemoryError("no memory to run")
            assert not self._closed
            computed.append((int(frame[0, 0, 0]), frame.shape[0] * frame.shape[1]))
            return self.inner.run(frame)

    frames = [np.full((160, 240, 3), number, np.uint8) for number in range(3)]
    with TiledSession(Full(), "CPU", SessionRequest(small_network, SHAPE, 2, 3)) as session:
        outputs = list(session.upscale(frames))
    assert [np.unique(output).tolist() for output in outputs] == [[0], [1], [2]]
    assert all(output.shape == (320, 480, 3) for output in outputs)
    assert sorted(number for number, pixels in computed if pixels == 240 * 160) == [0, 2]
    assert {number for number, pixels in computed if pixels <= 240 * 160 // 2} == {1}


def test_each_tile_of_a_large_frame_counts_as_progress(small_network: Network) -> None:
    engine = IdentityEngine()
    tiled = TiledSession(engine, "CPU", SessionRequest(small_network, SHAPE, 2), 80 * 80)
    with CheckedSession(tiled, engine.name) as session:
        assert session.computed == 0
        session.run(noise(240, 160))
        assert session.computed >= tiled.tiling.count > 3


def test_out_of_memory_with_the_smallest_tile_is_an_error_with_advice(small_network: Network) -> None:
    engine = SmallMemoryEngine(most=100, when="run")
    with (
        TiledSession(engine, "CPU", SessionRequest(small_network, SHAPE, 4, 2)) as session,
        pytest.raises(OutOfMemoryError) as caught,
    ):
        list(session.upscale([noise(240, 160)] * 3))
    assert caught.value.finding.code == "engine.out_of_memory"
    assert "esrgan-2x" in caught.value.finding.hint
    assert all(session._closed for session in engine.sessions)


@pytest.mark.parametrize("engine", [OpenVinoEngine(), NcnnCpuEngine()])
def test_a_tile_is_limited_by_free_memory_and_by_32_bit_offsets(
    network: Network, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psutil

    for free, most in ((10**13, MAX_TILE_PIXELS), (2 * 10**9, 600_000)):
        monkeypatch.setattr(psutil, "virtual_memory", lambda free=free: SimpleNamespace(available=free))
        pixels = engine.max_tile_pixels("CPU", SessionRequest(network, SHAPE, 2))
        assert pixels is not None
        assert most / 4 <= pixels <= most
