"""The first engine that opens and passes its self-test is used; those that fail are reported."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fake_engines import BT709, Fault, FaultyEngine, PlanesEngine
from framewatch.errors import EngineError, Finding
from framewatch.upscale import host
from framewatch.upscale.checks import selftest
from framewatch.upscale.engine import Device, Session, SessionRequest, UnusableDevice
from framewatch.upscale.frames.frame import Frame, FrameShape
from framewatch.upscale.host import is_float32_only  # the real one: a fixture replaces the module's
from framewatch.upscale.identity import IdentityEngine
from framewatch.upscale.ncnn.engine import NcnnCpuEngine, NcnnVulkanEngine
from framewatch.upscale.network.network import Network
from framewatch.upscale.openvino.engine import OpenVinoEngine
from framewatch.upscale.selection import ENGINE_NAMES, EngineChoice, devices, equal_devices, open_session

SHAPE = FrameShape(72, 56)


def black(output: Frame) -> Frame:
    return np.zeros_like(output)


def swapped(output: Frame) -> Frame:
    return np.ascontiguousarray(output[:, :, ::-1])


def shifted(output: Frame) -> Frame:
    return np.roll(output, 4, axis=1)


def cut(output: Frame) -> Frame:
    return output[:-2]


def broken_corner(output: Frame) -> Frame:
    output = output.copy()
    output[-6:, -6:] = 0
    return output


@pytest.mark.parametrize("fault", [black, swapped, shifted, cut, broken_corner])
def test_an_engine_that_computes_wrong_pixels_is_replaced_with_a_warning(network: Network, fault: Fault) -> None:
    engine = FaultyEngine("ncnn-vulkan", fault)
    warnings: list[Finding] = []
    engines = {"ncnn-vulkan": engine, "openvino": OpenVinoEngine("f32")}
    with open_session(SessionRequest(network, SHAPE, 2), on_fallback=warnings.append, engines=engines) as session:
        assert session.name == "openvino/f32"
    assert [(warning.code, warning.where) for warning in warnings] == [("engine.golden_mismatch", "ncnn-vulkan")]
    assert all(session._closed for session in engine.sessions)


def test_an_engine_that_does_not_open_is_replaced_with_its_reason(network: Network) -> None:
    warnings: list[Finding] = []
    engines = {
        "openvino": FaultyEngine("openvino", EngineError("the plugin is gone")),
        "ncnn": NcnnCpuEngine(),
    }
    with open_session(SessionRequest(network, SHAPE, 4), on_fallback=warnings.append, engines=engines) as session:
        assert session.name == "ncnn/f32"
    assert [warning.message for warning in warnings] == ["the plugin is gone"]


def test_a_broken_device_is_replaced_by_an_equal_one(network: Network) -> None:
    class Two(OpenVinoEngine):
        def devices(self) -> list[Device]:
            broken, good = (Device(self.name, number, "a card", memory_gb=8, gpu=True) for number in "01")
            return [broken, Device(self.name, "2", "another kind of card", memory_gb=8, gpu=True), good]

        def open(self, device: str, request: SessionRequest) -> Session:
            if device != "1":
                raise EngineError(f"card {device} fell off the bus")
            return super().open("CPU", request)

    warnings: list[Finding] = []
    request, choice = SessionRequest(network, SHAPE, 2), EngineChoice("openvino")
    with open_session(request, choice, on_fallback=warnings.append, engines={"openvino": Two("f32")}) as session:
        assert session.name == "openvino/f32"
    assert [(warning.message, warning.where) for warning in warnings] == [("card 0 fell off the bus", "openvino 0")]


def test_a_machine_without_a_gpu_gets_no_warning(network: Network) -> None:
    class NoGpu(NcnnVulkanEngine):
        def devices(self) -> list[UnusableDevice]:
            return [UnusableDevice(self.name, "llvmpipe", "a CPU, not a GPU")]

    warnings: list[Finding] = []
    engines = {"ncnn-vulkan": NoGpu(), "openvino": OpenVinoEngine()}
    with open_session(SessionRequest(network, SHAPE, 2), on_fallback=warnings.append, engines=engines) as session:
        assert session.name.startswith("openvino/")
    assert warnings == []


@pytest.mark.parametrize(("kind", "usable"), [(0, True), (1, True), (2, True), (3, False), (4, False)])
def test_a_vulkan_device_that_is_a_cpu_is_not_usable(kind: int, usable: bool) -> None:
    class Gpu:
        def type(self) -> int:
            return kind

        def device_name(self) -> str:
            return "a device"

        def get_heap_budget(self) -> int:
            return 6144

    runtime = SimpleNamespace(get_gpu_info=lambda number: Gpu(), get_gpu_device=lambda number: Gpu())
    device = NcnnVulkanEngine()._device(runtime, 0)
    assert device.usable is usable
    assert getattr(device, "memory_gb", None) == (6 if usable else None)


def test_when_every_engine_fails_the_error_lists_every_reason(network: Network) -> None:
    engines = {
        "openvino": FaultyEngine("openvino", EngineError("no plugin")),
        "ncnn": FaultyEngine("ncnn", black),
    }
    with pytest.raises(EngineError) as caught:
        open_session(SessionRequest(network, SHAPE, 2), engines=engines)
    finding = caught.value.finding
    assert finding.code == "engine.unavailable"
    for part in ("cuda: ", "ncnn-vulkan: ", "openvino: no plugin", "ncnn: ncnn computes wrong pixels"):
        assert part in finding.message
    assert "doctor" in finding.hint


def test_an_engine_asked_for_by_name_fails_instead_of_being_replaced(network: Network) -> None:
    with pytest.raises(EngineError) as caught:
        open_session(SessionRequest(network, SHAPE, 2), EngineChoice("openvino"), engines={})
    assert caught.value.finding.code == "engine.unavailable"
    assert '"auto"' in caught.value.finding.hint


def test_an_unknown_engine_or_device_is_an_error(network: Network) -> None:
    with pytest.raises(EngineError) as caught:
        open_session(SessionRequest(network, SHAPE, 2), EngineChoice("tensorrt"))
    assert caught.value.finding.code == "engine.unknown"
    with pytest.raises(EngineError, match="no device 9"):
        open_session(SessionRequest(network, SHAPE, 2), EngineChoice("openvino", device="9"))


class Broken:
    """An engine that sees two devices and opens neither; records what it is asked for."""

    def __init__(self, name: str, asked: list[tuple[str, str]]) -> None:
        self.name, self._asked = name, asked

    def devices(self) -> list[Device]:
        return [Device(self.name, number, "a GPU", memory_gb=8, gpu=True) for number in ("0", "1")]

    def max_tile_pixels(self, *_: object) -> None: ...

    def open(self, device: str, request: SessionRequest) -> Session:
        self._asked.append((self.name, device))
        raise EngineError("broken")


@pytest.mark.parametrize(
    ("engine", "tried"), [("cuda", ["cuda", "torch"]), ("torch", ["torch"]), ("ncnn-vulkan", ["ncnn-vulkan"])]
)
def test_a_device_id_never_selects_another_engines_device_of_that_id(
    network: Network, engine: str, tried: list[str]
) -> None:
    asked: list[tuple[str, str]] = []
    engines = {name: Broken(name, asked) for name in ("cuda", "torch", "ncnn-vulkan", "openvino", "ncnn")}
    with pytest.raises(EngineError):
        open_session(SessionRequest(network, SHAPE, 2), EngineChoice(engine, device="1"), engines=engines)
    assert asked == [(name, "1") for name in tried]


@pytest.mark.parametrize(("engine", "ids"), [("cuda", ["0", "1"]), ("torch", ["0", "1"]), ("ncnn-vulkan", ["0"])])
def test_only_engines_that_list_a_card_once_have_equal_devices(engine: str, ids: list[str]) -> None:
    seen = equal_devices("auto", {engine: Broken(engine, [])})
    assert [device.id for device in seen] == ids


def test_identity_is_selected_by_name_only_and_repeats_pixels(network: Network, clip_frames: list[Frame]) -> None:
    frame = clip_frames[0]
    shape = FrameShape(frame.shape[1], frame.shape[0])
    with open_session(SessionRequest(network, shape, 3), EngineChoice("identity")) as session:
        assert session.name == "identity"
        assert (session.run(frame)[2::3, ::3] == frame).all()
    assert "identity" in ENGINE_NAMES


def test_planes_go_to_a_device_that_takes_them_and_rgb_to_others(network: Network) -> None:
    rgb, planes = FrameShape(64, 48), FrameShape.of_planes(64, 48, BT709)
    choice = EngineChoice("identity", planes=planes)
    for engine, shape in ((PlanesEngine(IdentityEngine()), planes), (IdentityEngine(), rgb)):
        with open_session(SessionRequest(network, rgb, 2), choice, engines={"identity": engine}) as session:
            assert session.shape == shape
            assert session.run(selftest.synthetic(shape)).shape == shape.upscaled(2).array


@pytest.mark.parametrize(
    ("flags", "exact", "fast"),
    [
        ("avx2 fma", True, True),
        ("avx2 avx_vnni", True, False),
        ("avx512f avx512_vnni avx512_bf16", False, False),
        ("amx_bf16 amx_tile", False, False),
    ],
)
def test_ncnn_comes_first_where_openvino_would_compute_in_float32(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: str, exact: bool, fast: bool
) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(f"flags\t\t: fpu {flags}\n")
    monkeypatch.setattr(host, "is_float32_only", partial(is_float32_only, cpuinfo=path))
    engines = {"openvino": OpenVinoEngine("f32"), "ncnn": NcnnCpuEngine()}
    for fast_setting, slow in ((False, exact), (True, fast)):
        assert equal_devices(engines=engines, fast=fast_setting)[0].engine == ("ncnn" if slow else "openvino")


def test_devices_says_what_each_engine_sees() -> None:
    seen = {device.engine: device for device in devices()}
    assert seen["openvino"].note.removesuffix(", fast: int8") in ("bf16", "f32")
    assert seen["ncnn"].usable

    class Missing(NcnnCpuEngine):
        def devices(self) -> list[Device]:
            raise EngineError("ncnn does not load: no module", code="engine.unavailable")

    (device,) = devices({"ncnn": Missing()})
    assert not device.usable
    assert "does not load" in device.note
