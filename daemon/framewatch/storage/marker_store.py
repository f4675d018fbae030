"""What is remembered of roots: in the store, and a second time beside it, which outlives a store that is lost."""

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
from framewatch.storage import files
from framewatch.storage.mount_marker import MountMarker
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
        """All values by name."""

    def set_fact(self, name: str, value: Any) -> None:
        """Store one value."""


class MarkerStore:
    """Reads and writes the marks of all roots."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._path = copy_path(facts.path)

    def read(self) -> dict[Path, MountMarker]:
        """What is remembered. The copy is written first, so where it is whole it is never behind the store."""
        return read_copy(self._path) or _parsed(self._facts.get_facts().get(FACT))

    def write(self, marks: Mapping[Path, MountMarker]) -> None:
        """Remember these instead. A copy that cannot be written is removed: none is better than one that is behind.

        Raises:
            StorageError: the store cannot be written.
        """
        document = {str(path): kept.model_dump() for path, kept in marks.items()}
        try:
            text = json.dumps(document, default=os.fspath)
            files.durable_write(self._path, seal(SEAL, text), root=self._path.parent)
        except StorageError as error:
            finding = error.finding
            _log.warning("folder.marks_not_copied", code=finding.code, message=finding.message, path=self._path)
            with suppress(StorageError):
                files.remove(self._path, root=self._path.parent)
        self._facts.set_fact(FACT, document)


def copy_path(store_path: Path) -> Path:
    """Where the copy lies: beside the store."""
    return store_path.with_suffix(".roots.json")


def read_copy(path: Path) -> dict[Path, MountMarker]:
    """The marks in a copy; none where it is missing or damaged."""
    try:
        return _parsed(json.loads(unseal(SEAL, path.read_bytes())))
    except (OSError, ValueError):
        return {}


def _parsed(document: dict[str, Any] | None) -> dict[Path, MountMarker]:
    with suppress(ValidationError):
        return {Path(path): MountMarker(**mark) for path, mark in (document or {}).items()}
    return {}
