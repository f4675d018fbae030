"""All commands, in the order in which a new user meets them.

A command's module is imported when the command runs. So `framewatch status` does not wait for what only rendering
needs: numpy, PyAV and the engines.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, MutableMapping
from types import MappingProxyType
from typing import Annotated, Any, cast

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from framewatch import __version__

_COMMANDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "demo": ("demo:demo", "Upscale a real clip in a watched folder, and show the result."),
        "init": ("init:init", "Write a configuration with one watch folder, and every other setting as a comment."),
        "check": ("daemon:check", "Check the configuration, its presets, folders and tools."),
        "run": ("daemon:run", "Watch the configured folders until a signal comes."),
        "plan": ("plan:plan", "Show what would be done with a file, and write nothing."),
        "upscale": ("upscale.command:upscale", "Process one file now, with a progress bar."),
        "status": ("status.command:status", "Show the daemon, its folders and its jobs."),
        "retry": ("queue.again:retry", "Try failed or cancelled jobs again, with the folder's preset as it is now."),
        "redo": (
            "queue.again:redo",
            "Process the sources of finished jobs once more, with the folder's preset as it is now.",
        ),
        "requeue": (
            "queue.again:requeue",
            "Give waiting jobs the folder's preset as it is now; they keep their places in the queue.",
        ),
        "cancel": ("queue.cancel:cancel", "Cancel jobs."),
        "pause": (
            "queue.pause:pause",
            "Pause all jobs, those of a folder, or single ones.",
        ),
        "resume": (
            "queue.pause:resume",
            "End a pause: that of all jobs, of a folder, or of single jobs.",
        ),
        "next": (
            "queue.order:next_jobs",
            "Put jobs in front of all others, in the order in which they are named.",
        ),
        "priority": (
            "queue.order:priority",
            "Set the priority of a job, or of those that a pattern fits.",
        ),
        "doctor": ("doctor:doctor", "Check what jobs need on this machine."),
        "bench": ("bench.command:bench", "Measure how fast this machine is, and recommend settings."),
        "folders": ("folders:app", "Show the watch folders and their disks, or accept another disk."),
        "presets": ("presets:app", "List, show and validate presets, and list their keys."),
        "models": ("models:app", "List the networks, verify and install their weights."),
        "service": (
            "service.command:app",
            "Have systemd or launchd run the daemon: print, install or remove it.",
        ),
        "schema": ("schema:schema", "Print the JSON Schema of a document."),
    }
)
"""For each name the module in this package with the function, or the group of commands, and its line in the list.

The line repeats the first sentence of the help, so that `framewatch --help` need not import every module for it.
"""


_NEGATIVE_NUMBERS = ("priority",)


class _LazyCommands(Mapping[str, Any]):
    """The commands by name; one is imported when it is taken out."""

    def __getitem__(self, name: str) -> Any:
        module, _, attribute = _COMMANDS[name][0].partition(":")
        found = getattr(importlib.import_module(f"framewatch.cli.{module}"), attribute)
        if isinstance(found, typer.Typer):
            command: Any = get_group(found)
        else:
            single = typer.Typer(rich_markup_mode=None, add_completion=False)
            # An unknown option is then an argument, so that a number may be negative.
            single.command(context_settings={"ignore_unknown_options": name in _NEGATIVE_NUMBERS})(found)
            command = get_command(single)
        command.name = name
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(_COMMANDS)

    def __len__(self) -> int:
        return len(_COMMANDS)


class _LazyGroup(TyperGroup):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = cast("MutableMapping[str, Any]", _LazyCommands())

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Offer the commands and options, without importing the module of each command for its line."""
        lazy = self.commands
        self.commands = {name: TyperCommand(name, help=line) for name, (_, line) in _COMMANDS.items()}
        try:
            return super().shell_complete(ctx, incomplete)
        finally:
            self.commands = lazy

    def format_commands(self, _: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items()])


app = typer.Typer(
    name="framewatch",
    cls=_LazyGroup,
    help="Watch folders, and upscale the videos in them to 2x, 3x or 4x their size.",
    epilog="Environment: FRAMEWATCH_CONFIG names the configuration, and each key of it can be set as well: "
    "FRAMEWATCH_STATE_DIR, FRAMEWATCH_WORK_DIR, FRAMEWATCH_LOG__LEVEL. Options of a command come first, then the "
    "environment, then the configuration. FRAMEWATCH_MODELS names a folder of weights; FRAMEWATCH_DEBUG=1 shows "
    "where an error happened.",
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
