"""Planes of YUV 4:2:0 to RGB and back in kernels of our own."""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import Any

from framewatch.upscale.cuda import driver as cuda_driver
from framewatch.upscale.cuda import layout as cuda_layout
from framewatch.upscale.cuda import source as cuda_source
from framewatch.upscale.frames.frame import FrameShape
from framewatch.upscale.frames.yuv import Yuv420


@lru_cache(maxsize=8)
def _code(architecture: str, coding: Yuv420) -> bytes:
    return cuda_driver.compiled(cuda_source.planes_text(coding), architecture)


class CudaPlanes:
    """A `planes_network.Converter` on one GPU.

    Args:
        shape: of the planes that go in.
        scale: 2, 3 or 4.
        torch: the module.
        device: a torch device, the current one.

    Raises:
        ValueError: the shape is RGB.
        EngineError: the kernels do not compile or load.
        OutOfMemoryError: they do not fit.
    """

    def __init__(self, shape: FrameShape, scale: int, *, torch: Any, device: Any) -> None:
        if shape.yuv is None:
            raise ValueError("RGB needs no conversion")
        self._torch = torch
        self._device = device
        major, minor = torch.cuda.get_device_capability(device)
        torch.cuda.current_stream(device).synchronize()  # makes torch's context the thread's, which the driver needs
        self._module = cuda_driver.Module(_code(f"sm_{major}{minor}", shape.yuv))
        self._small, self._large = shape, shape.upscaled(scale)
        self._unpack = self._module.kernel("unpack", cuda_layout.unpack(shape.width, shape.height))
        self._pack = self._module.kernel("pack", cuda_layout.pack(self._large.width, self._large.height))

    def unpack(self, frame: Any, rgb: Any) -> None:
        """As `Converter.unpack`."""
        self._queue(self._unpack, frame, rgb, self._small)

    def pack(self, rgb: Any, frame: Any) -> None:
        """As `Converter.pack`."""
        self._queue(self._pack, rgb, frame, self._large)

    def close(self) -> None:
        """Unload the kernels; they must not run any more."""
        self._module.close()

    def _queue(self, kernel: cuda_driver.Kernel, source: Any, target: Any, shape: FrameShape) -> None:
        stream = self._torch.cuda.current_stream(self._device).cuda_stream
        addresses = (ctypes.c_void_p(tensor.data_ptr()) for tensor in (source, target))
        kernel(stream, *addresses, ctypes.c_int(shape.width), ctypes.c_int(shape.height))
