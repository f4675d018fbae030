"""The network in kernels of our own: integers in and out, on the device."""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from framewatch.upscale.cuda import driver as cuda_driver
from framewatch.upscale.cuda import layout as cuda_layout
from framewatch.upscale.cuda import source as cuda_source
from framewatch.upscale.cuda.layout import Kind
from framewatch.upscale.frames.frame import FrameShape
from framewatch.upscale.network.network import Layer, Network


def takes(network: Network) -> bool:
    """True where the kernels are made for this network."""
    shapes = {layer.weights.shape[:2] for layer in network.layers[1:-1]}
    return shapes == {(cuda_layout.CHANNELS, cuda_layout.CHANNELS)}


@lru_cache(maxsize=8)
def _code(architecture: str, kind: Kind, tile: int, value_bytes: int, scale: int) -> bytes:
    """About a second of compiling; kept, since windows of one width come back."""
    return cuda_driver.compiled(cuda_source.text(kind, tile, value_bytes, scale), architecture)


def _architecture(kind: Kind, capability: tuple[int, int]) -> str:
    return "sm_90a" if kind == "hopper" else f"sm_{capability[0]}{capability[1]}"


class CudaNetwork:
    """The network on one GPU, for frames of one shape. Its buffers serve one frame at a time.

    Args:
        network: one that it `takes`.
        shape: of the frames.
        scale: 2, 3 or 4.
        torch: the module.
        device: a torch device, the current one.
        kind: which convolution, one that the GPU has.

    Raises:
        EngineError: the kernels do not compile or load.
        torch.OutOfMemoryError: the device has too little memory.
    """

    name = "f16"

    def __init__(
        self, network: Network, shape: FrameShape, scale: int, *, torch: Any, device: Any, kind: Kind
    ) -> None:
        value_bytes = np.dtype(shape.dtype).itemsize
        self._torch = torch
        self._device = device
        self._kept: list[Any] = []
        grid = cuda_layout.grid(shape.width, shape.height)
        self._picture = cuda_driver.Picture(grid.width, grid.height, grid.pitch)
        self._scale_to_one = ctypes.c_float(1 / shape.peak)
        # First the memory: allocating makes torch's context the thread's, which the driver needs for what follows.
        self._activations = [self._zeros(grid.activation_bytes) for _ in range(2)]
        architecture = _architecture(kind, torch.cuda.get_device_capability(device))
        self._module = cuda_driver.Module(_code(architecture, kind, grid.tile, value_bytes, scale))
        processors = torch.cuda.get_device_properties(device).multi_processor_count
        self._head = self._module.kernel("head", grid.head())
        self._conv = self._module.kernel("conv", grid.conv(kind, processors))
        self._tail = self._module.kernel("tail", grid.tail())
        first, *rest = network.layers
        self._first = self._layer(first, cuda_layout.head_weights(first, value_bytes))
        self._rest = [self._layer(layer, cuda_layout.conv_weights(layer, kind)) for layer in rest]

    def run(self, frame: Any, out: Any) -> None:
        """Queue one frame on torch's current stream.

        Args:
            frame: a uint8 tensor with the bytes of (h, w, 3) integers.
            out: one for those of (h * scale, w * scale, 3).
        """
        stream = self._torch.cuda.current_stream(self._device).cuda_stream
        old, new = (_address(tensor) for tensor in self._activations)
        first = (ctypes.c_void_p(value) for value in self._first)
        self._head(stream, _address(frame), old, *first, self._picture, self._scale_to_one)
        for addresses in self._rest:
            self._conv(stream, old, new, cuda_driver.Layer(*addresses), self._picture)
            old, new = new, old
        self._tail(stream, old, _address(frame), _address(out), self._picture)

    def close(self) -> None:
        """Give the memory back; nothing may be queued any more."""
        self._activations.clear()
        self._kept.clear()
        self._module.close()

    def _zeros(self, size: int) -> Any:
        return self._torch.zeros(size, dtype=self._torch.uint8, device=self._device)

    def _layer(self, layer: Layer, weights: npt.NDArray[Any]) -> tuple[int, ...]:
        """The addresses of weights, biases and slopes."""
        arrays = weights, cuda_layout.biases(layer), cuda_layout.slopes(layer)
        return tuple(self._on_device(array) for array in arrays)

    def _on_device(self, array: npt.NDArray[Any]) -> int:
        self._kept.append(self._torch.from_numpy(array.reshape(-1).view(np.uint8)).to(self._device))
        return int(self._kept[-1].data_ptr())


def _address(tensor: Any) -> ctypes.c_void_p:
    return ctypes.c_void_p(tensor.data_ptr())
