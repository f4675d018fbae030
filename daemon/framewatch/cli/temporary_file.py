"""Files that are written complete or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def temporary_beside(path: Path, content: bytes, mode: int) -> Iterator[Path]:
    """Write a temporary file in the folder of `path`, for the block to give it that name; what is left is removed.

    Args:
        path: the name that the file is to get.
        content: the whole of it.
        mode: its permissions.

    Raises:
        OSError: it cannot be written.
    """
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        temporary = Path(file.name)
        try:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            yield temporary
        finally:
            with suppress(FileNotFoundError):
                temporary.unlink()
