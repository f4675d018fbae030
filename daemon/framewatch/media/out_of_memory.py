"""Whether memory ran out, or a file only claimed to need more than there can be. Libav calls both the same."""

from __future__ import annotations

from framewatch.errors import OutOfMemoryError

_ROOM = 1 << 30  # bytes: a frame of 8192x8192 in 16 bit with all that a decoder needs beside it

_HINT = "other programs may be using it; close some, or allow framewatch more"


def is_short() -> bool:
    """Whether there is no room even for a large frame. Only asks: no page is touched."""
    try:
        bytearray(_ROOM)
    except MemoryError:
        return True
    return False


def blame(error: BaseException) -> None:
    """Raise where `error`, libav's or Python's, says that memory ran out, and it did.

    Else nothing happens: whatever it is, it is the file's, and the caller's to judge.

    Raises:
        OutOfMemoryError: `media.out_of_memory`.
    """
    if isinstance(error, MemoryError) and is_short():
        message = "there is too little memory to read this file now"
        raise OutOfMemoryError(message, code="media.out_of_memory", hint=_HINT) from error
