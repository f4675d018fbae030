"""Files that are left alone for what they are, whatever their names say. Pure."""

from __future__ import annotations

from enum import StrEnum

from framewatch.intake.ignore.rules import any_of
from framewatch.library.remains import is_sample
from framewatch.settings import FolderSettings


class LeftOut(StrEnum):
    """Why a file is left alone. The values are written to the log."""

    OTHER_KIND = "not of the preset's kind"
    SETTINGS = "excluded by only or min_size"
    SAMPLE = "a sample"
    EMPTY = "empty"


class Selection:
    """What a folder's settings leave out: `only`, `min_size`, `skip_samples`; and empty files."""

    def __init__(self, folder: FolderSettings) -> None:
        self._only = any_of(pattern.strip("/") for pattern in folder.only) if folder.only else None
        self._min_size = folder.min_size
        self._skip_samples = folder.skip_samples

    def why_left_out(self, relative: str, size: int) -> LeftOut | None:
        """Return why a file is left alone; None if it is not.

        Args:
            relative: its path below the input, with slashes.
            size: in bytes. Empty files are placeholders of downloaders and of programs that manage libraries.
        """
        if not size:
            return LeftOut.EMPTY
        if self._skip_samples and "/" in relative and is_sample(relative):
            return LeftOut.SAMPLE  # in the input itself, somebody may try framewatch with a file of that name
        name = relative.rpartition("/")[2]
        if self._only is not None and not (self._only.match(name) or self._only.match(relative)):
            return LeftOut.SETTINGS
        return LeftOut.SETTINGS if size < self._min_size else None
