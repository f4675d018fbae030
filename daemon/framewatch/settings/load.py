"""Reads the daemon file, with all errors at once and warnings about settings that are risky or without effect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from framewatch.documents import Document, read, validate, without_mistakes
from framewatch.errors import ConfigError, Finding
from framewatch.settings.environment import unknown_variables, with_environment
from framewatch.settings.model import Settings, WebSettings


@dataclass(frozen=True)
class LoadedSettings:
    """A daemon file that was read and validated."""

    settings: Settings  # every path in it is absolute
    warnings: tuple[Finding, ...]
    document: Document  # for the line of a key: `document.where(("folders", 0, "input"))`

    @property
    def folder(self) -> Path:
        """The folder that the file lies in. Relative paths start from it."""
        return Path(self.document.source).absolute().parent


def load_settings(path: Path) -> LoadedSettings:
    """Read and validate a daemon file, with the environment variables that replace keys of it.

    Relative paths start from its folder.

    Raises:
        ConfigError: with a finding for each error, with its line and key path.
    """
    return load_document(with_environment(read(path), Settings), path)


def load_document(document: Document, path: Path) -> LoadedSettings:
    """Validate a parsed daemon file; relative paths in it start from the folder of `path`.

    Raises:
        ConfigError: with a finding for each error, with its line and key path.
    """
    duplicates = tuple(_duplicate_names(document))
    try:
        settings = validate(document, Settings)
    except ConfigError as error:
        raise ConfigError.of(error.findings + duplicates) from None
    if duplicates:
        raise ConfigError.of(duplicates)
    warnings = (*_without_effect(settings, document), *_risky(settings, document), *unknown_variables(Settings))
    return LoadedSettings(settings.with_absolute_paths(path.absolute().parent), warnings, document)


def load_despite_mistakes(path: Path) -> tuple[LoadedSettings, tuple[str, ...]] | None:
    """Read a daemon file that has mistakes as if they were not there, so that the rest of it can be checked as well.

    Returns:
        The settings, and the places in the file, as findings have them, that nothing can be said about; None if too
        much is wrong.

    Raises:
        ConfigError: the file cannot be read.
    """
    document = with_environment(read(path), Settings)
    entries = document.data.get("folders") if isinstance(document.data, Mapping) else None
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        return None
    has_input = [isinstance(entry.get("input"), str) for entry in entries]
    unknown = tuple(document.where(("folders", number)) for number, has in enumerate(has_input) if not has)
    filled = [  # names are made up, since they may be missing, wrong or used twice
        dict(entry) | {"name": f"folder-{number}"} | ({} if has else {"input": f"/missing-{number}"})
        for number, (entry, has) in enumerate(zip(entries, has_input, strict=True))
    ]
    found = without_mistakes(replace(document, data={**document.data, "folders": filled}), Settings)
    if found is None:
        return None
    settings, left_out = found
    loaded = LoadedSettings(settings.with_absolute_paths(path.absolute().parent), (), document)
    return loaded, (*unknown, *left_out)


def _duplicate_names(document: Document) -> Iterator[Finding]:
    """Find duplicate folder names, in the raw data, so that they are reported together with all other errors."""
    folders = document.data.get("folders") if isinstance(document.data, Mapping) else None
    seen: set[str] = set()
    for number, item in enumerate(folders if isinstance(folders, list) else []):
        name = item.get("name") if isinstance(item, Mapping) else None
        if not isinstance(name, str):
            continue
        if name in seen:
            where = document.where(("folders", number, "name"))
            message = f'another folder is already named "{name}"'
            yield Finding("config.same_name", message, "give each folder its own name", where)
        seen.add(name)


def _without_effect(settings: Settings, document: Document) -> Iterator[Finding]:
    """Warn about settings that were changed but have no effect in this version."""
    if settings.web.enabled and settings.web != WebSettings():
        message, hint = "this setting has no effect in this version", "it does no harm and can stay"
        yield Finding("config.not_yet", message, hint, document.where(("web",)))


def _risky(settings: Settings, document: Document) -> Iterator[Finding]:
    """Warn about settings that may have a consequence which nobody wants."""
    for number, folder in enumerate(settings.folders):
        if folder.replace and folder.progress_files == "while_running":
            message = "if the job database is lost, outputs look like new sources and are processed once more"
            hint = "`progress_files: folder` keeps what tells them apart, out of sight"
            yield Finding(
                "config.unmarked_outputs", message, hint, document.where(("folders", number, "progress_files"))
            )
