"""The network on NVIDIA's GPUs since Ampere, in kernels of our own.

torch is not a dependency: `pip install "framewatch[cuda]"` brings it. It serves memory, streams and graphs, and its
wheels bring the compiler of the kernels.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from framewatch.upscale.cuda import layout as cuda_layout
from framewatch.upscale.cuda import network as cuda_network
from framewatch.upscale.cuda.layout import Kind
from framewatch.upscale.cuda.planes import CudaPlanes
from framewatch.upscale.engine import Device, Session
from framewatch.upscale.frames.frame import FrameShape
from framewatch.upscale.frames.tiling import LARGEST_WINDOW
from framewatch.upscale.network.network import Network
from framewatch.upscale.torch import runtime as torch_runtime
from framewatch.upscale.torch.graph_session import DeviceNetwork, GraphSession
from framewatch.upscale.torch.planes_network import PlanesNetwork

_GIB = 2**30
_MEMORY_SHARE = 2  # half of what is free: other workers, and the encoder, use the GPU too
_NETWORK_BYTES = 288  # a pixel: two layers' outputs in float16; measured 271
_FRAME_BYTES = 3 * 2  # a pixel of a frame, of 16 bits


class CudaEngine:
    """Opens sessions on GPUs that the kernels are made for.

    Args:
        kind: which convolution; None: the best that the GPU has.
    """

    name = "cuda"

    def __init__(self, kind: Kind | None = None) -> None:
        self._kind = kind

    def devices(self) -> list[Device]:
        """The GPUs; or one device that is not usable and says why.

        Raises:
            EngineError: torch is installed and does not load.
        """
        if not torch_runtime.installed():
            return [self._none(f"not installed; {torch_runtime.HINT}")]
        torch = torch_runtime.load()
        found = [self._device(torch, number) for number in torch_runtime.gpus(torch)]
        return found or [self._none("sees no NVIDIA GPU")]

    def _none(self, note: str) -> Device:
        return Device(self.name, "", "torch", usable=False, note=note)

    def _device(self, torch: Any, number: int) -> Device:
        facts = torch.cuda.get_device_properties(number)
        kind = self._kind_of(torch, number)
        note = f"own kernels ({kind}), f16" if kind else "not made for our kernels"
        memory = facts.total_memory / _GIB
        return Device(
            self.name,
            str(number),
            str(facts.name),
            usable=kind is not None,
            note=note,
            memory_gb=memory,
            gpu=True,
            in_flight=torch_runtime.IN_FLIGHT,
            planes=True,
        )

    def _kind_of(self, torch: Any, number: int) -> Kind | None:
        if torch.version.cuda is None:  # ROCm goes by the name of CUDA, and has other instructions
            return None
        found = cuda_layout.kind(torch.cuda.get_device_capability(number))
        return found and (self._kind or found)

    def most_pixels(self, device: str, network: Network, scale: int, concurrency: int) -> int | None:  # noqa: ARG002
        """A window whose buffers take half of the GPU's memory that is free."""
        free, _ = torch_runtime.load().cuda.mem_get_info(int(device))
        frames = _FRAME_BYTES * (1 + scale * scale) * max(1, concurrency)
        return min(int(free) // _MEMORY_SHARE // (frames + _NETWORK_BYTES), LARGEST_WINDOW)

    def open(self, network: Network, device: str, shape: FrameShape, scale: int, concurrency: int) -> Session:
        """Put the network onto the GPU; the kernels are compiled for the width in about a second.

        Raises:
            EngineError: torch or its compiler is missing, the kernels are not for this network, or the device does
                not work.
            OutOfMemoryError: the GPU has too little memory for this shape.
        """
        torch = torch_runtime.load()
        kind = self._kind_of(torch, int(device))
        if kind is None or not cuda_network.takes(network):
            raise torch_runtime.unavailable("the kernels are not made for this GPU or network")
        place = torch.device("cuda", int(device))
        torch_runtime.tidy(torch)
        with torch_runtime.failures(torch), torch.cuda.device(place):
            ours: DeviceNetwork = cuda_network.CudaNetwork(
                network, shape.rgb, scale, torch=torch, device=place, kind=kind
            )
            if shape.yuv:
                with ExitStack() as undo:
                    undo.callback(ours.close)
                    converter = CudaPlanes(shape, scale, torch=torch, device=place)
                    undo.pop_all()
                ours = PlanesNetwork(ours, converter, shape=shape, scale=scale, torch=torch, device=place)
            name = f"{self.name}/{ours.name}"
            return GraphSession(name, shape, scale, concurrency, network=ours, torch=torch, device=place)
