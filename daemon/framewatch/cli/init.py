"""`framewatch init`: write a configuration."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

import typer

from framewatch.cli import completion
from framewatch.cli.output import print_line
from framewatch.cli.temporary_file import temporary_beside
from framewatch.documents import parse
from framewatch.errors import ConfigError
from framewatch.intake.preflight import preflight
from framewatch.media.preset.library import is_path
from framewatch.settings.load import load_document
from framewatch.settings.starter import StarterFolder, starter
from framewatch.text import printable

_DEFAULT_PRESET = "anime-2x"


def init(
    config: Annotated[
        Path,
        typer.Option("--config", "-c", envvar="FRAMEWATCH_CONFIG", help="The file to write."),
    ] = Path("framewatch.yaml"),
    input_: Annotated[
        Path | None,
        typer.Option(
            "--input",
            "-i",
            help="The folder to watch. Default: in/ beside the file, which is made.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Folder for finished videos. Default: out/ beside the input.", show_default=False
        ),
    ] = None,
    preset: Annotated[
        str,
        typer.Option(
            "--preset",
            "-p",
            help="A preset's name or path; `framewatch presets list` shows them.",
            autocompletion=completion.presets,
        ),
    ] = _DEFAULT_PRESET,
    name: Annotated[
        str | None,
        typer.Option(
            "--name", help="The folder's name for logs and commands. Default: from the input.", show_default=False
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")] = False,
) -> None:
    """Write a configuration with one watch folder, and every other setting as a comment.

    It asks nothing. It is checked as `framewatch check` does before it is written.

    \b
    Examples:
      framewatch init
      framewatch init --input /nas/anime/in --output /nas/anime/out --preset anime
      sudo framewatch init --config /etc/framewatch/framewatch.yaml --input /srv/films/in --preset film
    """
    config = config.absolute()
    if os.path.lexists(config) and not force:
        raise ConfigError(
            "this file exists already",
            code="config.exists",
            hint="edit it, name another with --config, or replace it with --force",
            where=printable(config),
        )
    watched = (input_ or config.parent / "in").absolute()
    folder = StarterFolder(
        name=name or folder_name(watched),
        input=watched,
        output=output and output.absolute(),
        preset=str(Path(preset).absolute()) if is_path(preset) else preset,
    )
    _make(config, starter(folder), watched if input_ is None else None, replace=force)
    print_line(f"{config}: written")
    print_line(f"watching: {watched} -> {folder.output or watched.parent / 'out'} ({preset})")
    print_line(f"to start: framewatch run --config {config}")
    print_line("as a service: see `framewatch service install --help`")


def _make(config: Path, text: str, watched: Path | None, *, replace: bool) -> None:
    """Write a configuration that `framewatch check` has nothing against.

    Args:
        config: the file.
        text: what is in it.
        watched: a folder to make; None: it has to be there.
        replace: a file that is there already.

    Raises:
        ConfigError: the configuration would not work, or cannot be written.
    """
    try:
        config.parent.mkdir(parents=True, exist_ok=True)
        if watched is not None:
            watched.mkdir(exist_ok=True)
        preflight(load_document(parse(text, source=str(config)), config), strict=True)
        _write(config, text, replace=replace)
    except OSError as error:
        message, hint = f"it cannot be written: {error.strerror}", "name another file with --config, or use sudo"
        where = printable(error.filename or config)
        raise ConfigError(message, code="config.not_written", hint=hint, where=where) from None


def folder_name(path: Path) -> str:
    """Return a name for a watch folder: that of its path's last part which is not just "in" or the like."""
    names = [each.name for each in (path, *path.parents) if each.name]
    chosen = next((each for each in names if each.lower() not in ("in", "input", "watch", "upscale")), "videos")
    clean = re.sub(r"[^A-Za-z0-9._-]+", "-", chosen).strip("-.")[:64]
    return clean or "videos"


def _write(path: Path, text: str, *, replace: bool) -> None:
    """Write a file, complete or not at all.

    Raises:
        ConfigError: somebody else has just made it.
    """
    umask = os.umask(0)
    os.umask(umask)
    try:
        with temporary_beside(path, text.encode(), 0o666 & ~umask) as temporary:
            if replace:
                temporary.replace(path)
            else:
                path.hardlink_to(temporary)
    except FileExistsError:
        message, hint = "this file exists already", "edit it, or replace it with --force"
        raise ConfigError(message, code="config.exists", hint=hint, where=printable(path)) from None
