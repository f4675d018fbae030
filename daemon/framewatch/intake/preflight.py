"""Check a configuration before the first file arrives, and report all errors at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from framewatch.errors import ConfigError, Finding
from framewatch.intake.admission import folder_preset
from framewatch.intake.folder_checks import check_folders
from framewatch.jobs.attempt.request import Tools
from framewatch.media.ffmpeg.discovery import encoders, find_ffmpeg, hwaccels
from framewatch.media.preset.loader import NamedPreset, load_inline, load_preset
from framewatch.media.rules.preset_rules import check_preset, check_tools
from framewatch.settings import FolderSettings, LoadedSettings


class Ready(NamedTuple):
    """The result of checking a valid configuration."""

    tools: Tools
    presets: dict[str, NamedPreset | None]  # by folder name; None: a file in the folder, read for each file
    warnings: tuple[Finding, ...]  # about presets in watched folders


def preflight(loaded: LoadedSettings, *, strict: bool = False, known: Collection[Path] = ()) -> Ready:
    """Check folders, presets and tools. Creates nothing.

    Args:
        loaded: the configuration.
        strict: treat findings in presets that are in watched folders as errors. Otherwise they are warnings, so that
            nobody who can write to one share can keep the daemon from starting.
        known: folders that were in use before. If one is missing, its disk is waited for.

    Raises:
        ConfigError: all findings.
    """
    settings = loaded.settings
    findings = list(check_folders(settings, loaded.document.where, known))
    tools: Tools | None = None
    try:
        ffmpeg = find_ffmpeg(settings.ffmpeg)
        tools = Tools(
            ffmpeg=ffmpeg,
            encoders=encoders(ffmpeg),
            hwaccels=hwaccels(ffmpeg),
            engine=settings.engine,
            precision=settings.precision,
            jobs=settings.gpu.jobs,
            lanes=settings.lanes,
            gpus=settings.gpu.devices,
            segment_seconds=settings.segment_seconds,
            stall_seconds=settings.stall_seconds,
            limits=settings.limits,
        )
    except ConfigError as error:
        findings += (finding.at(loaded.document.where(("ffmpeg",))) for finding in error.findings)
    presets: dict[str, NamedPreset | None] = {}
    warnings: list[Finding] = []
    for number, folder in enumerate(settings.folders):
        own = folder.preset is None
        bad = warnings if own and not strict else findings
        presets[folder.name] = None
        try:
            named = _preset(loaded, number, folder)
        except ConfigError as error:
            bad += error.findings
            continue
        presets[folder.name] = None if own else named
        bad += _preset_findings(named, tools)
    if findings or tools is None:
        raise ConfigError.of(findings)
    return Ready(tools, presets, tuple(warnings))


def _preset(loaded: LoadedSettings, number: int, folder: FolderSettings) -> NamedPreset:
    """Load a folder's preset; an inline preset is checked in the configuration, so that errors name its lines."""
    key = ("folders", number, "preset")
    document, search = loaded.document, [loaded.settings.presets_dir]
    if folder.preset is None:
        return folder_preset(folder, search)
    if isinstance(folder.preset, dict):
        return load_inline(document.part(key), search=search, base=loaded.folder)
    return load_preset(folder.preset, search=search, base=loaded.folder, where=document.where(key))


def _preset_findings(named: NamedPreset, tools: Tools | None) -> Iterator[Finding]:
    findings = list(check_preset(named.preset))
    if tools is not None:
        missing = (check_tools(each, tools.encoders, tools.hwaccels) for each in named.preset.variants)
        findings += (finding for found in missing for finding in found)
    yield from map(named.locate, findings)
