"""The network on ncnn: on a GPU by Vulkan with 16-bit storage, or on the processor in float32.

Vulkan stores float16 and computes in float32: arithmetic in float16 was measured to be off by up to 0.03.
ncnn's Python calls let other threads run while a frame is computed (measured).
"""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
import threading
from typing import Any

import numpy as np

from framewatch.errors import EngineError, OutOfMemoryError
from framewatch.upscale import host
from framewatch.upscale.engine import Device, Session
from framewatch.upscale.frames import pixels
from framewatch.upscale.frames.frame import Frame, FrameShape
from framewatch.upscale.frames.tiling import LARGEST_WINDOW
from framewatch.upscale.ncnn import param_file as ncnn_param
from framewatch.upscale.network.network import Network

_REAL_GPU = {0: "discrete GPU", 1: "integrated GPU", 2: "virtual GPU"}  # VkPhysicalDeviceType; 3 is a CPU
_OUT_OF_MEMORY = -100  # what ncnn's layers return when an allocation fails
_CPU_BYTES_PER_PIXEL = 3000  # float32 with Winograd's buffers: measured 2500 to 2800
_GPU_BYTES_PER_PIXEL = 1100  # measured 990 to 1030, for 2x and for 4x
_GPU_MEMORY_SHARE = 2
_MIB = 1024 * 1024
_IN_FLIGHT = 3  # so that the processor's work on a frame, and its copies, run beside the GPU's (docs/performance.md)
_LOADERS = (
    "libvulkan.so.1",
    "libvulkan.so",
    "libvulkan_radeon.so",
    "libvulkan_intel.so",
    "libMaliVulkan.so.1",
)


