"""Options that several commands have, and the configuration that `--config` names.

A command has as many parameters as it has options: typer reads them from the signature. That is why commands may have
more than six.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, cast, get_args

import typer

from framewatch.errors import ConfigError
from framewatch.settings import LoadedSettings, load_settings
from framewatch.settings.environment import variable
from framewatch.settings.fields import EngineName, PrecisionName
from framewatch.user_folders import APPLICATION, home, user_folder

_ENGINES: tuple[str, ...] = get_args(EngineName)
_PRECISIONS: tuple[str, ...] = get_args(PrecisionName)


def offered(incomplete: str, words: Iterable[str]) -> list[str]:
    """Return what the shell offers of some words, for the word so far."""
    return [word for word in words if word.startswith(incomplete)]


ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        envvar="FRAMEWATCH_CONFIG",
        help="The configuration. Default: ./framewatch.yaml, then ~/.config/framewatch/, then /etc/framewatch/.",
        show_default=False,
    ),
]
EngineOption = Annotated[
    str,
    typer.Option(
        "--engine",
        envvar=variable(("engine",)),
        help=f"One of {', '.join(_ENGINES)}.",
        autocompletion=lambda incomplete: offered(incomplete, _ENGINES),
    ),
]
PrecisionOption = Annotated[
    str,
    typer.Option(
        "--precision",
        envvar=variable(("precision",)),
        help="exact; or fast: in 8 bits where that is faster, at about 42 dB.",
        autocompletion=lambda incomplete: offered(incomplete, _PRECISIONS),
    ),
]
FfmpegOption = Annotated[
    str | None,
    typer.Option(
        "--ffmpeg",
        envvar=variable(("ffmpeg",)),
        metavar="PATH|system",
        help="The ffmpeg program to use: a path, or system for the one on PATH. Default: the packaged one.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


def check_engine(name: str) -> str:
    """Return the name if it is one that `engine:` may have.

    Raises:
        ConfigError: `engine.unknown`.
    """
    if name not in _ENGINES:
        hint = f"use one of: {', '.join(_ENGINES)}"
        raise ConfigError(
            f'there is no engine "{name}"', code="engine.unknown", hint=hint, where=_named("engine", name)
        )
    return name


def check_precision(name: str) -> PrecisionName:
    """Return the name if it is one that `precision:` may have.

    Raises:
        ConfigError: `config.bad_value`.
    """
    if name not in _PRECISIONS:
        hint = f"use {' or '.join(_PRECISIONS)}"
        message, where = f'there is no precision "{name}"', _named("precision", name)
        raise ConfigError(message, code="config.bad_value", hint=hint, where=where)
    return cast("PrecisionName", name)


def _named(option: str, value: str) -> str:
    """Return where a value was given: by the variable, or by the option."""
    name = variable((option,))
    return name if os.environ.get(name) == value else f"--{option}"


def settings_path(config: Path | None) -> Path:
    """Return the named configuration file, or the first one found in the default places.

    Raises:
        ConfigError: `config.not_found`: none was named, and there is none.
    """
    if config is not None:
        return config
    paths = _default_paths()
    # Path.is_file raises where a folder cannot be searched, such as the home of another user.
    found = next((path for path in paths if os.path.isfile(path)), None)  # noqa: PTH113
    if found is None:
        searched = ", ".join(str(path) for path in paths)
        raise ConfigError(
            "no configuration was named, and none was found",
            code="config.not_found",
            hint=f"name one with --config FILE (searched: {searched}; see `framewatch run --help`)",
        )
    return found


def load_configuration(config: Path | None) -> LoadedSettings:
    """Load the settings from the named configuration, or from the one in the default places.

    Raises:
        ConfigError: there is none, or it is wrong.
    """
    return load_settings(settings_path(config))


def _default_paths() -> list[Path]:
    own, user = user_folder("config"), home()
    folders = [Path(), *filter(None, (own, user and user / ".config" / APPLICATION)), Path("/etc") / APPLICATION]
    return list(dict.fromkeys(folder / "framewatch.yaml" for folder in folders))
