"""Free space on a disk."""

from __future__ import annotations

import os
from pathlib import Path

SPARE = 1024 * 1024  # bytes that must be free beyond the reserve if the need is not known


def free_bytes(folder: Path | int) -> int:
    """Return the bytes that framewatch's user may still write on the disk of a folder.

    Args:
        folder: its descriptor; or its path, if it is framewatch's own.

    Raises:
        OSError: the folder cannot be read.
    """
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def human(size: int) -> str:
    """Format a number of bytes, in powers of ten as disks are sold: 1.5 GB."""
    if size < 1000:
        return f"{size} bytes"
    value = float(size)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 999.95 or unit == "TB":
            break
    return f"{value:.1f} {unit}"
