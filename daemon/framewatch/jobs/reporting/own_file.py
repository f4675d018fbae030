"""Tells progress files that framewatch wrote from what somebody else put in their place."""

from __future__ import annotations

import errno
import json
import os
import stat
from typing import Literal

from framewatch.errors import StorageError
from framewatch.storage.files import NO_FILE, READ

SCHEMA: Literal["framewatch.progress/1"] = "framewatch.progress/1"

_MAX_BYTES = 1 << 20  # of a progress file: it has a few kB
_NOT_OURS = NO_FILE | {errno.EISDIR, errno.EACCES}
_HINT = "move it away if a progress file is wanted there; `framewatch status` shows the job as well"


def require_own(folder: int, name: str) -> None:
    """Return if a progress file may be written or removed: nothing has its name, or one that framewatch wrote.

    Args:
        folder: descriptor of the folder.
        name: of the file in it.

    Raises:
        StorageError: `sidecar.foreign`.
        OSError: the folder does not answer the question now.
    """
    try:
        descriptor = os.open(name, READ, dir_fd=folder)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno in _NOT_OURS:
            raise _foreign(name) from None
        raise
    try:
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        own = is_file and _is_own(os.read(descriptor, _MAX_BYTES + 1))
    finally:
        os.close(descriptor)
    if not own:
        raise _foreign(name)


def _is_own(data: bytes) -> bool:
    if not data:  # progress is not synced, so a power cut may leave an empty file; nothing is lost with one
        return True
    if len(data) > _MAX_BYTES:
        return False
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.get("schema") == SCHEMA


def _foreign(name: str) -> StorageError:
    message = f"{name} was not written by framewatch: it stays as it is, and no progress file is kept"
    return StorageError(message, code="sidecar.foreign", hint=_HINT)
