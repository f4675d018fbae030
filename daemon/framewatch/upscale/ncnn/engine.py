"""The network on ncnn: on a GPU through Vulkan with 16-bit storage, or on the CPU in float32.

On Vulkan, float16 is stored but float32 is computed: float16 arithmetic was measured to be off by up to 0.03. ncnn's
Python calls release the interpreter's lock while a frame is computed (measured).
"""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
import threading
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from framewatch.errors import EngineError, OutOfMemoryError
from framewatch.upscale import host
from framewatch.upscale.engine import Device, Session, SessionRequest, UnusableDevice
from framewatch.upscale.frames import pixels
from framewatch.upscale.frames.frame import Frame
from framewatch.upscale.frames.tiling import MAX_TILE_PIXELS
from framewatch.upscale.ncnn import param_file
from framewatch.upscale.network.network import Network

_GPU_TYPES = {0: "discrete GPU", 1: "integrated GPU", 2: "virtual GPU"}  # VkPhysicalDeviceType; 3 is a CPU
_OUT_OF_MEMORY = -100  # what ncnn's layers return when an allocation fails
_CPU_BYTES_PER_PIXEL = 3000  # float32 with Winograd's buffers: 2500 to 2800 were measured
_GPU_BYTES_PER_PIXEL = 1100  # 990 to 1030 were measured, for 2x and for 4x
_GPU_MEMORY_SHARE = 2  # half of what is free: other workers, and the encoder, use the GPU too
_MIB = 1024 * 1024
_IN_FLIGHT = (
    3  # so that the CPU's work on a frame, and its copies, run beside the GPU's (docs/performance.md, Vulkan)
)
_VULKAN_LIBRARIES = (
    "libvulkan.so.1",
    "libvulkan.so",
    "libvulkan_radeon.so",
    "libvulkan_intel.so",
    "libMaliVulkan.so.1",
)


