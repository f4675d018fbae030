"""Loads presets: by name, by path, inline in the daemon file, or from a watched folder.

Anybody may be able to write to a watched folder. What lies there is read only if it is a regular file of a reasonable
size, and never through a symbolic link.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from framewatch import documents
from framewatch.documents import Document, parse_key_path
from framewatch.errors import ConfigError, Finding
from framewatch.media.preset.inheritance import Origin, build
from framewatch.media.preset.library import PresetLibrary, is_path, preset_path
from framewatch.media.preset.preset import Preset
from framewatch.safe_yaml import MAX_BYTES
from framewatch.storage import beneath, files
from framewatch.storage.root import Root

FOLDER_PRESET = "framewatch-preset.yaml"
UNREADABLE = "preset.unreadable"
_PLAIN_FILE = "put a plain file there that framewatch's user can read, or name a preset in the configuration"


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
    search: Sequence[Path],
    base: Path,
    where: str,
    shares: Sequence[Root] = (),
) -> NamedPreset:
    """Load the preset that a folder of the daemon file, or a command, asks for.

    Args:
        spec: a mapping is the preset itself. A string with a slash, or ending in .yaml, .yml or .json, is a path; any
            other string is a name. None means the defaults.
        search: folders of presets, the first before the others and all before the shipped ones.
        base: the folder that a relative path starts from.
        where: what to call the place that asks in messages, such as "framewatch.yaml:12: folders[0].preset".
        shares: folders that anybody may be able to write to. A preset in them is read as one in a watched folder.

    Raises:
        ConfigError: there is no such preset, or it is wrong.
        StorageError: the share that it is in cannot be opened.
    """
    if spec is None:
        return NamedPreset("default", Preset(), where)
    if isinstance(spec, Mapping):
        return load_inline(Document(dict(spec), where), search=search, base=base)
    if is_path(spec):
        path = Path(os.path.normpath(preset_path(spec, base, where)))
        share = next((root for root in shares if path.is_relative_to(root.path)), None)
        if share is None:
            return load_file(path, search)
        found = _load_untrusted(share, path, search)
        if found is None:
            raise ConfigError("the file does not exist", code="config.not_found", where=str(path))
        return found
    library = PresetLibrary(search)
    named = next(library.named(spec), None)
    if named is None:
        raise ConfigError.of([library.not_found(spec, where)])
    return load_file(named, search)


def load_inline(document: Document, *, search: Sequence[Path], base: Path) -> NamedPreset:
    """Load the preset that is written in the daemon file itself.

    Raises:
        ConfigError: it, or one that it refers to, is wrong.
    """
    return _build("inline", document, Origin(base), search, document.where(()))


def load_file(path: Path, search: Sequence[Path] = ()) -> NamedPreset:
    """Load the preset in a file, which has the name of the file.

    Raises:
        ConfigError: the file cannot be read, or the preset, or one that it refers to, is wrong.
    """
    origin = Origin(path.parent, (os.path.realpath(path),))
    return _build(path.stem, documents.read(path), origin, search, str(path))


def list_presets(search: Sequence[Path]) -> dict[str, Path]:
    """Return every preset's file by name, from the search folders and then from the shipped presets."""
    return PresetLibrary(search).by_name()


def load_folder_preset(folder: Root, search: Sequence[Path] = ()) -> NamedPreset | None:
    """Load the preset in a watched folder. It may be anybody's, so it can refer to presets but not to files.

    Returns:
        The preset; None if there is none.

    Raises:
        ConfigError: it is no regular file, cannot be read, is too large, or is wrong.
        StorageError: the folder cannot be opened.
    """
    return _load_untrusted(folder, folder.path / FOLDER_PRESET, search)


def _load_untrusted(folder: Root, path: Path, search: Sequence[Path]) -> NamedPreset | None:
    text = _read_untrusted(folder, path)
    if text is None:
        return None
    return _build(path.stem, documents.parse(text, source=str(path)), Origin(None), search, str(path))


def _build(name: str, document: Document, origin: Origin, search: Sequence[Path], source: str) -> NamedPreset:
    with documents.no_other_error(source):
        preset, complete = build(document, origin, PresetLibrary(search))
    return NamedPreset(name, preset, source, complete)


def _read_untrusted(folder: Root, path: Path) -> bytes | None:
    """Read a regular file below a root, up to one byte more than a document may have; None if it is missing."""
    try:
        with folder.opened() as top:
            descriptor = beneath.open_beneath(top, path.relative_to(folder.path).parts, files.READ)
    except FileNotFoundError:
        return None
    except OSError as error:
        linked = error.errno == errno.ELOOP
        reason = "it is a symbolic link" if linked else f"it cannot be read: {error.strerror}"
        raise ConfigError(reason, code=UNREADABLE, hint=_PLAIN_FILE, where=str(path)) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ConfigError("it is not a regular file", code=UNREADABLE, hint=_PLAIN_FILE, where=str(path))
    with os.fdopen(descriptor, "rb") as file:
        return file.read(MAX_BYTES + 1)
