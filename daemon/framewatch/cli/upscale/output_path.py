"""Where `framewatch upscale` writes, for what the user gave with `--output`."""

from __future__ import annotations

import os
from pathlib import Path

from framewatch.errors import ConfigError
from framewatch.media.preset.loader import NamedPreset
from framewatch.text import printable
from framewatch.user_folders import expanded


def output_path(given: str, source: Path, named: NamedPreset) -> Path:
    """Return the file to write, with links and `..` before its name resolved: links that the user names are followed.

    `~` is the user's home. A folder stands for the source's name in it, with the ending of the preset's container.

    Raises:
        ConfigError: nothing is given, or `output.exists`, `output.wrong_ending`.
    """
    if not given.strip():
        raise ConfigError("the name of the output is empty", code="output.no_name", hint="name a file or a folder")
    path = expanded(Path(given)) or Path(given)  # `~nobody` may be a folder's name
    if given.endswith("/") or path.name in ("", "..") or path.is_dir():
        path = path / f"{source.resolve().stem}.{named.preset.container}"
    output = path.parent.resolve() / path.name
    require_absent(output)
    _require_extension(output, named)
    return output


def require_absent(output: Path) -> None:
    """Return where nothing is in the place of the output.

    Raises:
        ConfigError: `output.exists`.
    """
    if os.path.lexists(output):
        raise ConfigError(
            "the output exists already, and is never overwritten",
            code="output.exists",
            hint="name another file, or move this one away",
            where=printable(output),
        )


def _require_extension(output: Path, named: NamedPreset) -> None:
    extension = f".{named.preset.container}"
    if output.suffix.lower() != extension:
        raise ConfigError(
            f'the preset "{named.name}" writes {named.preset.container} files',
            code="output.wrong_ending",
            hint=f"name it {output.with_suffix(extension).name}, or use a preset with another container",
            where=printable(output),
        )
