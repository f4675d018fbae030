"""Reads the files of presets; one that lies in a share, by whatever path it is named, is trusted no more than it.

Anybody may be able to write to a share. What lies there is read only if it is a regular file of a reasonable size,
and never through a symbolic link.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from framewatch import documents
from framewatch.documents import Document
from framewatch.errors import ConfigError, StorageError
from framewatch.resources import shipped
from framewatch.safe_yaml import MAX_BYTES
from framewatch.storage import beneath, files
from framewatch.storage.links import first_on_the_way
from framewatch.storage.root import Root
from framewatch.threads import answers

UNREADABLE = "preset.unreadable"
_PLAIN_FILE = "put a plain file there that framewatch's user can read, or name a preset in the configuration"
_ANSWER_SECONDS = 2.0  # for the links that lead to a share; a dead one never answers


class PresetFile(NamedTuple):
    """What a file of a preset holds."""

    document: Document
    folder: Path | None  # that relative paths in it start from; None: it lies in a share, and paths are not allowed


def read_preset(path: Path, shares: Sequence[Root] = ()) -> PresetFile:
    """Read the file of a preset that is named anywhere: in the configuration, or in another preset.

    Raises:
        ConfigError: the file is missing, cannot be read, or is no YAML; in a share also if it lies behind a link.
        StorageError: a link on the way is not to be trusted, or the share that it is in cannot be opened.
    """
    found = _in_share(path, shares)
    if found is None:
        return PresetFile(documents.read(path), path.parent)
    document = read_in_share(*found)
    if document is None:
        raise ConfigError("the file does not exist", code="config.not_found", where=str(path))
    return PresetFile(document, None)


def read_in_share(share: Root, path: Path) -> Document | None:
    """Read a file below a share; None if it is missing.

    Raises:
        ConfigError: it is no regular file, cannot be read, or is no YAML.
        StorageError: the share cannot be opened.
    """
    try:
        text = _read(share, path)
    except FileNotFoundError:
        return None
    except OSError as error:
        linked = error.errno == errno.ELOOP
        reason = "it is a symbolic link" if linked else f"it cannot be read: {error.strerror}"
        raise ConfigError(reason, code=UNREADABLE, hint=_PLAIN_FILE, where=str(path)) from None
    if text is None:
        raise ConfigError("it is not a regular file", code=UNREADABLE, hint=_PLAIN_FILE, where=str(path))
    return documents.parse(text, source=str(path))


def _read(share: Root, path: Path) -> bytes | None:
    """Return one byte more than a document may have, at most; None if it is not a regular file."""
    with share.opened() as top:
        descriptor = beneath.open_beneath(top, path.relative_to(share.path).parts, files.READ)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(MAX_BYTES + 1)
    finally:
        os.close(descriptor)


def _in_share(path: Path, shares: Sequence[Root]) -> tuple[Root, Path] | None:
    """Return the share that a path leads into, perhaps by links, and the path as one below it."""
    if not shares or path.is_relative_to(shipped("config/presets")):
        return None
    plain = Path(os.path.normpath(path.absolute()))
    for share in shares:
        if plain.is_relative_to(share.path):
            return share, plain
    outermost = [
        share for share in shares if not any(share.path.is_relative_to(o.path) for o in shares if o != share)
    ]
    real = answers({share: partial(_real_path, share) for share in outermost}, _ANSWER_SECONDS)
    identities = answers({share: partial(_identity, path) for share, path in real.items()}, _ANSWER_SECONDS)

    def share_at(reached: Path, folder: int) -> Root | None:
        """Return the share that is open: a mount, or another spelling, may give it a second path."""
        found = os.fstat(folder)
        identity = (found.st_dev, found.st_ino)
        return next((s for s in outermost if real.get(s, s.path) == reached or identities.get(s) == identity), None)

    entered = first_on_the_way(path, share_at)
    return None if entered is None else (entered[0], entered[0].path / entered[1])


def _real_path(share: Root) -> Path:
    try:
        return share.real_path()
    except StorageError:  # a link that is not to be trusted leads there: nothing in it is read anyway
        return share.path


def _identity(path: Path) -> tuple[int, int] | None:
    with suppress(OSError):  # a folder that is missing, or a link by now: it has no second path
        folder = beneath.open_path(path, beneath.PASSED)
        try:
            found = os.fstat(folder)
            return found.st_dev, found.st_ino
        finally:
            os.close(folder)
    return None
