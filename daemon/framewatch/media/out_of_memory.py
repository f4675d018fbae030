"""Whether memory ran out, or a damaged file claimed a size that no machine has. Libav reports both the same way."""

from __future__ import annotations

from framewatch.errors import OutOfMemoryError

_TEST_BYTES = 1 << 30  # a frame of 8192x8192 at 16 bit, with all that a decoder needs for it

_HINT = "other programs may be using it; close some, or allow framewatch more"


def is_short() -> bool:
    """Return whether a large frame cannot be allocated now. No page of the allocation is touched."""
    try:
        bytearray(_TEST_BYTES)
    except MemoryError:
        return True
    return False


def raise_if_short(error: BaseException) -> None:
    """Raise where `error`, from libav or Python, says that memory ran out, and it did.

    Otherwise return: the file is to blame, and the caller decides what that means.

    Raises:
        OutOfMemoryError: `media.out_of_memory`.
    """
    if isinstance(error, MemoryError) and is_short():
        message = "there is not enough memory to read this file now"
        raise OutOfMemoryError(message, code="media.out_of_memory", hint=_HINT) from error
