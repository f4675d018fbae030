"""Reads the daemon file: all errors at once, and warnings about what does nothing in this version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from framewatch.documents import Document, read, validate
from framewatch.errors import ConfigError, Finding
from framewatch.settings.model import Settings, WebSettings


@dataclass(frozen=True)
class LoadedSettings:
    """What a daemon file says."""

    settings: Settings  # every path in it is absolute
    warnings: tuple[Finding, ...]
    document: Document  # for the line of a key: `document.where(("folders", 0, "input"))`

    @property
    def folder(self) -> Path:
        """The folder that the file lies in, from which relative paths count."""
        return Path(self.document.source).absolute().parent


def load_settings(path: Path) -> LoadedSettings:
    """Read and check a daemon file. Its relative paths count from the folder it lies in.

    Raises:
        ConfigError: with one finding for each thing that is wrong, each with its line and key path.
    """
    document = read(path)
    twice = tuple(_same_names(document))
    try:
        settings = validate(document, Settings)
    except ConfigError as error:
        raise ConfigError.of(error.findings + twice) from None
    if twice:
        raise ConfigError.of(twice)
    warnings = tuple(_without_effect(settings, document))
    return LoadedSettings(settings.anchored(path.absolute().parent), warnings, document)


def _same_names(document: Document) -> Iterator[Finding]:
    """Folders whose name an earlier one has; found in raw data, so that they are told with all the rest."""
    folders = document.data.get("folders") if isinstance(document.data, Mapping) else None
    seen: set[str] = set()
    for number, item in enumerate(folders if isinstance(folders, list) else []):
        name = item.get("name") if isinstance(item, Mapping) else None
        if not isinstance(name, str):
            continue
        if name in seen:
            where = document.where(("folders", number, "name"))
            message = f'another folder is named "{name}" too'
            yield Finding("config.same_name", message, "give each folder a name of its own", where)
        seen.add(name)


def _without_effect(settings: Settings, document: Document) -> Iterator[Finding]:
    """Warnings for what the contract knows, was set on purpose, and does nothing in this version."""
    if settings.web.enabled and settings.web != WebSettings():
        message, hint = "this setting has no effect in this version", "it does no harm and may stay"
        yield Finding("config.not_yet", message, hint, document.where(("web",)))
