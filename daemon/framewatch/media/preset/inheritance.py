"""What a preset is built upon: `extends` and `else` name other presets, which are found and put in their places.

The work is done on documents, before they are checked, so that each mistake is told with the file and the line
that it stands on. A preset that lies in a watched folder may be a stranger's: it names presets, never files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from pydantic.alias_generators import to_snake

from framewatch import documents
from framewatch.documents import Document
from framewatch.errors import ConfigError, Finding
from framewatch.media.preset.preset import Preset
from framewatch.media.preset.subtitle_file import anchored, outside

ENDINGS = (".yaml", ".yml", ".json")
_BURNED = "subtitle_burn_path"
MAX_CHAIN = 8  # presets that one is built upon, by way of each other

Candidates = Callable[[str], Iterator[Path]]
"""Files of presets with a name, the one to be taken first."""


class Place(NamedTuple):
    """Where a document stands."""

    base: Path | None  # folder that relative paths start from; None: paths are not allowed
    trail: tuple[str, ...] = ()  # the presets that led here, this one last, as paths


def is_path(spec: str) -> bool:
    """Whether a preset is named by its file, not by its name."""
    return "/" in spec or spec.endswith(ENDINGS)


def build(
    document: Document, place: Place, candidates: Candidates, names: Callable[[], list[str]]
) -> tuple[Preset, Document]:
    """The preset that a document and all it names come to, and the document that they make together.

    Args:
        document: as it was read.
        place: where it stands.
        candidates: finds presets by name.
        names: all names there are, for the hint.

    Raises:
        ConfigError: with everything that is wrong, in this document and in those it names.
    """
    layers = _Layers(candidates, names)
    whole = layers.whole(_unwrapped(document), place)
    try:
        preset = documents.validate(whole, Preset)
    except ConfigError as error:
        raise ConfigError.of([*layers.findings, *error.findings]) from None
    if layers.findings:
        raise ConfigError.of(layers.findings)
    return preset, whole


def _unwrapped(document: Document) -> Document:
    """Frame stores a preset of a user's as its settings under `config`, with an id and a name around them."""
    data = document.data
    wrapped = isinstance(data, Mapping) and isinstance(data.get("config"), Mapping) and {"id", "name"} & data.keys()
    return document.part(("config",)) if wrapped else document


def merged(child: Document, parent: Document) -> Document:
    """The keys of both, the child's before the parent's; mappings key by key, but `else` as a whole."""
    data = _merged(child.data, parent.data, whole=("else",))
    grafts = {path: graft for path, graft in parent.grafts.items() if path[0] not in child.data}
    return replace(child, data=data, below=replace(parent, grafts={}), grafts={**grafts, **child.grafts})


def _merged(child: Mapping[str, Any], parent: Mapping[str, Any], whole: tuple[str, ...] = ()) -> dict[str, Any]:
    spelled = {_canonical(key): key for key in child}
    result = {key: value for key, value in parent.items() if _canonical(key) not in spelled}
    inherited = {_canonical(key): value for key, value in parent.items()}
    for key, value in child.items():
        under = inherited.get(_canonical(key))
        both = isinstance(value, Mapping) and isinstance(under, Mapping) and key not in whole
        result[key] = _merged(value, under or {}) if both else value
    return result


def _canonical(key: Any) -> Any:
    return to_snake(key) if isinstance(key, str) else key


@dataclass
class _Layers:
    """Goes from preset to preset and notes what is wrong on the way."""

    candidates: Candidates
    names: Callable[[], list[str]]
    findings: list[Finding] = field(default_factory=list)

    def whole(self, document: Document, place: Place) -> Document:
        """The document with what it extends below it, and what `else` names in its place."""
        if not isinstance(document.data, Mapping):
            return document
        data = dict(document.data)
        self._burned(data, document, place)
        parent = self._named("extends", data.pop("extends", None), document, place)
        other: Document | None = None
        if isinstance(data.get("else"), Mapping):
            inner = document.part(("else",))
            other = self.whole(inner, place)
        elif data.get("else") is not None:
            other = self._named("else", data.pop("else"), document, place)
        if other is not None:
            data["else"] = other.data
        own = replace(document, data=data, grafts={("else",): other} if other is not None else {})
        return merged(own, parent) if parent is not None else own

    def _burned(self, data: dict[str, Any], document: Document, place: Place) -> None:
        """A subtitle file is looked for beside the preset that names it, not beside one that extends that."""
        for key in [key for key in data if _canonical(key) == _BURNED and isinstance(data[key], str)]:
            if place.base is not None:
                data[key] = anchored(data[key], place.base)
            elif (wrong := outside(data[key], document.where((key,)))) is not None:
                self.findings.append(wrong)

    def _named(self, key: str, spec: Any, document: Document, place: Place) -> Document | None:
        """The preset that a key names, whole; None, and a finding, where there is none."""
        if spec is None:
            return None
        where = document.where((key,))
        if not isinstance(spec, str) or not spec.strip():
            self._say("config.bad_value", "a preset's name or path is expected here", "", where)
            return None
        try:
            path = self._path(spec, place, where)
            if path is None:
                return None
            found = documents.read(path)
        except ConfigError as error:
            self.findings += (replace(finding, where=f"{where}: {finding.where}") for finding in error.findings)
            return None
        inner = self.whole(found, Place(path.parent, (*place.trail, str(path.resolve()))))
        if not isinstance(inner.data, Mapping):
            self._say("config.bad_value", f"{path} is not a mapping of keys to values", "", where)
            return None
        return inner

    def _path(self, spec: str, place: Place, where: str) -> Path | None:
        """The file of a preset, if it may be used here."""
        if not is_path(spec):
            own = place.trail[-1] if place.trail else ""
            # A preset may extend the one of its own name that it hides.
            path = next((each for each in self.candidates(spec) if str(each.resolve()) != own), None)
        elif place.base is None:
            hint = "name one of the presets that are installed"
            self._say("preset.path_not_allowed", "a preset in a watched folder cannot name a file", hint, where)
            return None
        else:
            path = place.base / Path(spec).expanduser()
        if path is None:
            self.findings.append(unknown(spec, self.names(), where))
            return None
        return self._in_chain(path, place, where)

    def _in_chain(self, path: Path, place: Place, where: str) -> Path | None:
        if str(path.resolve()) in place.trail:
            chain = " -> ".join(Path(each).stem for each in (*place.trail, str(path.resolve())))
            self._say("preset.cycle", f"these presets name each other: {chain}", "take one of the names out", where)
            return None
        if len(place.trail) > MAX_CHAIN:
            message = f"more than {MAX_CHAIN} presets are built upon each other"
            self._say("preset.chain_too_long", message, "put some of them together", where)
            return None
        return path

    def _say(self, code: str, message: str, hint: str, where: str) -> None:
        self.findings.append(Finding(code, message, hint, where))


def unknown(name: str, known: list[str], where: str) -> Finding:
    """What is said where there is no preset of a name."""
    near = documents.suggestion(name, known)
    hint = f"{near} known: {', '.join(known)}".strip()
    return Finding("preset.not_found", f'there is no preset "{name}"', hint, where)