class NcnnCpuEngine:
    """float32 on the processor."""

    name = "ncnn"

    def devices(self) -> list[Device]:
        """The processor.

        Raises:
            EngineError: ncnn is not installed or does not load.
        """
        _ncnn()
        return [Device(self.name, "CPU", f"{host.cores()} cores", note="f32", memory_gb=host.memory_gb())]

    def most_pixels(self, device: str, network: Network, scale: int, concurrency: int) -> int | None:  # noqa: ARG002
        """A window whose buffers take a share of the free memory."""
        return host.most_pixels(_CPU_BYTES_PER_PIXEL, concurrency)

    def open(
        self,
        network: Network,
        device: str,  # noqa: ARG002 - there is one processor
        shape: FrameShape,
        scale: int,
        concurrency: int,
    ) -> Session:
        """Load the network.

        Raises:
            EngineError: ncnn is missing or refuses the network.
        """
        net = _ncnn().Net()
        lanes = host.lanes(concurrency)
        net.opt.use_vulkan_compute = False
        net.opt.num_threads = max(1, host.cores() // lanes)
        _use_float16(net.opt, storage=False)
        _load(net, network, ncnn_param.text(network, scale))
        return _NcnnSession(f"{self.name}/f32", shape, scale, concurrency, net=net, lanes=lanes)


class NcnnVulkanEngine:
    """16-bit storage on a real GPU."""

    name = "ncnn-vulkan"

    def devices(self) -> list[Device]:
        """Every Vulkan device; those that are a processor in disguise are not usable.

        Raises:
            EngineError: ncnn is not installed or does not load.
        """
        ncnn = _ncnn()
        if not _vulkan_loads():
            return []
        return [self._device(ncnn, number) for number in range(ncnn.get_gpu_count())]

    def _device(self, ncnn: Any, number: int) -> Device:
        info = ncnn.get_gpu_info(number)
        kind = int(info.type())
        usable = kind in _REAL_GPU
        note = f"{_REAL_GPU[kind]}, f16 storage" if usable else "a processor, not a GPU"
        memory = ncnn.get_gpu_device(number).get_heap_budget() / 1024 if usable else 0.0
        return Device(
            self.name, str(number), str(info.device_name()), usable, note, memory, gpu=True, in_flight=_IN_FLIGHT
        )

    def most_pixels(self, device: str, network: Network, scale: int, concurrency: int) -> int | None:  # noqa: ARG002
        """A window whose buffers take half of what the driver says is free."""
        budget = int(_ncnn().get_gpu_device(int(device)).get_heap_budget()) * _MIB
        fitting = budget // _GPU_MEMORY_SHARE // max(1, concurrency) // _GPU_BYTES_PER_PIXEL
        return min(fitting, LARGEST_WINDOW)

    def open(self, network: Network, device: str, shape: FrameShape, scale: int, concurrency: int) -> Session:
        """Load the network onto the GPU.

        Raises:
            EngineError: ncnn is missing or refuses the network.
        """
        net = _ncnn().Net()
        net.opt.use_vulkan_compute = True
        net.set_vulkan_device(int(device))
        _use_float16(net.opt, storage=True)
        codes = shape.dtype == "uint8"  # float16 has no room for deeper ones
        size = shape.width, shape.height
        _load(
            net, network, ncnn_param.codes_text(network, scale, *size) if codes else ncnn_param.text(network, scale)
        )
        kind = CodesSession if codes else _NcnnSession
        return kind(f"{self.name}/f16", shape, scale, concurrency, net=net, lanes=concurrency)


class _NcnnSession(Session):
    """Each frame has its extractor; at most `lanes` of them compute at once."""

    def __init__(self, name: str, shape: FrameShape, scale: int, concurrency: int, *, net: Any, lanes: int) -> None:
        super().__init__(name, shape, scale, concurrency)
        self._net = net
        self._turn = threading.BoundedSemaphore(max(1, lanes))

    def _run(self, frame: Frame) -> Frame:
        try:
            floats = self._taken(frame)
            with self._turn:
                result = self._extract(floats)
            return self._given(np.asarray(result))
        except MemoryError as error:
            raise OutOfMemoryError("there is too little memory for the frame") from error

    _as_computed = 0  # ncnn's type of output: 0 makes floats of it, 1 leaves it as it was computed

    def _taken(self, frame: Frame) -> pixels.Floats:
        """What the network takes: (3, h, w) floats."""
        return pixels.to_planes(frame)

    def _given(self, values: Any) -> Frame:
        """The frame of what the network gives."""
        return pixels.from_planes(values, self.shape.dtype)

    def _sides(self, width: int, height: int) -> tuple[int, int, int]:
        """Width, height and channels of what the network gives, in ncnn's words."""
        return width, height, 3

    def _extract(self, floats: pixels.Floats) -> Any:
        """The output Mat of the network."""
        ncnn = _ncnn()
        extractor = self._net.create_extractor()
        # The clone aligns each plane as ncnn's own are; Vulkan reads planes of another spacing wrongly.
        code = extractor.input(ncnn_param.INPUT, ncnn.Mat(floats).clone())
        result = ncnn.Mat()
        if code == 0:
            code, result = extractor.extract(ncnn_param.OUTPUT, self._as_computed)
        expected = self._sides(self.shape.width * self.scale, self.shape.height * self.scale)
        if code == _OUT_OF_MEMORY or (code == 0 and result.empty()):
            raise OutOfMemoryError(f"ncnn has too little memory for {self.shape.width}x{self.shape.height}")
        if code != 0:
            raise EngineError(f"ncnn failed with code {code}")
        if (result.w, result.h, result.c) != expected:
            raise EngineError(f"ncnn gave {result.w}x{result.h}x{result.c} instead of {expected}")
        return result

    def _release(self) -> None:
        self._net.clear()


class CodesSession(_NcnnSession):
    """Packed codes of 8 bits in and out; all around the network is done by the network's graph."""

    _as_computed = 1  # float16 where the device stores that: half of what floats would take

    def _taken(self, frame: Frame) -> pixels.Floats:
        return frame.astype(np.float32)

    def _given(self, values: Any) -> Frame:
        """The lower byte of each value: see `ncnn_param.LIFT`."""
        lifted = values.view(np.uint16) if values.dtype == np.float16 else values.astype(np.uint16)
        codes: Frame = lifted.astype(np.uint8, order="C")
        return codes.reshape(self.shape.upscaled(self.scale).array)

    def _sides(self, width: int, height: int) -> tuple[int, int, int]:
        return 3 * width, height, 1


def _ncnn() -> Any:
    try:
        import ncnn  # noqa: PLC0415 - loaded when this engine is first asked for
    except ImportError as error:
        hint = "pip install ncnn"
        raise EngineError(f"ncnn does not load: {error}", code="engine.unavailable", hint=hint) from error
    return ncnn


def _vulkan_loads() -> bool:
    """False where ncnn would find no Vulkan either; it writes a page to stderr while it looks."""
    if sys.platform != "linux" or os.environ.get("NCNN_VULKAN_DRIVER"):
        return True  # on macOS it brings its own
    return any(_loads(name) for name in _LOADERS)


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _use_float16(options: Any, storage: bool) -> None:
    options.use_fp16_storage = options.use_fp16_packed = storage
    options.use_fp16_arithmetic = False
    options.use_bf16_storage = options.use_bf16_packed = False


def _load(net: Any, network: Network, param: str) -> None:
    # By way of a file: ncnn keeps pointers into weights that it is given in memory.
    with tempfile.NamedTemporaryFile(prefix="framewatch-", suffix=".bin") as file:
        file.write(network.raw)
        file.flush()
        code = net.load_param_mem(param) or net.load_model(file.name)
    if code != 0:
        raise EngineError(f"ncnn refused the network with code {code}")
