"""The application: every command, in the order in which a new user meets them."""

from __future__ import annotations

from typing import Annotated

import typer

from framewatch import __version__
from framewatch.cli import folders, models, presets
from framewatch.cli.bench import bench
from framewatch.cli.daemon import check, run
from framewatch.cli.demo import demo
from framewatch.cli.doctor import doctor
from framewatch.cli.jobs import cancel, retry, status
from framewatch.cli.plan import plan
from framewatch.cli.schema import schema
from framewatch.cli.upscale import upscale

app = typer.Typer(
    name="framewatch",
    help="Watch folders that upscale video: drop a file, get it back 2x or 4x.",
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
    """Options that stand before any command."""


for command in (demo, check, run, plan, upscale, status, retry, cancel, doctor, bench):
    app.command()(command)
app.add_typer(folders.app, name="folders")
app.add_typer(presets.app, name="presets")
app.add_typer(models.app, name="models")
app.command()(schema)
