"""Finding presets: by name, by path, inline, or lying in a watched folder.

A watched folder may be open to strangers. What lies there is read only if it is a regular file of reasonable
size, and never through a symlink.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from framewatch import documents
from framewatch.documents import Document, key_path
from framewatch.errors import ConfigError, Finding
from framewatch.media.preset.inheritance import ENDINGS, Place, build, is_path, unknown
from framewatch.media.preset.preset import Preset
from framewatch.resources import shipped

FOLDER_PRESET = "framewatch-preset.yaml"


class NamedPreset(NamedTuple):
    """A preset and where it comes from."""

    name: str
    preset: Preset
    source: str  # a path, or the place in the daemon file
    document: Document | None = None  # what it was made of, for the lines of its keys

    def placed(self, finding: Finding) -> Finding:
        """A finding about one of the preset's keys, with the file and line where that key, or its mapping, stands."""
        if self.document is None:
            where = f"{self.source}: {finding.where}".rstrip(": ")
        else:
            where = self.document.where(key_path(finding.where))
        return Finding(finding.code, finding.message, finding.hint, where)


def load_preset(
    spec: str | Mapping[str, Any] | None, *, search: Sequence[Path], base: Path, where: str
) -> NamedPreset:
    """The preset that a folder of the daemon file, or a command, asks for.

    Args:
        spec: a mapping is the preset itself. Text that holds a slash or ends in .yaml, .yml or .json is a
        file; other
            text is a name. None is the preset of defaults.
        search: folders of presets, the first before the others and all before the shipped ones.
        base: the folder that a relative path starts from.
        where: what to call the asking place in messages, such as "framewatch.yaml:12: folders[0].preset".

    Raises:
        ConfigError: there is no such preset, or it does not say something that can be done.
    """
    if spec is None:
        return NamedPreset("default", Preset(), where)
    if isinstance(spec, Mapping):
        return load_inline(Document(dict(spec), where), search=search, base=base)
    if is_path(spec):
        return load_file(base / Path(spec).expanduser(), search)
    found = list_presets(search)
    if spec not in found:
        raise ConfigError.of([unknown(spec, sorted(found), where)])
    return load_file(found[spec], search)


def load_inline(document: Document, *, search: Sequence[Path], base: Path) -> NamedPreset:
    """The preset that stands in the daemon file itself.

    Raises:
        ConfigError: it, or one that it is built upon, is wrong.
    """
    return _built("inline", document, Place(base), search, document.where(()))


def load_file(path: Path, search: Sequence[Path] = ()) -> NamedPreset:
    """The preset in a file, named like the file.

    Raises:
        ConfigError: the file cannot be read, or it or one that it is built upon is wrong.
    """
    place = Place(path.parent, (str(path.resolve()),))
    return _built(path.stem, documents.read(path), place, search, str(path))


def list_presets(search: Sequence[Path]) -> dict[str, Path]:
    """Every preset by its name: those of the search folders, then the shipped ones that they do not hide."""
    found: dict[str, Path] = {}
    for path in _all_files(search):
        found.setdefault(path.stem, path)
    return found


def find_folder_preset(input_dir: Path) -> Path | None:
    """The preset that lies in a watched folder, if there is one."""
    path = input_dir / FOLDER_PRESET
    return path if path.is_symlink() or path.exists() else None


def load_folder_preset(path: Path, search: Sequence[Path] = ()) -> NamedPreset:
    """A preset that `find_folder_preset` found; it may be a stranger's, and so names presets but no paths.

    Raises:
        ConfigError: it is no regular file, cannot be read, is too large, or is wrong.
    """
    document = documents.parse(_read_untrusted(path), source=str(path))
    return _built(path.stem, document, Place(None), search, str(path))


def _built(name: str, document: Document, place: Place, search: Sequence[Path], source: str) -> NamedPreset:
    def candidates(name: str) -> Iterator[Path]:
        return (path for path in _all_files(search) if path.stem == name)

    preset, whole = build(document, place, candidates, lambda: sorted(list_presets(search)))
    return NamedPreset(name, preset, source, whole)


def _all_files(search: Sequence[Path]) -> Iterator[Path]:
    for folder in (*search, shipped("config/presets")):
        yield from _preset_files(folder)


def _preset_files(folder: Path) -> Iterator[Path]:
    try:
        names = sorted(folder.iterdir())
    except OSError:  # a folder of presets is optional
        return
    yield from (path for path in names if path.suffix in ENDINGS and path.is_file())


def _read_untrusted(path: Path) -> bytes:
    """The bytes of a regular file, at most one more than a document may have."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        reason = "it is a symlink" if path.is_symlink() else f"it cannot be read: {error.strerror}"
        raise ConfigError(reason, code="preset.unreadable", where=str(path)) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ConfigError("it is not a regular file", code="preset.unreadable", where=str(path))
    with os.fdopen(descriptor, "rb") as file:
        return file.read(documents.MAX_BYTES + 1)
