"""The presets that can be used by name: the user's own, and those that ship."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from framewatch.documents import shown, suggestion
from framewatch.errors import ConfigError, Finding
from framewatch.media.preset.preset_file import PresetFile, read_preset
from framewatch.resources import shipped
from framewatch.storage.root import Root
from framewatch.text import control_character
from framewatch.user_folders import expanded

SUFFIXES = (".yaml", ".yml", ".json")


def is_path(spec: str) -> bool:
    """Return whether a preset is referred to by its file, not by its name."""
    return "/" in spec or spec.endswith(SUFFIXES)


def preset_path(spec: str, base: Path, where: str) -> Path:
    """Return the file that a preset is referred to by; a relative path starts from `base`.

    Raises:
        ConfigError: this cannot be a path.
    """
    if found := control_character(spec):
        message, hint = f"a path cannot contain the control character {found}", "remove it"
        raise ConfigError(message, code="config.bad_value", hint=hint, where=where)
    path = expanded(Path(spec))
    if path is None:
        message, hint = f'there is no home folder for "{shown(spec)}"', "write the full path"
        raise ConfigError(message, code="config.bad_value", hint=hint, where=where)
    return base / path


@dataclass(frozen=True)
class PresetLibrary:
    """Folders of presets. Earlier ones come first, and all of them before the shipped presets."""

    folders: Sequence[Path] = ()
    shares: Sequence[Root] = ()  # that anybody may be able to write to: a preset in them is trusted no more than they

    def read(self, path: Path) -> PresetFile:
        """Read the file of a preset, in one of the folders or elsewhere; raises as `read_preset`."""
        return read_preset(path, self.shares)

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
        return Finding("preset.not_found", f'there is no preset "{shown(name)}"', hint, where)

    def _files(self) -> Iterator[Path]:
        for folder in (*self.folders, shipped("config/presets")):
            try:
                paths = sorted(folder.iterdir())
            except OSError:  # a folder of presets is optional
                continue
            # Path.is_file raises where a folder cannot be searched.
            yield from (path for path in paths if path.suffix in SUFFIXES and os.path.isfile(path))  # noqa: PTH113


SHIPPED = PresetLibrary()
