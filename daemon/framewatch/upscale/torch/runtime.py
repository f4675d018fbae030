"""torch itself: whether it is here, what it sees, and its errors as the project's."""

from __future__ import annotations

import gc
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from framewatch.errors import EngineError, OutOfMemoryError

# Frames at once, so that copies to and from the GPU run beside the computation: 1, 2 and 3 gave 88, 180 and 214
# frames a second at 1080p to 4K on an H100 (docs/performance.md).
IN_FLIGHT = 3
HINT = 'pip install "framewatch[cuda]"'


def installed() -> bool:
    """False where torch is not installed, which is no fault: it is an extra."""
    return importlib.util.find_spec("torch") is not None


def load() -> Any:
    """The module.

    Raises:
        EngineError: torch is not installed, or does not load.
    """
    try:
        import torch  # noqa: PLC0415 - loaded when an engine that needs it is first asked for
    except (ImportError, OSError) as error:
        message = f"torch does not load: {error}"
        raise EngineError(message, code="engine.unavailable", hint=HINT) from error
    return torch


def unavailable(why: str) -> EngineError:
    """The error of an engine that cannot be opened here."""
    return EngineError(why, code="engine.unavailable")


def gpus(torch: Any) -> range:
    """The numbers of the GPUs that go by the name of CUDA; AMD's too, where torch is built for them."""
    return range(torch.cuda.device_count() if torch.cuda.is_available() else 0)


def tidy(torch: Any) -> None:
    """Free what a try that ran out of memory left behind: its error, which holds tensors, and torch's cache."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@contextmanager
def failures(torch: Any) -> Iterator[None]:
    """Raise torch's errors as the project's.

    Raises:
        OutOfMemoryError: the device, or the memory that it can copy from, is full.
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
