"""The self-test passes correct engines and refuses wrong ones, at every size and layout."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fake_engines import BT709, CODINGS, PlanesEngine, PlanesFault
from framewatch.errors import EngineError, Finding
from framewatch.upscale.checks import selftest
from framewatch.upscale.engine import SessionRequest
from framewatch.upscale.frames.frame import FrameShape
from framewatch.upscale.frames.yuv import Siting, Yuv420
from framewatch.upscale.network.network import Network
from framewatch.upscale.openvino.engine import OpenVinoEngine
from framewatch.upscale.selection import EngineChoice, open_session

FAULTS: dict[str, PlanesFault] = {
    "chroma swapped": lambda planes: (planes[0], planes[2], planes[1]),
    "no chroma": lambda planes: (planes[0], np.full_like(planes[1], 128), np.full_like(planes[2], 128)),
    "chroma moved": lambda planes: (planes[0], np.roll(planes[1], 1, 1), planes[2]),
    "luma darker": lambda planes: (planes[0] - planes[0] // 16, planes[1], planes[2]),
    "all zero": lambda planes: (planes[0] * 0, planes[1] * 0, planes[2] * 0),
}


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("engine", ["openvino", "ncnn"])
def test_every_engine_passes(network: Network, engine: str, scale: int, dtype: str) -> None:
    shape = FrameShape(83, 61, dtype)  # type: ignore[arg-type]
    with open_session(SessionRequest(network, shape, scale, 2), EngineChoice(engine)) as session:
        assert session.name.startswith(engine)


@pytest.mark.parametrize("size", [(1, 1), (5, 90), (9, 7)])
def test_tiny_frames_pass(network: Network, size: tuple[int, int]) -> None:
    with open_session(SessionRequest(network, FrameShape(*size), 2)) as session:
        assert session.shape == FrameShape(*size)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("coding", CODINGS, ids=str)
def test_correct_planes_pass(coding: Yuv420, scale: int, small_network: Network) -> None:
    shape = FrameShape.of_planes(66, 50, coding)
    engine = PlanesEngine(OpenVinoEngine("f32"))
    with engine.open("CPU", SessionRequest(small_network, shape, scale)) as session:
        selftest.check(session, small_network)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_wrong_planes_are_refused(fault: PlanesFault, small_network: Network) -> None:
    engine = PlanesEngine(OpenVinoEngine("f32"), fault)
    with (
        engine.open("CPU", SessionRequest(small_network, FrameShape.of_planes(66, 50, BT709), 2)) as session,
        pytest.raises(EngineError, match="wrong pixels"),
    ):
        selftest.check(session, small_network)


@pytest.mark.parametrize("side", ["siting", "out_siting"])
@pytest.mark.parametrize("siting", ["center", "topleft", "bottomleft"])
def test_an_engine_that_takes_all_chroma_for_left_sited_is_refused(
    siting: Siting, side: str, small_network: Network
) -> None:
    shape = FrameShape.of_planes(130, 98, replace(BT709, **{side: siting}))
    engine = PlanesEngine(OpenVinoEngine("f32"), coding=BT709)
    with (
        engine.open("CPU", SessionRequest(small_network, shape, 2)) as session,
        pytest.raises(EngineError, match="wrong pixels"),
    ):
        selftest.check(session, small_network)


def test_a_device_that_takes_all_chroma_for_left_sited_gets_rgb_with_a_warning(small_network: Network) -> None:
    engine = PlanesEngine(OpenVinoEngine("f32"), coding=BT709)
    warnings: list[Finding] = []
    planes = FrameShape.of_planes(130, 98, replace(BT709, siting="center"))
    with open_session(
        SessionRequest(small_network, FrameShape(130, 98), 2),
        EngineChoice(engine.name, planes=planes),
        on_fallback=warnings.append,
        engines={engine.name: engine},
    ) as session:
        assert session.shape.yuv is None
    assert [warning.code for warning in warnings] == ["engine.golden_mismatch"]


def test_the_synthetic_frame_is_the_same_each_time_and_far_from_flat() -> None:
    frame = selftest.synthetic(FrameShape(300, 130))
    assert (frame == selftest.synthetic(FrameShape(300, 130))).all()
    assert frame.std() > 40
    assert len(np.unique(frame)) > 200
