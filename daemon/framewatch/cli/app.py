"""The application: every command, in the order in which a new user meets them."""

from __future__ import annotations

from typing import Annotated

import typer

from framewatch import __version__
from framewatch.cli import daemon, demo, doctor, files, jobs, models, schema

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


app.command()(demo.demo)
app.command()(daemon.check)
app.command()(daemon.run)
app.command()(files.plan)
app.command()(files.upscale)
app.command()(jobs.status)
app.command()(jobs.retry)
app.command()(jobs.cancel)
app.command()(doctor.doctor)
app.add_typer(models.app, name="models")
app.command()(schema.schema)
