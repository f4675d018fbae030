"""All commands, in the order in which a new user meets them.

A command's module is imported when the command runs, or when a list of all commands is shown. So `framewatch status`
does not wait for what only rendering needs: numpy, PyAV and the engines.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, MutableMapping
from types import MappingProxyType
from typing import Annotated, Any, cast

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from framewatch import __version__

_PLACES: Mapping[str, str] = MappingProxyType(
    {
        "demo": "demo:demo",
        "check": "daemon:check",
        "run": "daemon:run",
        "plan": "plan:plan",
        "upscale": "upscale:upscale",
        "status": "jobs:status",
        "retry": "jobs:retry",
        "cancel": "jobs:cancel",
        "doctor": "doctor:doctor",
        "bench": "bench:bench",
        "folders": "folders:app",
        "presets": "presets:app",
        "models": "models:app",
        "schema": "schema:schema",
    }
)
"""For each name the module in this package, and in it the function or the group of commands."""


class _LazyCommands(Mapping[str, Any]):
    """The commands by name; one is imported when it is taken out."""

    def __getitem__(self, name: str) -> Any:
        module, _, attribute = _PLACES[name].partition(":")
        found = getattr(importlib.import_module(f"framewatch.cli.{module}"), attribute)
        if isinstance(found, typer.Typer):
            command: Any = get_group(found)
        else:
            single = typer.Typer(rich_markup_mode=None, add_completion=False)
            single.command()(found)
            command = get_command(single)
        command.name = name
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(_PLACES)

    def __len__(self) -> int:
        return len(_PLACES)


class _LazyGroup(TyperGroup):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = cast("MutableMapping[str, Any]", _LazyCommands())


app = typer.Typer(
    name="framewatch",
    cls=_LazyGroup,
    help="Watch folders, and upscale the videos in them to twice or four times their size.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"framewatch {__version__}")
        raise typer.Exit


@app.callback()
def options(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Take the options that stand before any command."""
