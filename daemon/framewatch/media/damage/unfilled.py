"""Whether a file has long parts that nobody has written yet, as downloads and copies do that allocate it first."""

from __future__ import annotations

import errno
import os

_RUN = 16 * 1024  # bytes: the smallest piece of a download
_READ_WHOLE = 2**20  # bytes
_SAMPLES = 8  # of larger files: a read of each may be a movement of a disk's head on a NAS
_MAX_HOLES = 64


def is_unfilled(file: int) -> bool:
    """Return whether an open file has holes, or runs of zeros, that are as long as a piece of a download.

    That proves nothing: silence and black pictures may be zeros. A large file is only sampled.

    Raises:
        OSError: it cannot be read.
    """
    size = os.fstat(file).st_size
    if size < 2 * _RUN:
        return False
    if _has_hole(file, size):
        return True
    if size <= _READ_WHOLE:
        return bytes(_RUN) in os.pread(file, size, 0)
    places = ((size - _RUN) * number // (_SAMPLES - 1) for number in range(_SAMPLES))
    return any(not os.pread(file, _RUN, place).strip(b"\0") for place in places)


def _has_hole(file: int, size: int) -> bool:
    """Return whether the file system has allocated or written nothing for a part (lseek(2), SEEK_HOLE)."""
    seek_hole, seek_data = getattr(os, "SEEK_HOLE", None), getattr(os, "SEEK_DATA", None)
    if seek_hole is None or seek_data is None:
        return False
    position = 0
    for _ in range(_MAX_HOLES):
        try:
            hole = os.lseek(file, position, seek_hole)
            position = os.lseek(file, hole, seek_data) if hole < size else size
        except OSError as error:
            return error.errno == errno.ENXIO and size - position >= _RUN and _ends_with_hole(file, size, seek_hole)
        if position - hole >= _RUN:
            return True
        if position >= size:
            return False
    return False


def _ends_with_hole(file: int, size: int, seek_hole: int) -> bool:
    """Return whether the last bytes of a file are in a hole: there is no data behind it to seek to."""
    try:
        return os.lseek(file, size - _RUN, seek_hole) == size - _RUN
    except OSError:
        return False