class NcnnCpuEngine:
    """float32 on the CPU."""

    name = "ncnn"

    def devices(self) -> list[Device]:
        """Return the CPU.

        Raises:
            EngineError: ncnn is not installed or does not load.
        """
        _ncnn()
        return [Device(self.name, "CPU", f"{host.cores()} cores", host.memory_gb(), note="f32")]

    def max_tile_pixels(self, device: str, request: SessionRequest) -> int | None:  # noqa: ARG002
        """Return the largest tile whose buffers take a share of the free memory."""
        return host.max_tile_pixels(_CPU_BYTES_PER_PIXEL, request.concurrency)

    def open(self, device: str, request: SessionRequest) -> Session:  # noqa: ARG002 - there is one CPU
        """Load the network.

        Raises:
            EngineError: ncnn is missing or refuses the network.
        """
        net = _ncnn().Net()
        parallel = host.parallel_frames(request.concurrency)
        net.opt.use_vulkan_compute = False
        net.opt.num_threads = max(1, host.cores() // parallel)
        _set_float16_storage(net.opt, False)
        _load(net, request.network, param_file.planar_param(request.network, request.scale))
        return PlanarSession(f"{self.name}/f32", request, net, parallel)


class NcnnVulkanEngine:
    """16-bit storage on a real GPU."""

    name = "ncnn-vulkan"

    def devices(self) -> Sequence[Device | UnusableDevice]:
        """Return every Vulkan device; one that is a software renderer is not usable.

        Raises:
            EngineError: ncnn is not installed or does not load.
        """
        ncnn = _ncnn()
        if not _vulkan_is_installed():
            return []
        return [self._device(ncnn, number) for number in range(ncnn.get_gpu_count())]

    def _device(self, ncnn: Any, number: int) -> Device | UnusableDevice:
        info = ncnn.get_gpu_info(number)
        description, kind = str(info.device_name()), _GPU_TYPES.get(int(info.type()))
        if kind is None:
            return UnusableDevice(self.name, description, "a CPU, not a GPU")
        memory_gb = ncnn.get_gpu_device(number).get_heap_budget() / 1024
        note = f"{kind}, f16 storage"
        return Device(self.name, str(number), description, memory_gb, note=note, gpu=True, in_flight=_IN_FLIGHT)

    def max_tile_pixels(self, device: str, request: SessionRequest) -> int | None:
        """Return the largest tile whose buffers take half of what the driver says is free."""
        budget = int(_ncnn().get_gpu_device(int(device)).get_heap_budget()) * _MIB
        fitting = budget // _GPU_MEMORY_SHARE // max(1, request.concurrency) // _GPU_BYTES_PER_PIXEL
        return min(fitting, MAX_TILE_PIXELS)

    def open(self, device: str, request: SessionRequest) -> Session:
        """Load the network onto the GPU.

        Raises:
            EngineError: ncnn is missing or refuses the network.
        """
        net = _ncnn().Net()
        net.opt.use_vulkan_compute = True
        net.set_vulkan_device(int(device))
        _set_float16_storage(net.opt, True)
        network, shape, scale = request.network, request.shape, request.scale
        name = f"{self.name}/f16"
        if shape.dtype == "uint8":
            _load(net, network, param_file.packed_param(network, scale, shape.width, shape.height))
            return PackedSession(name, request, net, request.concurrency)
        _load(net, network, param_file.planar_param(network, scale))  # float16 is too short for packed 16-bit samples
        return PlanarSession(name, request, net, request.concurrency)


class _NcnnSession(Session):
    """A loaded network; each frame has its own extractor.

    Args:
        name: as `Session`.
        request: what the session is for.
        net: an `ncnn.Net` that has loaded the network; cleared with the session.
        parallel: the most frames that are computed at once.
    """

    _OUTPUT_TYPE: int  # of ncnn's `extract`: 0 converts to float32, 1 leaves the output as it was computed

    def __init__(self, name: str, request: SessionRequest, net: Any, parallel: int) -> None:
        super().__init__(name, request.shape, request.scale, request.concurrency)
        self._net = net
        self._output_shape = request.shape.upscaled(request.scale)
        self._computing = threading.BoundedSemaphore(max(1, parallel))

    @abstractmethod
    def _to_network(self, frame: Frame) -> pixels.Floats:
        """Return a frame as the network takes it."""

    @abstractmethod
    def _from_network(self, output: Any) -> Frame:
        """Return the frame that the network's output stands for."""

    @abstractmethod
    def _output_size(self) -> tuple[int, int, int]:
        """Return width, height and channels of the output, as ncnn counts them."""

    def _run(self, frame: Frame) -> Frame:
        try:
            floats = self._to_network(frame)
            with self._computing:
                output = self._extract(floats)
            return self._from_network(np.asarray(output))
        except MemoryError as error:
            raise OutOfMemoryError("there is too little memory for the frame") from error

    def _extract(self, floats: pixels.Floats) -> Any:
        """Run the network; return its output as an `ncnn.Mat`."""
        ncnn = _ncnn()
        extractor = self._net.create_extractor()
        # The clone aligns each plane as ncnn's own are aligned; Vulkan reads others wrongly.
        code = extractor.input(param_file.INPUT, ncnn.Mat(floats).clone())
        output = ncnn.Mat()
        if code == 0:
            code, output = extractor.extract(param_file.OUTPUT, self._OUTPUT_TYPE)
        if code == _OUT_OF_MEMORY or (code == 0 and output.empty()):
            raise OutOfMemoryError(f"ncnn has too little memory for {self.shape.width}x{self.shape.height}")
        if code != 0:
            raise EngineError(f"ncnn failed with code {code}")
        if (output.w, output.h, output.c) != self._output_size():
            raise EngineError(f"ncnn returned {output.w}x{output.h}x{output.c} instead of {self._output_size()}")
        return output

    def _release(self) -> None:
        self._net.clear()


class PlanarSession(_NcnnSession):
    """Planar floats in and out, for frames of any depth."""

    _OUTPUT_TYPE = 0

    def _to_network(self, frame: Frame) -> pixels.Floats:
        return pixels.to_chw(frame)

    def _from_network(self, output: Any) -> Frame:
        return pixels.from_chw(output, self.shape.dtype)

    def _output_size(self) -> tuple[int, int, int]:
        return self._output_shape.width, self._output_shape.height, 3


class PackedSession(_NcnnSession):
    """Packed 8-bit RGB in and out; the conversion around the network is part of its graph."""

    _OUTPUT_TYPE = 1  # float16 where the device stores that: half the bytes of float32

    def _to_network(self, frame: Frame) -> pixels.Floats:
        return frame.astype(np.float32)

    def _from_network(self, output: Any) -> Frame:
        """Return the low byte of each value: see `param_file.PACKED_OFFSET`."""
        integers = output.view(np.uint16) if output.dtype == np.float16 else output.astype(np.uint16)
        samples: Frame = integers.astype(np.uint8, order="C")
        return samples.reshape(self._output_shape.array)

    def _output_size(self) -> tuple[int, int, int]:
        return 3 * self._output_shape.width, self._output_shape.height, 1


def _ncnn() -> Any:
    try:
        import ncnn  # noqa: PLC0415 - loaded when this engine is first asked for
    except ImportError as error:
        hint = "pip install ncnn"
        raise EngineError(f"ncnn does not load: {error}", code="engine.unavailable", hint=hint) from error
    return ncnn


def _vulkan_is_installed() -> bool:
    """Return False where ncnn would find no Vulkan either; it would write a page to stderr while it looks."""
    if sys.platform != "linux" or os.environ.get("NCNN_VULKAN_DRIVER"):
        return True  # on macOS, ncnn contains its own
    return any(_loads(name) for name in _VULKAN_LIBRARIES)


@contextmanager
def _temporary_file(content: bytes) -> Iterator[str]:
    """Yield the path of a file with this content: on Linux in memory, as there may be no folder to write to."""
    if sys.platform == "linux":
        with os.fdopen(os.memfd_create("framewatch", os.MFD_CLOEXEC), "wb") as file:
            file.write(content)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
    else:
        with tempfile.NamedTemporaryFile(prefix="framewatch-", suffix=".bin") as file:
            file.write(content)
            file.flush()
            yield file.name


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _set_float16_storage(options: Any, enabled: bool) -> None:
    options.use_fp16_storage = options.use_fp16_packed = enabled
    options.use_fp16_arithmetic = False
    options.use_bf16_storage = options.use_bf16_packed = False


def _load(net: Any, network: Network, param: str) -> None:
    # Through a file, because ncnn keeps pointers into weights that it gets in memory.
    with _temporary_file(network.raw) as path:
        code = net.load_param_mem(param) or net.load_model(path)
    if code != 0:
        raise EngineError(f"ncnn refused the network with code {code}")
