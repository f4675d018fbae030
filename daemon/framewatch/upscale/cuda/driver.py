"""Compiles kernels while the program runs and starts them: NVRTC and the CUDA driver, by ctypes.

torch's wheels contain NVRTC, and nothing else is needed: no CUDA toolkit, no C++ compiler. The kernels run in torch's
context and on torch's streams.
"""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from framewatch.errors import EngineError, OutOfMemoryError
from framewatch.upscale.cuda.layout import Launch

_MAX_DYNAMIC_SHARED = 8  # CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
_OUT_OF_MEMORY = 2  # CUDA_ERROR_OUT_OF_MEMORY
_SYSTEM_NAMES = ("libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so")


class FrameLayout(ctypes.Structure):
    """The struct `Picture` of kernels/common.cuh."""

    _fields_ = (("width", ctypes.c_int), ("height", ctypes.c_int), ("pitch", ctypes.c_int))


class Layer(ctypes.Structure):
    """The struct `Layer` of kernels/conv_*.cu: addresses on the device."""

    _fields_ = (("weights", ctypes.c_void_p), ("biases", ctypes.c_void_p), ("slopes", ctypes.c_void_p))


def compiled(source: str, architecture: str) -> bytes:
    """Compile CUDA C++ to machine code for one architecture, such as "sm_90a".

    Raises:
        EngineError: NVRTC is not installed, or refuses the source.
    """
    nvrtc = _nvrtc()
    program = ctypes.c_void_p()
    options = [f"--gpu-architecture={architecture}", "--std=c++17"]
    encoded = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
    _check_nvrtc(nvrtc.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernels.cu", 0, None, None))
    try:
        if nvrtc.nvrtcCompileProgram(program, len(options), encoded) != 0:
            log = _output(nvrtc, program, "ProgramLog").decode(errors="replace").strip()
            raise EngineError(f"NVRTC refused the kernels: {log[:2000]}", code="engine.unavailable")
        return _output(nvrtc, program, "CUBIN")
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


def _output(nvrtc: Any, program: ctypes.c_void_p, what: str) -> bytes:
    size = ctypes.c_size_t()
    _check_nvrtc(getattr(nvrtc, f"nvrtcGet{what}Size")(program, ctypes.byref(size)))
    buffer = ctypes.create_string_buffer(size.value)
    _check_nvrtc(getattr(nvrtc, f"nvrtcGet{what}")(program, buffer))
    return buffer.raw


def _check_nvrtc(code: int) -> None:
    if code != 0:
        raise EngineError(f"NVRTC failed with code {code}", code="engine.unavailable")


def _nvrtc() -> Any:
    for path in _installed():
        # NVRTC opens its builtins by their bare name, which the loader finds only where they are loaded already.
        for builtins in path.parent.glob("libnvrtc-builtins.so.*"):
            ctypes.CDLL(str(builtins))
        return ctypes.CDLL(str(path))
    for name in _SYSTEM_NAMES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    hint = "`pip install torch` installs it, as nvidia-cuda-nvrtc"
    raise EngineError("NVRTC, the run-time compiler of CUDA, was not found", code="engine.unavailable", hint=hint)


def _installed() -> list[Path]:
    """Return NVRTC's libraries that pip installed, the newest first."""
    spec = importlib.util.find_spec("nvidia")
    roots = spec.submodule_search_locations or () if spec else ()
    return sorted((path for root in roots for path in Path(root).glob("*/lib/libnvrtc.so.*")), reverse=True)


Kernel = Callable[..., None]
"""Queues a kernel: takes torch's `cuda_stream`, then ctypes values in the order of the kernel's parameters."""


class Module:
    """Machine code that is loaded into the current context; unloaded by `close`.

    Args:
        code: what `compiled` returned.

    Raises:
        EngineError: the driver refuses it.
        OutOfMemoryError: it does not fit.
    """

    def __init__(self, code: bytes) -> None:
        self._driver = ctypes.CDLL("libcuda.so.1")
        self._handle = ctypes.c_void_p()
        self._check(self._driver.cuModuleLoadData(ctypes.byref(self._handle), code))

    def kernel(self, name: str, launch: Launch) -> Kernel:
        """Return a function that queues one of its kernels with a fixed launch.

        Raises:
            EngineError: there is no such kernel, or its blocks cannot have as much shared memory.
        """
        function = ctypes.c_void_p()
        self._check(self._driver.cuModuleGetFunction(ctypes.byref(function), self._handle, name.encode()))
        if launch.shared_bytes:
            self._check(self._driver.cuFuncSetAttribute(function, _MAX_DYNAMIC_SHARED, launch.shared_bytes))
        return partial(self._start, function, launch)

    def _start(self, function: ctypes.c_void_p, launch: Launch, stream: int, *values: Any) -> None:
        pointers = (ctypes.c_void_p * len(values))(*(ctypes.addressof(value) for value in values))
        size = *launch.blocks, launch.threads, 1, 1, launch.shared_bytes
        self._check(self._driver.cuLaunchKernel(function, *size, ctypes.c_void_p(stream), pointers, None))

    def close(self) -> None:
        """Unload the code; none of its kernels may be running."""
        self._driver.cuModuleUnload(self._handle)

    def _check(self, code: int) -> None:
        if code == _OUT_OF_MEMORY:
            raise OutOfMemoryError("the GPU has too little memory for the kernels")
        if code != 0:
            name = ctypes.c_char_p()
            self._driver.cuGetErrorName(code, ctypes.byref(name))
            raise EngineError(f"the CUDA driver failed: {(name.value or b'').decode() or code}")
