"""Loads presets: by name, by path, inline in the daemon file, or from a watched folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from framewatch import documents
from framewatch.documents import Document, parse_key_path
from framewatch.errors import ConfigError, Finding
from framewatch.library.own_files import FOLDER_PRESET
from framewatch.media.preset.inheritance import Origin, build
from framewatch.media.preset.library import SHIPPED, PresetLibrary, is_path, preset_path
from framewatch.media.preset.preset import Preset
from framewatch.media.preset.preset_file import read_in_share
from framewatch.storage.root import Root


class NamedPreset(NamedTuple):
    """A preset and where it comes from."""

    name: str
    preset: Preset
    source: str  # a path, or the place in the daemon file
    document: Document | None = None  # what it was made from; None for the defaults

    def locate(self, finding: Finding) -> Finding:
        """Return a finding about a key of the preset with the file and line of that key, or of its mapping."""
        if self.document is None:
            where = f"{self.source}: {finding.where}".rstrip(": ")
        else:
            where = self.document.where(parse_key_path(finding.where))
        return replace(finding, where=where)


def load_preset(
    spec: str | Mapping[str, Any] | None,
    *,
    library: PresetLibrary,
    base: Path,
    where: str,
) -> NamedPreset:
    """Load the preset that a folder of the daemon file, or a command, asks for.

    Args:
        spec: a mapping is the preset itself. A string with a slash, or ending in .yaml, .yml or .json, is a path; any
            other string is a name. None means the defaults.
        library: where presets are looked for by name.
        base: the folder that a relative path starts from.
        where: what to call the place that asks in messages, such as "framewatch.yaml:12: folders[0].preset".

    Raises:
        ConfigError: there is no such preset, or it is wrong.
        StorageError: a link on the way is not to be trusted, or the share that it is in cannot be opened.
    """
    if spec is None:
        return NamedPreset("default", Preset(), where)
    if isinstance(spec, Mapping):
        return load_inline(Document(dict(spec), where), library=library, base=base)
    if is_path(spec):
        return load_file(Path(os.path.normpath(preset_path(spec, base, where))), library)
    named = next(library.named(spec), None)
    if named is None:
        raise ConfigError.of([library.not_found(spec, where)])
    return load_file(named, library)


def load_inline(document: Document, *, library: PresetLibrary, base: Path) -> NamedPreset:
    """Load the preset that is written in the daemon file itself.

    Raises:
        ConfigError: it, or one that it refers to, is wrong.
    """
    return _build("inline", document, Origin(base), library, document.where(()))


def load_file(path: Path, library: PresetLibrary = SHIPPED) -> NamedPreset:
    """Load the preset in a file, which has the name of the file.

    Raises:
        ConfigError: the file cannot be read, or the preset, or one that it refers to, is wrong.
        StorageError: as for `load_preset`.
    """
    document, folder = library.read(path)
    return _build(path.stem, document, Origin(folder, (os.path.realpath(path),)), library, str(path))


def load_folder_preset(folder: Root, library: PresetLibrary = SHIPPED) -> NamedPreset | None:
    """Load the preset in a watched folder. It may be anybody's, so it can refer to presets but not to files.

    Returns:
        The preset; None if there is none.

    Raises:
        ConfigError: it is no regular file, cannot be read, is too large, or is wrong.
        StorageError: the folder cannot be opened.
    """
    path = folder.path / FOLDER_PRESET
    document = read_in_share(folder, path)
    return None if document is None else _build(path.stem, document, Origin(None), library, str(path))


def _build(name: str, document: Document, origin: Origin, library: PresetLibrary, source: str) -> NamedPreset:
    with documents.no_other_error(source):
        preset, complete = build(document, origin, library)
    return NamedPreset(name, preset, source, complete)
