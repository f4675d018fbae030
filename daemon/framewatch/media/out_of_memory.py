"""Why memory ran out: the machine is short of it, the process is at its bound, or a damaged file claimed too much.

Libav reports all of them the same way.
"""

from __future__ import annotations

import mmap
import re

from framewatch.errors import MediaError, OutOfMemoryError
from framewatch.media import process_bounds

_TEST_BYTES = 1 << 30  # a frame of 8192x8192 at 16 bit, with all that a decoder needs for it
# What is left of a bound that is not used up: it is several times what is needed, or the user's own and small.
_LEFT = 0.3

_HINT = "other programs may be using it; close some, or allow framewatch more"
_HINT_COSTLY = "check whether the file is what it should be; if it is, raise limits.worker_gb"

_NO_MEMORY = re.compile(
    r"Cannot allocate memory|malloc of size \d+ failed|std::bad_alloc|allocate memory failed|MemoryError"
    r"|Out of memory"
)
_NO_GPU_MEMORY = re.compile(
    r"OUT_OF_(?:\w+_)?MEMORY|OpenEncodeSessionEx|InitializeEncoder failed|CUDA.*out of memory"
)


def complaint(text: str) -> str | None:
    """Return what ffmpeg, an encoder or a C++ library printed where it got no memory of the host; None if none did.

    A GPU that is short of its own memory, which others may be using, is another matter.
    """
    found = _NO_MEMORY.search(text)
    return found[0] if found and not _NO_GPU_MEMORY.search(text) else None


def is_short() -> bool:
    """Return whether the machine has too little memory for a large frame now, whatever this process may use."""
    with process_bounds.lifted():
        return not _can_allocate(_TEST_BYTES)


def is_bound_used_up() -> bool:
    """Return whether this process has taken most of what its bound allows, and the machine would allow more.

    What fails then, without saying why, probably failed of it.
    """
    if process_bounds.bound_of_worker() is None:
        return False
    left = min(_TEST_BYTES, round(process_bounds.granted() * _LEFT))
    return not _can_allocate(max(left, mmap.PAGESIZE)) and not is_short()


def raise_if_short(error: BaseException) -> None:
    """Raise where `error`, from libav or Python, says that memory ran out, and it did.

    Otherwise return: the file is to blame, and the caller decides what that means.

    Raises:
        OutOfMemoryError: `media.out_of_memory`.
        MediaError: `media.too_costly`: this process is at its bound.
    """
    if not isinstance(error, MemoryError):
        return
    if is_short():
        message = "there is not enough memory to read this file now"
        raise OutOfMemoryError(message, code="media.out_of_memory", hint=_HINT) from error
    if process_bounds.bound_of_worker() is not None and not _can_allocate(_TEST_BYTES):
        raise too_costly("decoding this file") from error


def raise_if_unaffordable(error: BaseException, what: str) -> None:
    """Raise as `raise_if_short`, or where memory ran out in a process with a bound, whatever it has freed since.

    For what reads a whole file, and has freed everything by the time that its error is handled.

    Args:
        error: from libav or Python.
        what: needed the memory, such as "reading this file".

    Raises:
        OutOfMemoryError: `media.out_of_memory`.
        MediaError: `media.too_costly`.
    """
    raise_if_short(error)
    if isinstance(error, MemoryError) and process_bounds.bound_of_worker() is not None:
        raise too_costly(what) from error


def too_costly(what: str, needed: int | None = None) -> MediaError:
    """Return the error for a file that needs more memory than a worker may use.

    Args:
        what: needs it, such as "reading this file".
        needed: bytes, where that is known.
    """
    bound = process_bounds.bound_of_worker()
    more = f"{_gb(needed)} of memory" if needed else "more memory"
    most = f"; a worker may use {_gb(bound)} in all" if bound is not None else ", which no such file should"
    return _too_costly(f"{what} needs {more}{most}", _HINT_COSTLY)


def worker_too_costly(how: str) -> MediaError:
    """Return the error for a worker that ended or stalled for want of memory; `how` it did."""
    return _too_costly(f"this file needs more memory than a worker may use: {how}", _HINT_COSTLY)


def index_too_costly(packets: int, needed: int, size: int) -> MediaError:
    """Return the error for a file of `size` bytes whose index lists more packets than it can hold.

    Args:
        packets: in one track.
        needed: bytes of memory for the whole index.
        size: of the file, in bytes.
    """
    message = f"its index lists {packets} packets, which could need {_gb(needed)} of memory"
    return _too_costly(f"{message}, and the whole file has {size} bytes", "it is damaged, or made to do harm")


def ffmpeg_too_costly(reason: str, bound: int) -> MediaError:
    """Return the error for an ffmpeg that could not get the memory that it asked for, for a `reason` from its log."""
    message = f"ffmpeg needs more memory for this file than the {_gb(bound)} that it may use ({reason})"
    return _too_costly(message, _HINT_COSTLY)


def output_too_costly(bound: int) -> MediaError:
    """Return the error for an output that an ffmpeg could not write, since it grew beyond the bound, in bytes."""
    message = f"the output grew beyond {_gb(bound)}, more than this file can need"
    return _too_costly(message, "check whether the file is what it should be")


def _too_costly(message: str, hint: str) -> MediaError:
    return MediaError(message, code="media.too_costly", hint=hint)


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"


def _can_allocate(size: int) -> bool:
    """Map memory and give it back: no page is touched, so that looking costs none.

    A bytearray would be filled with zeros, which can be what makes the kernel end this process.
    """
    try:
        mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    except OSError:
        return False
    return True
