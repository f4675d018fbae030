"""The network in torch's operators: AMD's and Apple's GPUs, where torch is built for them, NVIDIA's older ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from framewatch.upscale.engine import Device, Session, SessionRequest, UnusableDevice
from framewatch.upscale.torch import runtime
from framewatch.upscale.torch.network import DeviceNetwork, Precision, TorchNetwork
from framewatch.upscale.torch.planes import PlanesNetwork, TorchPlanes
from framewatch.upscale.torch.runtime import TorchDevice
from framewatch.upscale.torch.sessions import GraphSession, PlainSession

# Bytes for an input pixel: activations, cuDNN's workspace, the 4x frame in float32 three times; 874 were measured.
_NETWORK_BYTES = 1100
_FAST_FLOAT16 = (7, 0)  # compute capability: before it, float16 is slower than float32
_APPLE = "mps"


class TorchEngine:
    """Opens sessions on any GPU that torch sees."""

    name = "torch"

    def devices(self) -> Sequence[Device | UnusableDevice]:
        """Return the GPUs; none where torch is not installed, which the engine `cuda` reports.

        Raises:
            EngineError: torch is installed and does not load.
        """
        if not runtime.installed():
            return []
        torch = runtime.load()
        found = [self._device(torch, number) for number in runtime.gpus(torch)]
        if torch.backends.mps.is_available():
            memory_gb = torch.mps.recommended_max_memory() / runtime.GIB
            found.append(Device(self.name, _APPLE, "Apple GPU", memory_gb, note="f16", gpu=True, planes=True))
        return found

    def _device(self, torch: Any, number: int) -> Device | UnusableDevice:
        return runtime.gpu(torch, self.name, number, note=_precision(torch, str(number)))

    def max_tile_pixels(self, device: str, request: SessionRequest) -> int | None:
        """Return the largest tile whose buffers take half of the GPU's free memory."""
        torch = runtime.load()
        if device == _APPLE:
            free = int(torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
        else:
            free = runtime.free_memory(torch, int(device))
        return runtime.max_tile_pixels(free, _NETWORK_BYTES, request.scale, request.concurrency)

    def open(self, device: str, request: SessionRequest) -> Session:
        """Put the network onto the GPU.

        Raises:
            EngineError: torch is missing, or the device does not work.
            OutOfMemoryError: the GPU has too little memory for this shape.
        """
        torch = runtime.load()
        shape, scale = request.shape, request.scale
        session = PlainSession if device == _APPLE else GraphSession
        runtime.collect_garbage(torch)
        with runtime.project_errors(torch):
            on = TorchDevice(torch, torch.device(_APPLE) if device == _APPLE else torch.device("cuda", int(device)))
            network: DeviceNetwork = TorchNetwork(replace(request, shape=shape.rgb), on, _precision(torch, device))
            if shape.yuv:
                network = PlanesNetwork(network, TorchPlanes(shape, scale, torch), shape, scale, on)
            return session(f"{self.name}/{network.name}", request, network, on)


def _precision(torch: Any, device: str) -> Precision:
    if device == _APPLE or torch.cuda.get_device_capability(int(device)) >= _FAST_FLOAT16:
        return "f16"
    return "f32"
