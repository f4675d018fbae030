"""Preset inheritance: puts the presets that `extends` and `else` refer to in their place.

This works on documents, before they are validated. So each error is reported with the file and line that it is on,
and a job stores one complete preset. A preset that lies in a watched folder may be anybody's: it can refer to presets
by name, but not to files.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from pydantic.alias_generators import to_snake

from framewatch import documents
from framewatch.documents import Document
from framewatch.errors import ConfigError, Finding, StorageError, limited
from framewatch.media.preset.library import PresetLibrary, is_path, preset_path
from framewatch.media.preset.preset import Preset
from framewatch.media.preset.subtitle_file import outside_folder, resolve_beside

MAX_CHAIN = 8  # presets that extend each other
_SUBTITLE_KEY = "subtitle_burn_path"


class Origin(NamedTuple):
    """Where a document comes from."""

    folder: Path | None  # that relative paths start from; None: paths are not allowed
    chain: tuple[str, ...] = ()  # paths of the presets that led here, this one last


def build(document: Document, origin: Origin, library: PresetLibrary) -> tuple[Preset, Document]:
    """Build a preset from a document and all that it refers to.

    Returns:
        The preset, and the complete document that it was made from.

    Raises:
        ConfigError: with everything that is wrong in this document and in those it refers to.
    """
    resolver = _Resolver(library)
    complete = resolver.resolve(_unwrapped(document), origin)
    try:
        preset = documents.validate(complete, Preset)
    except ConfigError as error:
        raise ConfigError.of(limited([*resolver.findings, *error.findings])) from None
    if resolver.findings:
        raise ConfigError.of(limited(resolver.findings))
    return preset, complete


def _unwrapped(document: Document) -> Document:
    """Unpack a preset as Frame stores it: its keys are under `config`, beside an id and a name."""
    data = document.data
    wrapped = isinstance(data, Mapping) and isinstance(data.get("config"), Mapping) and {"id", "name"} & data.keys()
    return document.part(("config",)) if wrapped else document


def _merge(child: Document, parent: Document) -> Document:
    """Lay the keys of `child` over those of `parent`: mappings key by key, but `else` as a whole."""
    data = _merge_mappings(child.data, parent.data, atomic=("else",))
    inherited = {path: other for path, other in parent.replaced.items() if path[0] not in child.data}
    return replace(child, data=data, parent=replace(parent, replaced={}), replaced={**inherited, **child.replaced})


def _merge_mappings(
    child: Mapping[str, Any], parent: Mapping[str, Any], atomic: tuple[str, ...] = ()
) -> dict[str, Any]:
    # A key may be in camelCase in one preset and in snake_case in the other. The child's spelling is kept.
    own = {_canonical(key) for key in child}
    result = {key: value for key, value in parent.items() if _canonical(key) not in own}
    inherited = {_canonical(key): value for key, value in parent.items()}
    for key, value in child.items():
        parents_value = inherited.get(_canonical(key))
        if isinstance(value, Mapping) and isinstance(parents_value, Mapping) and key not in atomic:
            result[key] = _merge_mappings(value, parents_value)
        else:
            result[key] = value
    return result


def _canonical(key: Any) -> Any:
    return to_snake(key) if isinstance(key, str) else key


@dataclass
class _Resolver:
    """Follows references from preset to preset, and collects what is wrong on the way."""

    library: PresetLibrary
    findings: list[Finding] = field(default_factory=list)

    def resolve(self, document: Document, origin: Origin) -> Document:
        """Return the document merged with what it extends, and with its `else` in full."""
        if not isinstance(document.data, Mapping):
            return document
        data = dict(document.data)
        self._resolve_subtitle_path(data, document, origin)
        parent = self._referenced("extends", data.pop("extends", None), document, origin)
        alternative: Document | None = None
        if isinstance(data.get("else"), Mapping):
            alternative = self.resolve(document.part(("else",)), origin)
        elif data.get("else") is not None:
            alternative = self._referenced("else", data.pop("else"), document, origin)
        if alternative is not None:
            data["else"] = alternative.data
        own = replace(document, data=data, replaced={("else",): alternative} if alternative is not None else {})
        return _merge(own, parent) if parent is not None else own

    def _resolve_subtitle_path(self, data: dict[str, Any], document: Document, origin: Origin) -> None:
        """Look for a subtitle file beside the preset that names it, not beside one that extends that preset."""
        for key in [key for key in data if _canonical(key) == _SUBTITLE_KEY and isinstance(data[key], str)]:
            if origin.folder is not None:
                data[key] = resolve_beside(data[key], origin.folder)
            elif (finding := outside_folder(data[key], document.where((key,)))) is not None:
                self.findings.append(finding)

    def _referenced(self, key: str, spec: Any, document: Document, origin: Origin) -> Document | None:
        """Return the complete preset that a key refers to; None, and a finding, if there is none."""
        if spec is None:
            return None
        where = document.where((key,))
        if not isinstance(spec, str) or not spec.strip():
            self._report("config.bad_value", "a preset's name or path is expected here", "", where)
            return None
        try:
            path = self._path(spec, origin, where)
            if path is None:
                return None
            found, folder = self.library.read(path)
        except (ConfigError, StorageError) as error:
            self.findings += (replace(finding, where=f"{where}: {finding.where}") for finding in error.findings)
            return None
        inner = self.resolve(found, Origin(folder, (*origin.chain, os.path.realpath(path))))
        if not isinstance(inner.data, Mapping):
            self._report("config.bad_value", f"{path} is not a mapping of keys to values", "", where)
            return None
        return inner

    def _path(self, spec: str, origin: Origin, where: str) -> Path | None:
        """Return the file of the preset that `spec` refers to, if it may be used here."""
        itself = origin.chain[-1] if origin.chain else ""
        if not is_path(spec):
            # A preset may extend the one of the same name that it hides.
            path = next((each for each in self.library.named(spec) if os.path.realpath(each) != itself), None)
        elif origin.folder is None:
            hint = "name one of the presets that are installed"
            self._report("preset.path_not_allowed", "a preset in a watched folder cannot name a file", hint, where)
            return None
        else:
            path = preset_path(spec, origin.folder, where)
        if path is None and itself and Path(itself).stem == spec:
            self._report("preset.cycle", "this preset extends itself", "name another preset", where)
            return None
        if path is None:
            self.findings.append(self.library.not_found(spec, where))
            return None
        return path if self._may_follow(path, origin, where) else None

    def _may_follow(self, path: Path, origin: Origin, where: str) -> bool:
        if os.path.realpath(path) in origin.chain:
            chain = " -> ".join(Path(each).stem for each in (*origin.chain, os.path.realpath(path)))
            self._report("preset.cycle", f"these presets refer to each other: {chain}", "remove one reference", where)
            return False
        if len(origin.chain) > MAX_CHAIN:
            message = f"more than {MAX_CHAIN} presets extend each other"
            self._report("preset.chain_too_long", message, "merge some of them", where)
            return False
        return True

    def _report(self, code: str, message: str, hint: str, where: str) -> None:
        self.findings.append(Finding(code, message, hint, where))
