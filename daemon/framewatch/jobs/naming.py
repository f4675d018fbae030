"""Names of outputs, numbered copies and sidecars. Pure; names may hold any bytes that a file system allows.

Names that are not UTF-8 are strings with Python's surrogate escapes. Every name made here has at most `MAX_BYTES` in
the file system's encoding. A longer one is cut between characters and marked with a hash of the whole name.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path

from framewatch.library.own_files import SIDECAR_SUFFIX
from framewatch.settings.fields import NOT_PORTABLE
from framewatch.storage.folder_places import ProgressFiles

MAX_BYTES = 255  # NAME_MAX of every common file system
PROGRESS_FOLDER = ".framewatch-progress"

_MAX_EXTENSION = 16  # bytes; what follows the last dot of "Vol. 1 the long way home" is no extension
_NOT_PORTABLE = re.compile(rf"[{re.escape(NOT_PORTABLE)}\x00-\x1f]")
_RESERVED = re.compile(r"(?i)con|prn|aux|nul|com[1-9]|lpt[1-9]")  # names of devices, with any ending
_FIELD = re.compile(r"\{(stem|preset|ext)\}")


def output_name(template: str, stem: str, preset: str, ext: str) -> str:
    """Return the output's name by a folder's template, such as "{stem}_{preset}.{ext}".

    Only the three fields are replaced, once: braces in a file's own name stay as they are. A path separator
    becomes "_". If the name is too long, the stem is shortened.
    """
    values = {"stem": stem, "preset": preset, "ext": ext}

    def filled(stem: str) -> str:
        name = _FIELD.sub(lambda match: (values | {"stem": stem})[match[1]], template)
        return _safe(name)

    name = filled(stem)
    over = _size(name) - MAX_BYTES
    times = template.count("{stem}")
    if over <= 0 or not times:
        return _fit(*_split(name))
    room = _size(stem) - -(-over // times)
    return _fit(*_split(filled(_shortened(stem, room))))


def planned_output(root: Path, relative: Path, template: str, preset: str, ext: str) -> Path:
    """Return where to put the output of a source: the tree below the input is mirrored below `root`."""
    return root / relative.parent / output_name(template, relative.stem, preset, ext)


def portable(output: Path, root: Path, replacement: str | None) -> Path:
    """Return the path of an output with names below `root` that file systems of Windows allow, too.

    Args:
        output: a path below `root`.
        root: the output folder, whose own path stays as it is.
        replacement: of each character that is not allowed; None: nothing is replaced.
    """
    if replacement is None:
        return output
    return root.joinpath(*(_portable(name, replacement) for name in output.relative_to(root).parts))


def _portable(name: str, replacement: str) -> str:
    kept = _NOT_PORTABLE.sub(lambda _: replacement, name)
    stem, dot, rest = kept.partition(".")
    if _RESERVED.fullmatch(stem):
        kept = f"{stem}_{dot}{rest}"
    return _safe(kept.rstrip(" .") or "_")


def placed_below(root: Path, relative: Path, output: Path) -> Path:
    """Return the output itself if it is below `root`; else the same name in the mirrored tree below `root`."""
    return output if output.is_relative_to(root) else root / relative.parent / output.name


def with_container(output: Path, container: str) -> Path:
    """Return the output with the ending of another container; unchanged if it has no ending."""
    stem, extension = _split(output.name)
    return output.with_name(_fit(stem, f".{container}")) if extension else output


def numbered(name: str, number: int) -> str:
    """Return the name of the `number`th file with the same name: "name.mp4", then "name (2).mp4" and so on."""
    if number < 2:
        return name
    stem, extension = _split(name)
    return _fit(stem, f" ({number}){extension}")


def free_path(path: Path, taken: Callable[[Path], bool]) -> Path:
    """Return the first of "name", "name (2)", "name (3)" … that is not taken."""
    number = 1
    while taken(candidate := path.with_name(numbered(path.name, number))):
        number += 1
    return candidate


def sidecar_path(file: Path) -> Path:
    """Return where a job's progress file is: beside its output or, once it ended without one, beside its source."""
    return file.with_name(_fit(file.name, SIDECAR_SUFFIX))


def fitted(name: str) -> str:
    """Return the name, cut before its ending if it is too long."""
    return _fit(*_split(name))


def progress_path(root: Path, file: Path, mode: ProgressFiles) -> Path:
    """Return where the progress file of an output or source below `root` is."""
    beside = sidecar_path(file)
    if mode != "folder" or not beside.is_relative_to(root):
        return beside
    return root / PROGRESS_FOLDER / beside.relative_to(root)


def _safe(name: str) -> str:
    name = name.replace("/", "_").replace("\0", "_")
    return f"_{name}" if name in ("", ".", "..") else name


def _split(name: str) -> tuple[str, str]:
    """Stem and extension with its dot; a long or missing extension counts as part of the stem."""
    stem, dot, extension = name.rpartition(".")
    if not stem.strip(".") or _size(extension) > _MAX_EXTENSION:
        return name, ""
    return stem, dot + extension


def _fit(stem: str, suffix: str) -> str:
    if _size(stem) + _size(suffix) <= MAX_BYTES:
        return stem + suffix
    return _shortened(stem, MAX_BYTES - _size(suffix)) + suffix


def _shortened(stem: str, room: int) -> str:
    """At most `room` bytes: the stem's first characters, "~" and 8 hexadecimal digits of the hash of all of it."""
    mark = "~" + hashlib.blake2b(os.fsencode(stem), digest_size=4).hexdigest()
    kept = stem
    while kept and _size(kept) > room - len(mark):
        kept = kept[:-1]
    return kept + mark


def _size(text: str) -> int:
    return len(os.fsencode(text))
