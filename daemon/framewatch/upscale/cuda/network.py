"""The network in kernels of our own: RGB integers in and out, on the device."""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from framewatch.upscale.cuda import driver, layout, source
from framewatch.upscale.cuda.layout import Kind
from framewatch.upscale.engine import SessionRequest
from framewatch.upscale.network.network import Layer, Network
from framewatch.upscale.torch.runtime import TorchDevice


def supports(network: Network) -> bool:
    """Return whether the kernels can compute this network."""
    shapes = {layer.weights.shape[:2] for layer in network.layers[1:-1]}
    return shapes == {(layout.CHANNELS, layout.CHANNELS)}


# Compiling takes about a second. Machine code is kept because tiles of one width are needed again and again.
@lru_cache(maxsize=8)
def _code(architecture: str, kind: Kind, tile: int, value_bytes: int, scale: int) -> bytes:
    return driver.compiled(source.network_source(kind, tile, value_bytes, scale), architecture)


def _architecture(kind: Kind, capability: tuple[int, int]) -> str:
    # wgmma exists only in the architecture-specific target, with the "a".
    return "sm_90a" if kind == "hopper" else f"sm_{capability[0]}{capability[1]}"


class CudaNetwork:
    """The network on one GPU, for RGB frames of one shape. Its buffers serve one frame at a time.

    Args:
        request: for RGB, with a network that `supports` accepts.
        on: the GPU, which is torch's current device.
        kind: which convolution, one that the GPU has.

    Raises:
        EngineError: the kernels do not compile or load.
        torch.OutOfMemoryError: the device has too little memory.
    """

    name = "f16"

    def __init__(self, request: SessionRequest, on: TorchDevice, kind: Kind) -> None:
        torch, shape = on.torch, request.shape
        value_bytes = np.dtype(shape.dtype).itemsize
        self._torch = torch
        self._device = on.device
        self._tensors: list[Any] = []  # kept alive: the kernels get bare addresses
        grid = layout.grid(shape.width, shape.height)
        self._frame_layout = driver.FrameLayout(grid.width, grid.height, grid.pitch)
        self._unit = ctypes.c_float(1 / shape.peak)
        # Memory comes first: allocating makes torch's context the thread's, which the driver needs for what follows.
        self._activations = [self._zeros(grid.activation_bytes) for _ in range(2)]
        architecture = _architecture(kind, torch.cuda.get_device_capability(on.device))
        self._module = driver.Module(_code(architecture, kind, grid.tile, value_bytes, request.scale))
        processors = torch.cuda.get_device_properties(on.device).multi_processor_count
        self._head = self._module.kernel("head", grid.head())
        self._conv = self._module.kernel("conv", grid.conv(kind, processors))
        self._tail = self._module.kernel("tail", grid.tail())
        first, *rest = request.network.layers
        self._first = self._layer(first, layout.head_weights(first, value_bytes))
        self._rest = [self._layer(layer, layout.conv_weights(layer, kind)) for layer in rest]

    def run(self, frame: Any, out: Any) -> None:
        """As `DeviceNetwork.run`, for (h, w, 3) integers in and (h * scale, w * scale, 3) out."""
        stream = self._torch.cuda.current_stream(self._device).cuda_stream
        old, new = (_address(tensor) for tensor in self._activations)
        first = (ctypes.c_void_p(value) for value in self._first)
        self._head(stream, _address(frame), old, *first, self._frame_layout, self._unit)
        for addresses in self._rest:
            self._conv(stream, old, new, driver.Layer(*addresses), self._frame_layout)
            old, new = new, old
        self._tail(stream, old, _address(frame), _address(out), self._frame_layout)

    def close(self) -> None:
        """As `DeviceNetwork.close`."""
        self._activations.clear()
        self._tensors.clear()
        self._module.close()

    def _zeros(self, size: int) -> Any:
        return self._torch.zeros(size, dtype=self._torch.uint8, device=self._device)

    def _layer(self, layer: Layer, weights: npt.NDArray[Any]) -> tuple[int, ...]:
        """Copy a layer to the device; return the addresses of weights, biases and slopes."""
        arrays = weights, layout.biases(layer), layout.slopes(layer)
        return tuple(self._on_device(array) for array in arrays)

    def _on_device(self, array: npt.NDArray[Any]) -> int:
        self._tensors.append(self._torch.from_numpy(array.reshape(-1).view(np.uint8)).to(self._device))
        return int(self._tensors[-1].data_ptr())


def _address(tensor: Any) -> ctypes.c_void_p:
    return ctypes.c_void_p(tensor.data_ptr())
