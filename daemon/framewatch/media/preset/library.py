"""The presets that can be used by name: the user's own, and those that ship."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from framewatch.documents import suggestion
from framewatch.errors import Finding
from framewatch.resources import shipped

SUFFIXES = (".yaml", ".yml", ".json")


def is_path(spec: str) -> bool:
    """Return whether a preset is referred to by its file, not by its name."""
    return "/" in spec or spec.endswith(SUFFIXES)


@dataclass(frozen=True)
class PresetLibrary:
    """Folders of presets. Earlier ones come first, and all of them before the shipped presets."""

    folders: Sequence[Path]

    def named(self, name: str) -> Iterator[Path]:
        """Files of presets with this name; the first one hides the others."""
        return (path for path in self._files() if path.stem == name)

    def by_name(self) -> dict[str, Path]:
        """Return the file of each preset, by name."""
        found: dict[str, Path] = {}
        for path in self._files():
            found.setdefault(path.stem, path)
        return found

    def not_found(self, name: str, where: str) -> Finding:
        """Return the finding for a name that no preset has."""
        known = sorted(self.by_name())
        hint = f"{suggestion(name, known)} known: {', '.join(known)}".strip()
        return Finding("preset.not_found", f'there is no preset "{name}"', hint, where)

    def _files(self) -> Iterator[Path]:
        for folder in (*self.folders, shipped("config/presets")):
            try:
                paths = sorted(folder.iterdir())
            except OSError:  # a folder of presets is optional
                continue
            yield from (path for path in paths if path.suffix in SUFFIXES and path.is_file())
