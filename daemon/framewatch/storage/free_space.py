"""Free space on a disk, in bytes and in words."""

from __future__ import annotations

import os
from pathlib import Path

SPARE = 1024 * 1024  # bytes that must be free beyond the reserve where nobody knows how much is needed


def free_bytes(folder: Path) -> int:
    """Bytes that framewatch's user may still write on the disk of a folder.

    Raises:
        OSError: the folder cannot be looked at.
    """
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def same_disk(folder: Path) -> int:
    """A number that folders of one file system share.

    Raises:
        OSError: the folder cannot be looked at.
    """
    return folder.stat().st_dev


def human(size: int) -> str:
    """Bytes in words, in powers of ten as disks are sold: 1.5 GB."""
    if size < 1000:
        return f"{size} bytes"
    value = float(size)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 999.95 or unit == "TB":
            break
    return f"{value:.1f} {unit}"
