"""The network in torch's operators: AMD's and Apple's GPUs, where torch is built for them, NVIDIA's older ones."""

from __future__ import annotations

from typing import Any

from framewatch.upscale.engine import Device, Session
from framewatch.upscale.frames.frame import FrameShape
from framewatch.upscale.frames.tiling import LARGEST_WINDOW
from framewatch.upscale.network.network import Network
from framewatch.upscale.torch import runtime as torch_runtime
from framewatch.upscale.torch.graph_session import DeviceNetwork, GraphSession, PlainSession
from framewatch.upscale.torch.network import Precision, TorchNetwork
from framewatch.upscale.torch.planes import TorchPlanes
from framewatch.upscale.torch.planes_network import PlanesNetwork

_GIB = 2**30
_MEMORY_SHARE = 2  # half of what is free: other workers, and the encoder, use the GPU too
_BYTES = 1100  # a pixel: activations, cuDNN's workspace, the 4x picture in float32 three times; measured 874
_FRAME_BYTES = 3 * 2  # a pixel of a frame, of 16 bits
_HALF_SINCE = (7, 0)  # compute capability: before it, float16 is slower than float32
_APPLE = "mps"


class TorchEngine:
    """Opens sessions on whatever GPU torch sees."""

    name = "torch"

    def devices(self) -> list[Device]:
        """The GPUs; none where torch is not installed, which the engine `cuda` says.

        Raises:
            EngineError: torch is installed and does not load.
        """
        if not torch_runtime.installed():
            return []
        torch = torch_runtime.load()
        found = [self._device(torch, number) for number in torch_runtime.gpus(torch)]
        if torch.backends.mps.is_available():
            memory = torch.mps.recommended_max_memory() / _GIB
            found.append(Device(self.name, _APPLE, "Apple GPU", note="f16", memory_gb=memory, gpu=True, planes=True))
        return found

    def _device(self, torch: Any, number: int) -> Device:
        facts = torch.cuda.get_device_properties(number)
        note = _precision(torch, str(number))
        return Device(
            self.name,
            str(number),
            str(facts.name),
            note=note,
            memory_gb=facts.total_memory / _GIB,
            gpu=True,
            in_flight=torch_runtime.IN_FLIGHT,
            planes=True,
        )

    def most_pixels(self, device: str, network: Network, scale: int, concurrency: int) -> int | None:  # noqa: ARG002
        """A window whose buffers take half of the GPU's memory that is free."""
        torch = torch_runtime.load()
        if device == _APPLE:
            free = torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
        else:
            free, _ = torch.cuda.mem_get_info(int(device))
        each = _BYTES + _FRAME_BYTES * (1 + scale * scale) * max(1, concurrency)
        return min(int(free) // _MEMORY_SHARE // each, LARGEST_WINDOW)

    def open(self, network: Network, device: str, shape: FrameShape, scale: int, concurrency: int) -> Session:
        """Put the network onto the GPU.

        Raises:
            EngineError: torch is missing, or the device does not work.
            OutOfMemoryError: the GPU has too little memory for this shape.
        """
        torch = torch_runtime.load()
        kind = PlainSession if device == _APPLE else GraphSession
        torch_runtime.tidy(torch)
        with torch_runtime.failures(torch):
            place = torch.device(_APPLE) if device == _APPLE else torch.device("cuda", int(device))
            precision = _precision(torch, device)
            ours: DeviceNetwork = TorchNetwork(
                network, shape.rgb, scale, torch=torch, device=place, precision=precision
            )
            if shape.yuv:
                converter = TorchPlanes(shape, scale, torch=torch)
                ours = PlanesNetwork(ours, converter, shape=shape, scale=scale, torch=torch, device=place)
            name = f"{self.name}/{ours.name}"
            return kind(name, shape, scale, concurrency, network=ours, torch=torch, device=place)


def _precision(torch: Any, device: str) -> Precision:
    if device == _APPLE or torch.cuda.get_device_capability(int(device)) >= _HALF_SINCE:
        return "f16"
    return "f32"
