"""Mount markers on disk: in the store, and in a copy beside it that survives the loss of the store."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import structlog
from pydantic import ValidationError

from framewatch.errors import StorageError
from framewatch.storage.mount_marker import MountMarker
from framewatch.storage.root import Root
from framewatch.storage.sealed_json import seal, unseal

FACT = "roots"  # in the store
SEAL = "marks"  # in the copy

_log = structlog.get_logger("framewatch.folders")


class Facts(Protocol):
    """A durable table of named JSON values: the store, as far as this package needs it."""

    @property
    def path(self) -> Path:
        """The file that holds the table; the copy of the markers lies beside it."""

    def get_facts(self) -> dict[str, Any]:
        """Return all values by name."""

    def set_fact(self, name: str, value: Any) -> None:
        """Store one value."""


class MarkerStore:
    """Reads and writes the markers of all roots."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._path = copy_path(facts.path)

    def read(self) -> dict[Path, MountMarker]:
        """Return the markers. The copy is written first, so if it is intact it is never older than the store."""
        return read_copy(self._path) or _parsed(self._facts.get_facts().get(FACT))

    def write(self, markers: Mapping[Path, MountMarker]) -> None:
        """Replace the markers. A copy that cannot be written is removed: no copy is better than an old one.

        Raises:
            StorageError: the store cannot be written.
        """
        document = {str(path): marker.model_dump() for path, marker in markers.items()}
        try:
            text = json.dumps(document, default=os.fspath)
            Root(self._path.parent).write(self._path, seal(SEAL, text))
        except StorageError as error:
            finding = error.finding
            _log.warning("folder.markers_not_copied", code=finding.code, message=finding.message, path=self._path)
            with suppress(StorageError):
                Root(self._path.parent).remove(self._path)
        self._facts.set_fact(FACT, document)


def copy_path(store_path: Path) -> Path:
    """Return the path of the copy, beside the store."""
    return store_path.with_suffix(".roots.json")


def read_copy(path: Path) -> dict[Path, MountMarker]:
    """Return the markers in a copy; none if it is missing or damaged."""
    try:
        return _parsed(json.loads(unseal(SEAL, path.read_bytes())))
    except (OSError, ValueError, RecursionError):
        return {}


def _parsed(document: dict[str, Any] | None) -> dict[Path, MountMarker]:
    with suppress(ValidationError, TypeError, AttributeError):  # a copy may hold any JSON
        return {Path(path): MountMarker(**mark) for path, mark in (document or {}).items()}
    return {}
