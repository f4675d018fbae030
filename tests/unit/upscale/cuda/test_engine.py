"""The engines on torch, without a GPU: skipped with the reason, and torch's errors become the project's."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from framewatch.errors import EngineError, Finding, OutOfMemoryError
from framewatch.upscale.cuda.engine import CudaEngine
from framewatch.upscale.cuda.network import supports
from framewatch.upscale.engine import Device, SessionRequest
from framewatch.upscale.frames.frame import FrameShape
from framewatch.upscale.frames.tiling import MAX_TILE_PIXELS
from framewatch.upscale.network.network import Network
from framewatch.upscale.openvino.engine import OpenVinoEngine
from framewatch.upscale.selection import ENGINE_NAMES, EngineChoice, devices, open_session
from framewatch.upscale.torch.engine import TorchEngine
from framewatch.upscale.torch.runtime import project_errors

GIB = 2**30


@pytest.fixture
def no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)


def runtime(
    *, free: int = 70 * GIB, capability: tuple[int, int] = (9, 0), cuda: str | None = "13.0"
) -> SimpleNamespace:
    """What the engine asks torch about a machine with one GPU."""
    facts = SimpleNamespace(name="a GPU", total_memory=80 * GIB)
    return SimpleNamespace(
        OutOfMemoryError=MemoryError,
        version=SimpleNamespace(cuda=cuda),
        backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: False)),
        cuda=SimpleNamespace(
            is_available=lambda: True,
            device_count=lambda: 1,
            get_device_properties=lambda number: facts,
            get_device_capability=lambda number: capability,
            mem_get_info=lambda number: (free, 80 * GIB),
        ),
    )


def test_without_torch_the_next_engine_is_used_without_a_warning(network: Network, no_torch: None) -> None:
    warnings: list[Finding] = []
    engines = {"cuda": CudaEngine(), "torch": TorchEngine(), "openvino": OpenVinoEngine()}
    request = SessionRequest(network, FrameShape(40, 30), 2)
    with open_session(request, on_fallback=warnings.append, engines=engines) as session:
        assert session.name.startswith("openvino/")
    assert warnings == []


def test_the_error_for_cuda_by_name_says_what_is_missing(network: Network, no_torch: None) -> None:
    assert "cuda" in ENGINE_NAMES
    with pytest.raises(EngineError) as caught:
        open_session(SessionRequest(network, FrameShape(40, 30), 2), EngineChoice("cuda"))
    assert caught.value.finding.code == "engine.unavailable"
    assert 'pip install "framewatch[cuda]"' in caught.value.finding.message


def test_the_list_of_devices_says_that_torch_is_missing(no_torch: None) -> None:
    (device,) = devices({"cuda": CudaEngine(), "torch": TorchEngine()})
    assert (device.engine, device.description, device.usable) == ("cuda", "torch", False)
    assert "framewatch[cuda]" in device.note


def test_torch_without_a_gpu_has_no_usable_device(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = runtime()
    torch.cuda.is_available = lambda: False
    torch.__spec__ = SimpleNamespace()
    monkeypatch.setitem(sys.modules, "torch", torch)
    assert [device.note for device in CudaEngine().devices()] == ["sees no NVIDIA GPU"]
    assert TorchEngine().devices() == []


@pytest.mark.parametrize(
    ("capability", "cuda", "kernels", "operators"),
    [
        ((9, 0), "13.0", "own kernels (hopper), f16", "f16"),
        ((8, 9), "12.8", "own kernels (ampere), f16", "f16"),
        ((7, 5), "12.6", "", "f16"),
        ((6, 1), "12.6", "", "f32"),
        ((9, 0), None, "", "f16"),  # ROCm goes by the name of CUDA, and has other instructions
    ],
)
def test_the_note_says_how_a_gpu_will_be_used(
    capability: tuple[int, int], cuda: str | None, kernels: str, operators: str
) -> None:
    torch = runtime(capability=capability, cuda=cuda)
    ours, theirs = CudaEngine()._device(torch, 0), TorchEngine()._device(torch, 0)
    assert (ours.usable, ours.note if kernels else "") == (bool(kernels), kernels)
    assert (theirs.usable, theirs.note) == (True, operators)
    for device in (ours, theirs):
        assert not isinstance(device, Device) or (device.id, device.memory_gb) == ("0", 80)


def test_a_gpu_or_network_that_the_kernels_do_not_support_is_refused(
    network: Network, small_network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    for capability, one in (((7, 5), network), ((9, 0), small_network)):
        monkeypatch.setitem(sys.modules, "torch", runtime(capability=capability))
        with pytest.raises(EngineError, match="do not support this GPU or network"):
            CudaEngine().open("0", SessionRequest(one, FrameShape(40, 30), 2))


@pytest.mark.parametrize("scale", [2, 4])
def test_tiles_use_half_of_the_free_memory(network: Network, monkeypatch: pytest.MonkeyPatch, scale: int) -> None:
    monkeypatch.setitem(sys.modules, "torch", runtime(free=2 * GIB))
    request = SessionRequest(network, FrameShape(64, 48), scale, 2)
    ours = CudaEngine().max_tile_pixels("0", request)
    theirs = TorchEngine().max_tile_pixels("0", request)
    assert ours is not None
    assert theirs is not None
    assert 1280 * 720 < ours < GIB / 256
    assert theirs < ours
    monkeypatch.setitem(sys.modules, "torch", runtime())
    assert CudaEngine().max_tile_pixels("0", replace(request, concurrency=1)) == MAX_TILE_PIXELS


def test_the_kernels_support_only_the_shipped_network(network: Network, small_network: Network) -> None:
    assert supports(network)
    assert not supports(small_network)


def test_a_full_gpu_is_out_of_memory_and_any_other_error_an_engine_error() -> None:
    torch = SimpleNamespace(OutOfMemoryError=MemoryError)
    with pytest.raises(OutOfMemoryError, match="tried to allocate"), project_errors(torch):
        raise MemoryError("tried to allocate 2 GiB\nand a page of advice")
    with pytest.raises(OutOfMemoryError), project_errors(torch):
        raise RuntimeError("CUDA error: out of memory")
    with pytest.raises(EngineError, match="misaligned") as caught, project_errors(torch):
        raise RuntimeError("CUDA error: misaligned address")
    assert not isinstance(caught.value, OutOfMemoryError)
