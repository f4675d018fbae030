"""Check a configuration before the first file arrives, and report all errors at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from framewatch.errors import ConfigError, Finding, FramewatchError, StorageError, limited, unexpected
from framewatch.intake.admission import folder_preset, preset_library
from framewatch.intake.folder_checks import check_folder, check_own_folders
from framewatch.intake.folder_overlap import LocatedFolder, locate, split_overlaps
from framewatch.jobs.attempt.request import Tools
from framewatch.media.ffmpeg.trial import able_ffmpeg
from framewatch.media.preset.loader import NamedPreset, load_inline, load_preset
from framewatch.media.rules.preset_rules import check_preset, check_tools
from framewatch.settings import LoadedSettings, Settings
from framewatch.storage.os_errors import NO_ANSWER, no_answer
from framewatch.storage.root import UNGUARDED, Guard, Root
from framewatch.threads import answers

ANSWER_SECONDS = 5.0  # for a check of all folders; a dead share never answers
# What is wrong where a share is away, or was not mounted yet.
MISSING = (*("folders.no_input", "folders.no_parent", "config.not_found"), "storage.unavailable", NO_ANSWER)


class Ready(NamedTuple):
    """The result of checking a valid configuration."""

    tools: Tools
    presets: dict[str, NamedPreset | None]
    """By folder name. None: a file in the folder, read for each file; or one that is missing or wrong."""

    located: dict[int, LocatedFolder]  # by position: the folders whose shares have answered


class _Checked(NamedTuple):
    """What is wrong with a watch folder."""

    located: LocatedFolder | None  # None: its share does not answer
    folders: tuple[Finding, ...] = ()
    preset: tuple[Finding, ...] = ()
    loaded: NamedPreset | None = None


def preflight(
    loaded: LoadedSettings, *, strict: bool = False, known: Collection[Path] = (), running: bool = False
) -> Ready:
    """Check folders, presets and tools. Creates nothing.

    What is wrong with a single watch folder does not keep the others from running, and nobody who can write to one
    share can keep the daemon from starting. But a preset that is written in the configuration is a part of it. And
    where no folder can run, and not because a disk that was there before is missing, the configuration is taken to be
    wrong. A daemon that runs waits for whatever is missing.

    Args:
        loaded: the configuration.
        strict: treat every finding as an error.
        known: folders that were in use before. If one is missing, its disk is waited for.
        running: the configuration of a daemon that runs: nobody waits for it to start.

    Raises:
        ConfigError: all findings.
    """
    settings, where = loaded.settings, loaded.document.where
    findings = list(check_own_folders(settings, where))
    tools: Tools | None = None
    try:
        tools = find_tools(settings)
    except ConfigError as error:
        place = where(("ffmpeg",))
        named = settings.ffmpeg is not None
        findings += (finding.inside(place) if named else finding.at(place) for finding in error.findings)
    checked = _examine(loaded, tools, known)
    located = {number: each.located for number, each in checked.items() if each.located is not None}
    plain, linked = split_overlaps(located.values(), settings, where)
    findings += plain
    troubles: list[Finding] = []
    refused = 0
    for number, folder in enumerate(settings.folders):
        of_folders, preset = (*checked[number].folders, *linked.get(number, ())), checked[number].preset
        if isinstance(folder.preset, dict):  # it is a part of the configuration itself, but not what it extends
            findings += (finding for finding in preset if finding.code not in MISSING)
            preset = tuple(finding for finding in preset if finding.code in MISSING)
        troubles += (*of_folders, *preset)
        is_known = folder.input in known
        named_wrong = folder.preset is not None and _is_refused(preset, waits=running or is_known)
        refused += named_wrong or (not is_known and _is_refused(of_folders, waits=running))
    if strict or refused == len(settings.folders):
        findings += troubles
    if findings or tools is None:
        raise ConfigError.of(findings)
    return Ready(
        tools,
        {folder.name: checked[number].loaded for number, folder in enumerate(settings.folders)},
        located,
    )


def _is_refused(findings: Collection[Finding], *, waits: bool) -> bool:
    """Return whether a folder cannot be used because of something wrong; what is missing counts if nobody waits."""
    return any(finding.code not in (MISSING if waits else (NO_ANSWER,)) for finding in findings)


def find_tools(settings: Settings) -> Tools:
    """Find ffmpeg, and return what jobs run with.

    Raises:
        ConfigError: there is no ffmpeg, or it does not run, or it is too old.
    """
    return Tools.of(able_ffmpeg(settings.ffmpeg)).evolve(
        named_ffmpeg=settings.ffmpeg,
        engine=settings.engine,
        precision=settings.precision,
        jobs=settings.gpu.jobs,
        lanes=settings.lanes,
        gpus=settings.gpu.devices,
        segment_seconds=settings.segment_seconds,
        stall_seconds=settings.stall_seconds,
        limits=settings.limits,
    )


def load_named(loaded: LoadedSettings, number: int, tools: Tools | None, guard: Guard = UNGUARDED) -> NamedPreset:
    """Load the preset that the configuration names for a folder, or has in itself.

    Raises:
        ConfigError: it is missing or wrong, or these tools cannot do what it asks for.
    """
    named = _preset(loaded, number, guard)
    if findings := limited(preset_findings(named, tools)):
        raise ConfigError.of(findings)
    return named


def _examine(loaded: LoadedSettings, tools: Tools | None, known: Collection[Path]) -> dict[int, _Checked]:
    """Return what is wrong with each folder, by its position; a share that does not answer delays no other."""
    numbers = range(len(loaded.settings.folders))
    checked = answers({number: partial(_check, loaded, number, tools, known) for number in numbers}, ANSWER_SECONDS)
    silent = {number: _Checked(None, (no_answer(loaded.settings.folders[number].input),)) for number in numbers}
    return silent | checked


def _check(loaded: LoadedSettings, number: int, tools: Tools | None, known: Collection[Path]) -> _Checked:
    """Check one watch folder; raises nothing."""
    folder, where = loaded.settings.folders[number], loaded.document.where
    located: LocatedFolder | None = None
    folders: tuple[Finding, ...] = ()
    try:
        located = locate(number, folder)
        folders = check_folder(folder, lambda key: where(("folders", number, *key)), known)
        preset = load_named(loaded, number, tools)
    except StorageError as error:  # the folder cannot be opened: mostly its check has said so
        return _Checked(located, folders or error.findings)
    except FramewatchError as error:
        return _Checked(located, folders, error.findings)
    except Exception as error:  # noqa: BLE001 - whatever lies in this folder, the others must run
        return _Checked(located, (unexpected(error),))
    return _Checked(located, folders, (), None if folder.preset is None else preset)


def _preset(loaded: LoadedSettings, number: int, guard: Guard) -> NamedPreset:
    """Load a folder's preset; an inline preset is checked in the configuration, so that errors name its lines."""
    key, folder = ("folders", number, "preset"), loaded.settings.folders[number]
    document, library = loaded.document, preset_library(loaded.settings, guard)
    if folder.preset is None:
        return folder_preset(Root(folder.input, guard), library)
    if isinstance(folder.preset, dict):
        return load_inline(document.part(key), library=library, base=loaded.folder)
    return load_preset(folder.preset, library=library, base=loaded.folder, where=document.where(key))


def preset_findings(named: NamedPreset, tools: Tools | None) -> Iterator[Finding]:
    """Yield what is wrong with a preset, by itself and with these tools; each with file and line."""
    findings = list(check_preset(named.preset))
    if tools is not None:
        missing = (check_tools(each, tools.encoders, tools.hwaccels) for each in named.preset.variants)
        findings += (finding for found in missing for finding in found)
    yield from map(named.locate, findings)
