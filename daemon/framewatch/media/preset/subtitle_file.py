"""The subtitle file that a preset burns in: where it is, and whether it is text that can be drawn."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from framewatch.documents import shown
from framewatch.errors import Finding
from framewatch.media.preset.preset import Preset

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


def find_subtitle_file(preset: Preset, source: Path) -> tuple[Path | None, list[Finding]]:
    """Return the subtitle file that a preset burns in, or what is wrong with it; relative to the video's folder."""
    if preset.subtitle_burn_path is None:
        return None, []
    path = source.parent / preset.subtitle_burn_path
    # What lies beside the video may be anybody's, so a symbolic link there is not followed.
    finding = _problem(path, follow=Path(preset.subtitle_burn_path).is_absolute())
    return (None, [finding]) if finding else (path, [])


def subtitle_demuxer(path: Path) -> str | None:
    """Ffmpeg's name of the subtitle format that a file's suffix stands for."""
    return SUBTITLE_DEMUXERS.get(path.suffix.lower())


def _problem(path: Path, *, follow: bool) -> Finding | None:
    if subtitle_demuxer(path) is None:
        hint = f"use {', '.join(SUBTITLE_DEMUXERS)}"
        return Finding("subtitle.burn_kind", f"{path.name} is not a subtitle file", hint, _KEY)
    try:
        found = path.stat(follow_symlinks=follow)
        readable = stat.S_ISREG(found.st_mode) and 0 < found.st_size <= _MAX_BYTES
        text = path.read_bytes() if readable else b""
    except OSError as error:
        hint = "a relative path starts beside the preset, then beside the video; or use an absolute path"
        return Finding("subtitle.burn_missing", f"{path} cannot be read: {error.strerror}", hint, _KEY)
    if not text:
        message = f"{path} is empty, too large or not a regular file"
        return Finding("subtitle.burn_kind", message, "name a subtitle file", _KEY)
    if not text.startswith((b"\xff\xfe", b"\xfe\xff")) and not _is_utf8(text):
        return Finding("subtitle.burn_encoding", f"{path.name} is not Unicode text", "save it as UTF-8", _KEY)
    return None


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
