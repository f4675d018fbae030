"""torch itself: whether it is installed, what GPUs it sees, and its errors as the project's."""

from __future__ import annotations

import gc
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from framewatch.errors import EngineError, OutOfMemoryError
from framewatch.upscale.engine import Device, UnusableDevice
from framewatch.upscale.frames.tiling import MAX_TILE_PIXELS

GIB = 2**30
# Frames at once, so that copies to and from the GPU run beside the computation: 1, 2 and 3 gave 88, 180 and 214
# frames a second at 1080p to 4K on an H100 (docs/performance.md, H100).
_IN_FLIGHT = 3
_MEMORY_SHARE = 2  # half of what is free: other workers, and the encoder, use the GPU too
_FRAME_BYTES = 3 * 2  # a pixel of a frame, of 16 bits
INSTALL = 'pip install "framewatch[cuda]"'


@dataclass(frozen=True, slots=True)
class TorchDevice:
    """One of torch's devices, with the module: torch is imported late, so that it cannot be a module's global."""

    torch: Any  # the module
    device: Any  # a `torch.device`


def installed() -> bool:
    """Return whether torch is installed. It need not be: torch is an extra."""
    return importlib.util.find_spec("torch") is not None


def load() -> Any:
    """Import and return the module.

    Raises:
        EngineError: torch is not installed, or does not load.
    """
    try:
        import torch  # noqa: PLC0415 - loaded when an engine that needs it is first asked for
    except (ImportError, OSError) as error:
        message = f"torch does not load: {error}"
        raise EngineError(message, code="engine.unavailable", hint=INSTALL) from error
    return torch


def gpus(torch: Any) -> range:
    """Return the numbers of the GPUs that torch calls CUDA devices; AMD's too, where torch is built for them."""
    return range(torch.cuda.device_count() if torch.cuda.is_available() else 0)


def gpu(torch: Any, engine: str, number: int, note: str | None) -> Device | UnusableDevice:
    """Describe a GPU for an engine.

    Args:
        torch: the module.
        engine: the engine's name.
        number: of the GPU.
        note: how the engine will use it; None: the engine's kernels do not support it.
    """
    facts = torch.cuda.get_device_properties(number)
    if note is None:
        return UnusableDevice(engine, str(facts.name), "not supported by framewatch's kernels")
    return Device(
        engine,
        str(number),
        str(facts.name),
        memory_gb=facts.total_memory / GIB,
        note=note,
        gpu=True,
        in_flight=_IN_FLIGHT,
        planes=True,
    )


def max_tile_pixels(free: int, network_bytes: int, scale: int, concurrency: int) -> int:
    """Return the largest tile whose buffers take half of the GPU's free memory.

    Args:
        free: bytes.
        network_bytes: what the network's buffers take for an input pixel.
        scale: 2, 3 or 4.
        concurrency: frames in flight; each has buffers for its input and output.
    """
    frames = _FRAME_BYTES * (1 + scale * scale) * max(1, concurrency)
    return min(free // _MEMORY_SHARE // (network_bytes + frames), MAX_TILE_PIXELS)


def free_memory(torch: Any, number: int) -> int:
    """Return the free bytes of a GPU."""
    free, _ = torch.cuda.mem_get_info(number)
    return int(free)


def collect_garbage(torch: Any) -> None:
    """Free what an attempt that ran out of memory left: its traceback, which holds tensors, and torch's cache."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@contextmanager
def project_errors(torch: Any) -> Iterator[None]:
    """Raise torch's errors as the project's.

    Raises:
        OutOfMemoryError: the device, or the host's memory that it copies from, is full.
        EngineError: anything else that torch raises.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise OutOfMemoryError(f"the GPU ran out of memory: {_first_line(error)}") from error
    except RuntimeError as error:
        if "out of memory" in str(error).lower():
            raise OutOfMemoryError(f"the GPU ran out of memory: {_first_line(error)}") from error
        raise EngineError(f"torch failed: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
