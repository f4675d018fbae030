"""The network on NVIDIA GPUs since Ampere, in kernels of our own.

torch is not a dependency: `pip install "framewatch[cuda]"` installs it. It provides memory, streams and graphs, and
its wheels contain the compiler of the kernels, so that nobody needs a CUDA toolkit.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from framewatch.errors import EngineError
from framewatch.upscale.cuda import layout
from framewatch.upscale.cuda.layout import Kind
from framewatch.upscale.cuda.network import CudaNetwork, supports
from framewatch.upscale.cuda.planes import CudaPlanes
from framewatch.upscale.engine import Device, Session, SessionRequest, UnusableDevice
from framewatch.upscale.torch import runtime
from framewatch.upscale.torch.network import DeviceNetwork
from framewatch.upscale.torch.planes import PlanesNetwork
from framewatch.upscale.torch.runtime import TorchDevice
from framewatch.upscale.torch.sessions import GraphSession

_NETWORK_BYTES = 288  # for an input pixel: two layers' outputs in float16; 271 were measured


class CudaEngine:
    """Opens sessions on GPUs that the kernels support.

    Args:
        kind: which convolution; None: the fastest that the GPU has.
    """

    name = "cuda"

    def __init__(self, kind: Kind | None = None) -> None:
        self._kind = kind

    def devices(self) -> Sequence[Device | UnusableDevice]:
        """Return the GPUs; or one unusable device that says why there are none.

        Raises:
            EngineError: torch is installed and does not load.
        """
        if not runtime.installed():
            return [UnusableDevice(self.name, "torch", f"not installed; {runtime.INSTALL}")]
        torch = runtime.load()
        found = [self._device(torch, number) for number in runtime.gpus(torch)]
        return found or [UnusableDevice(self.name, "torch", "sees no NVIDIA GPU")]

    def _device(self, torch: Any, number: int) -> Device | UnusableDevice:
        kind = self._kind_for(torch, number)
        return runtime.gpu(torch, self.name, number, note=f"own kernels ({kind}), f16" if kind else None)

    def _kind_for(self, torch: Any, number: int) -> Kind | None:
        """Return which convolution a GPU gets; None: the kernels do not support it."""
        if torch.version.cuda is None:  # torch for ROCm also says CUDA, and its GPUs have other instructions
            return None
        found = layout.kind(torch.cuda.get_device_capability(number))
        return found and (self._kind or found)

    def max_tile_pixels(self, device: str, request: SessionRequest) -> int | None:
        """Return the largest tile whose buffers take half of the GPU's free memory."""
        free = runtime.free_memory(runtime.load(), int(device))
        return runtime.max_tile_pixels(free, _NETWORK_BYTES, request.scale, request.concurrency)

    def open(self, device: str, request: SessionRequest) -> Session:
        """Put the network onto the GPU; the kernels are compiled for the frame's width, which takes about a second.

        Raises:
            EngineError: torch or its compiler is missing, the kernels do not support the GPU or the network, or the
                device does not work.
            OutOfMemoryError: the GPU has too little memory for this shape.
        """
        torch = runtime.load()
        shape, scale = request.shape, request.scale
        kind = self._kind_for(torch, int(device))
        if kind is None or not supports(request.network):
            raise EngineError("the kernels do not support this GPU or network", code="engine.unavailable")
        on = TorchDevice(torch, torch.device("cuda", int(device)))
        runtime.collect_garbage(torch)
        with runtime.project_errors(torch), torch.cuda.device(on.device):
            network: DeviceNetwork = CudaNetwork(replace(request, shape=shape.rgb), on, kind)
            if shape.yuv:
                with ExitStack() as undo:
                    undo.callback(network.close)
                    converter = CudaPlanes(shape, scale, on)
                    undo.pop_all()
                network = PlanesNetwork(network, converter, shape, scale, on)
            return GraphSession(f"{self.name}/{network.name}", request, network, on)
