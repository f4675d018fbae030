"""The subtitle file that a preset burns in: where it lies, and whether it is text that can be drawn."""

from __future__ import annotations

import stat
from pathlib import Path

from framewatch.errors import Finding
from framewatch.media.preset.preset import Preset

DEMUXERS = {".srt": "srt", ".ass": "ass", ".ssa": "ass", ".vtt": "webvtt"}


_MAX_BYTES = 16 << 20  # the longest scripts with every sign typeset have a tenth of it


def anchored(path: str, folder: Path) -> str:
    """A preset's subtitle file, named in full where it lies in `folder`, beside the preset."""
    beside = folder.absolute() / path
    return str(beside) if beside.is_file() else path


def outside(path: str, where: str) -> Finding | None:
    """What a preset that may be a stranger's must not name: a subtitle file outside the folder of the video."""
    if not Path(path).is_absolute() and ".." not in Path(path).parts:
        return None
    hint = "in a watched folder, name a file that lies beside the videos or below them"
    return Finding("preset.outside_path", f"{path} lies elsewhere", hint, where)


def locate(preset: Preset, source: Path) -> tuple[Path | None, list[Finding]]:
    """The subtitle file that a preset burns in, and what is wrong with it. Relative paths start beside the video."""
    if preset.subtitle_burn_path is None:
        return None, []
    path = source.parent / preset.subtitle_burn_path
    # What lies beside the video may be a stranger's: a link there leads nowhere.
    wrong = _problem(path, follow=Path(preset.subtitle_burn_path).is_absolute())
    return (None, [wrong]) if wrong else (path, [])


def demuxer(path: Path) -> str | None:
    """Ffmpeg's name of the subtitle format that a file's ending stands for."""
    return DEMUXERS.get(path.suffix.lower())


def _problem(path: Path, *, follow: bool) -> Finding | None:
    key = "subtitle_burn_path"
    if demuxer(path) is None:
        return Finding("subtitle.burn_kind", f"{path.name} is no subtitle file", f"use {', '.join(DEMUXERS)}", key)
    try:
        found = path.stat(follow_symlinks=follow)
        readable = stat.S_ISREG(found.st_mode) and 0 < found.st_size <= _MAX_BYTES
        text = path.read_bytes() if readable else b""
    except OSError as error:
        hint = "paths start beside the preset, then beside the video; or name it in full"
        return Finding("subtitle.burn_missing", f"{path} cannot be read: {error.strerror}", hint, key)
    if not text:
        message = f"{path} is empty, too large or no plain file"
        return Finding("subtitle.burn_kind", message, "name a subtitle file", key)
    if not text.startswith((b"\xff\xfe", b"\xfe\xff")) and not _is_utf8(text):
        return Finding("subtitle.burn_encoding", f"{path.name} is not Unicode text", "save it as UTF-8", key)
    return None


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
