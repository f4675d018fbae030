"""The subtitle file that a preset burns in: where it is, and whether it is text that can be drawn."""

from __future__ import annotations

import os
from pathlib import Path

from framewatch.documents import shown
from framewatch.domain import InputFile
from framewatch.errors import Finding, MediaError, StorageError
from framewatch.media.preset.preset import Preset
from framewatch.storage import files
from framewatch.storage.links import resolve
from framewatch.storage.os_errors import SYMLINK, storage_faults

SUBTITLE_DEMUXERS = {".srt": "srt", ".ass": "ass", ".ssa": "ass", ".vtt": "webvtt"}

_MAX_BYTES = 16 << 20  # ten times the longest scripts, in which every sign is typeset
_KEY = "subtitle_burn_path"


def resolve_beside(path: str, folder: Path) -> str:
    """Make the path absolute if the file lies in `folder`, the preset's; else leave it relative to the video."""
    beside = folder.absolute() / path
    # Path.is_file raises for a name that is too long, and for a folder that cannot be searched.
    return str(beside) if os.path.isfile(beside) else path  # noqa: PTH113


def outside_folder(path: str, where: str) -> Finding | None:
    """Return a finding if a preset in a watched folder, which may be anybody's, names a file elsewhere."""
    if not Path(path).is_absolute() and ".." not in Path(path).parts:
        return None
    hint = "in a watched folder, name a file next to the videos or in a subfolder"
    return Finding("preset.outside_path", f"{shown(path)} is outside the folder", hint, where)


def find_subtitle_file(preset: Preset, source: InputFile) -> tuple[InputFile | None, list[Finding]]:
    """Return the subtitle file that a preset burns in, in the version that is there now, or what is wrong with it.

    A relative path starts in the video's folder. What lies there may be anybody's, so no link is followed. The
    administrator may name a file by an absolute path, and use links for that.
    """
    if preset.subtitle_burn_path is None:
        return None, []
    path = Path(preset.subtitle_burn_path)
    if subtitle_demuxer(path) is None:
        hint = f"use {', '.join(SUBTITLE_DEMUXERS)}"
        return None, [Finding("subtitle.burn_kind", f"{path.name} is not a subtitle file", hint, _KEY)]
    try:
        return _checked(_file(path, source))
    except MediaError as error:
        message = f"{error.finding.message}: {shown(str(path))}"
        return None, [Finding("subtitle.burn_kind", message, "name a subtitle file", _KEY)]
    except StorageError as error:
        hint = "a relative path starts beside the preset, then beside the video; or use an absolute path"
        if error.finding.code == SYMLINK:
            hint = error.finding.hint
        message = f"{shown(str(path))} cannot be read: {error.finding.message}"
        return None, [Finding("subtitle.burn_missing", message, hint, _KEY)]


def subtitle_demuxer(path: Path) -> str | None:
    """Ffmpeg's name of the subtitle format that a file's suffix stands for."""
    return SUBTITLE_DEMUXERS.get(path.suffix.lower())


def _file(path: Path, source: InputFile) -> InputFile:
    """Return the file that the preset names; `..` is taken by its letters, since no link is followed below it."""
    path = resolve(path) if path.is_absolute() else Path(os.path.normpath(source.path.parent / path))
    root = source.root if path.is_relative_to(source.root) else path.parent
    return InputFile(root=root, relative=path.relative_to(root))


def _checked(file: InputFile) -> tuple[InputFile | None, list[Finding]]:
    descriptor = files.open_input(file)
    with os.fdopen(descriptor, "rb") as opened, storage_faults(file.path):
        identity = files.identity_of(os.fstat(descriptor))
        text = opened.read(_MAX_BYTES + 1)
    if not 0 < len(text) <= _MAX_BYTES:
        message = f"{shown(str(file.path))} is empty or too large"
        return None, [Finding("subtitle.burn_kind", message, "name a subtitle file", _KEY)]
    if not text.startswith((b"\xff\xfe", b"\xfe\xff")) and not _is_utf8(text):
        return None, [Finding("subtitle.burn_encoding", f"{file.name} is not Unicode text", "save it as UTF-8", _KEY)]
    return file.evolve(identity=identity), []


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
