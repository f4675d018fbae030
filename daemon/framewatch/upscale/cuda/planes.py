"""YUV 4:2:0 planes to RGB and back in kernels of our own."""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import Any

from framewatch.upscale.cuda import driver, layout, source
from framewatch.upscale.frames.frame import FrameShape
from framewatch.upscale.frames.yuv import Yuv420
from framewatch.upscale.torch.runtime import TorchDevice


@lru_cache(maxsize=8)
def _code(architecture: str, coding: Yuv420) -> bytes:
    return driver.compiled(source.planes_source(coding), architecture)


class CudaPlanes:
    """A `torch.planes.Converter` on one GPU.

    Args:
        shape: of the planes that go in.
        scale: 2, 3 or 4.
        on: the GPU, which is torch's current device.

    Raises:
        ValueError: the shape is RGB.
        EngineError: the kernels do not compile or load.
        OutOfMemoryError: they do not fit.
    """

    def __init__(self, shape: FrameShape, scale: int, on: TorchDevice) -> None:
        if shape.yuv is None:
            raise ValueError("RGB needs no conversion")
        self._torch = on.torch
        self._device = on.device
        major, minor = on.torch.cuda.get_device_capability(on.device)
        # This makes torch's context the thread's, which the driver needs.
        on.torch.cuda.current_stream(on.device).synchronize()
        self._module = driver.Module(_code(f"sm_{major}{minor}", shape.yuv))
        self._small, self._large = shape, shape.upscaled(scale)
        self._unpack = self._module.kernel("unpack", layout.unpack(shape.width, shape.height))
        self._pack = self._module.kernel("pack", layout.pack(self._large.width, self._large.height))

    def unpack(self, frame: Any, rgb: Any) -> None:
        """As `Converter.unpack`."""
        self._queue(self._unpack, frame, rgb, self._small)

    def pack(self, rgb: Any, frame: Any) -> None:
        """As `Converter.pack`."""
        self._queue(self._pack, rgb, frame, self._large)

    def close(self) -> None:
        """As `Converter.close`: unload the kernels."""
        self._module.close()

    def _queue(self, kernel: driver.Kernel, from_: Any, to: Any, shape: FrameShape) -> None:
        stream = self._torch.cuda.current_stream(self._device).cuda_stream
        addresses = (ctypes.c_void_p(tensor.data_ptr()) for tensor in (from_, to))
        kernel(stream, *addresses, ctypes.c_int(shape.width), ctypes.c_int(shape.height))
